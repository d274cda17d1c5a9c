"""``sklearn-hsae run``: hypotheses for a user's file."""

from sklearn_hsae.cli._fit_and_evaluate import (
    build_pipeline,
    fit_and_evaluate,
    say,
    warn_of_overlap,
)
from sklearn_hsae.cli._read_data import read_split
from sklearn_hsae.cli._record import (
    finish_record,
    prepare_folder,
    start_record,
    write_outputs,
)
from sklearn_hsae.cli._results_table import show_results
from sklearn_hsae.sae import suggest_sizes


def run(arguments, argv):
    """Check everything, fit, test, show and write."""
    folder = prepare_folder(arguments.out)
    split = read_split(arguments)
    pipeline = build_pipeline(
        split,
        **_sizes(arguments, len(split.texts)),
        n_select=arguments.n_select,
        model=arguments.model,
        llm=arguments.llm,
        judge=arguments.judge,
        api_base=arguments.api_base,
        instructions=arguments.instructions,
        seed=arguments.seed,
        cache_dir=arguments.cache_dir,
    )
    say(
        f"{arguments.file}: {len(split.texts):,} texts to learn from, "
        f"{len(split.new_texts):,} to test on; {split.task} of {arguments.target!r}"
    )
    warn_of_overlap(split)
    record = start_record(arguments, argv, split)
    evaluation, seconds = fit_and_evaluate(pipeline, split)
    record = finish_record(record, pipeline, evaluation, seconds)
    # Written before it is shown: a closed pipe behind the command loses nothing.
    paths = write_outputs(folder, split, pipeline, evaluation, record)
    show_results(evaluation)
    say(f"\nwritten: {', '.join(map(str, paths))}")


def _sizes(arguments, n_texts):
    """The sizes asked for, and the suggested ones where nothing was asked for."""
    sizes = suggest_sizes(n_texts)
    if arguments.n_neurons is not None:
        sizes["n_neurons"] = arguments.n_neurons
        sizes["k"] = min(sizes["k"], arguments.n_neurons)
        sizes["prefixes"] = (1 / 3, 1.0)
    if arguments.k is not None:
        sizes["k"] = arguments.k
    if arguments.prefixes != "auto":
        sizes["prefixes"] = arguments.prefixes
    return sizes
