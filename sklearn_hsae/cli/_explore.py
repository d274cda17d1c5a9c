"""``sklearn-hsae explore``: the results of a run in the browser."""

from pathlib import Path

from sklearn_hsae._files import file_hash
from sklearn_hsae.cli._results_folder import read_results
from sklearn_hsae.cli._say import say
from sklearn_hsae.datasets import read_file
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
    unit = "texts" if isinstance(held_out["text"].iloc[0], str) else "pairs of texts"
    say(f"{results.folder}: {len(held_out):,} held-out {unit}")
    content = read_content(
        results.model(),
        held_out["text"],
        held_out["outcome"],
        results.evaluation(),
        outcome=results.target,
        columns=_columns(results, held_out),
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


def _columns(results, held_out):
    """The other columns of the file of the run, if it still is where it was."""
    known = held_out.drop(columns=["text", "outcome"])
    data = results.record["data"]
    which = "holdout" if "holdout" in data else ""
    written = data.get(f"{which} sha256".strip())
    if written is None:  # the reviews of the demo were in no file
        return known
    path = Path(data[which or "file"])
    if not path.is_file():
        say(f"{path} is not there: its other columns are not shown")
        return known
    if file_hash(path) != written:
        say(f"{path} was changed since the run: its other columns are not shown")
        return known
    try:
        table = read_file(path, ())
    except (ValueError, OSError, ImportError) as error:
        say(f"the other columns of {path} are not shown: {error}")
        return known
    frame = table.frame.set_axis(table.numbers)
    used = {*known.columns, data.get("text column"), data["target"], data.get("id")}
    others = [name for name in frame.columns if name not in used]
    rows = frame.loc[held_out["row"], others].reset_index(drop=True)
    return known.join(rows)
