"""``sklearn-hsae explore``: the results of a run in the browser."""

from sklearn_hsae.cli._fit_and_evaluate import say
from sklearn_hsae.cli._results_folder import read_results
from sklearn_hsae.explorer import (
    LABEL_FILE,
    LabelFile,
    read_content,
    require_panel,
    serve,
)


def explore(arguments):
    """Serve the page until Ctrl-C."""
    require_panel()
    results = read_results(arguments.results)
    held_out = results.held_out()
    if not isinstance(held_out["text"].iloc[0], str):
        raise ValueError(
            f"{results.folder} was found in pairs of texts, and the explorer shows "
            f"single texts. sklearn-hsae report {results.folder} shows pairs."
        )
    say(f"{results.folder}: {len(held_out):,} held-out texts")
    content = read_content(
        results.model(),
        held_out["text"],
        held_out["outcome"],
        results.evaluation(),
        outcome=results.target,
        columns=held_out.drop(columns=["text", "outcome"]),
    )
    server = serve(
        content,
        LabelFile(results.folder / LABEL_FILE),
        port=arguments.port,
        open_browser=not arguments.no_browser,
        say=say,
    )
    say("Ctrl-C ends it")
    try:
        server.wait()
    except KeyboardInterrupt:
        server.stop()
