"""``sklearn-hsae report``: the report of a run, written again."""

from sklearn_hsae.cli._results_folder import read_results, write_views
from sklearn_hsae.cli._say import say
from sklearn_hsae.evaluation import corrected_names, relabel, relabel_column


def report(arguments):
    """Write the report again from what the run has stored."""
    results = read_results(arguments.results)
    found, labels = results.evaluation(), results.labels()
    names = corrected_names(found.annotations.columns, labels)
    paths = write_views(
        results.folder,
        relabel(found, labels),
        results.record,
        results.held_out(),
        arguments,
        by=relabel_column(results.by_group(), "hypothesis", names),
        pipeline=results.model() if arguments.figures else None,
    )
    say(f"written: {', '.join(map(str, paths))}")
