"""``sklearn-hsae report``: the report of a run, written again."""

from sklearn_hsae.cli._fit_and_evaluate import say
from sklearn_hsae.cli._results_folder import read_results, write_views


def report(arguments):
    """Write the report again from what the run has stored."""
    results = read_results(arguments.results)
    paths = write_views(
        results.folder,
        results.evaluation(),
        results.record,
        results.held_out(),
        arguments,
        results.drift(),
        by=results.by_group(),
    )
    say(f"written: {', '.join(map(str, paths))}")
