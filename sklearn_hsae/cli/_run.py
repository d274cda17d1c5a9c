"""``sklearn-hsae run``: hypotheses for a user's file."""

import os

from sklearn_hsae import EmbeddingTransformer, LSAEmbedder
from sklearn_hsae._cache import cache_folder
from sklearn_hsae.cli._columns import describe_groups
from sklearn_hsae.cli._fit_and_evaluate import (
    build_pipeline,
    fit_and_evaluate,
    warn_of_overlap,
)
from sklearn_hsae.cli._language_model import language_model
from sklearn_hsae.cli._read_data import read_split
from sklearn_hsae.cli._record import finish_record, start_record
from sklearn_hsae.cli._results_folder import write_results
from sklearn_hsae.cli._results_table import show_results
from sklearn_hsae.cli._say import say
from sklearn_hsae.sae import suggest_sizes


def run(arguments, argv, told):
    """Check everything, fit, test, show and write."""
    if arguments.chunk and arguments.embedder == "lsa":
        raise ValueError(
            "--chunk is for a model that reads only the head of a long text, and "
            "--embedder lsa reads every text whole: leave --chunk out."
        )
    split = read_split(arguments)
    pipeline = _pipeline(arguments, split)
    rows = "texts" if arguments.text_b is None else "pairs of texts"
    say(
        f"{arguments.file}: {len(split.texts):,} {rows} to learn from, "
        f"{len(split.new_texts):,} to test on; {split.task} of "
        f"{arguments.target!r}"
    )
    warn_of_overlap(split, told)
    if split.groups is not None:
        for line in describe_groups(split, arguments.groups):
            told.warn(line)
    record = start_record(arguments, argv, split)
    evaluation, seconds = fit_and_evaluate(
        pipeline, split, arguments.repeat, arguments.seed, arguments.baselines
    )
    pipeline.set_params(sae__checkpoint=None)  # it is no setting of the model
    by = None if split.new_by is None else evaluation.by_group(split.new_by)
    record = finish_record(record, pipeline, evaluation, seconds, told)
    # Written before it is shown: a closed pipe behind the command loses nothing.
    paths = write_results(arguments, split, pipeline, evaluation, record, by)
    show_results(evaluation, arguments.target, by)
    say(f"\nwritten: {', '.join(map(str, paths))}")


def _pipeline(arguments, split):
    pipeline = build_pipeline(
        split,
        **_sizes(arguments, len(split.texts)),
        n_select=arguments.n_select or "auto",
        positive=split.positive,
        pairs=arguments.text_b is not None,
        clean=arguments.clean,
        embedder=_embedder(arguments),
        llm=_language_model(arguments),
        judge=arguments.judge,
        stop_words=arguments.stop_words,
        ignore=arguments.ignore,
        instructions=arguments.instructions,
        controls=arguments.controls,
        min_groups=arguments.min_groups,
        seed=arguments.seed,
    )
    if arguments.cache_dir is not None:  # a killed training goes on in the next call
        folder = cache_folder(arguments.cache_dir) / "training"
        pipeline.set_params(sae__checkpoint=folder)
    return pipeline


def _embedder(arguments):
    if arguments.embedder == "lsa":
        return LSAEmbedder(random_state=arguments.seed, verbose=1)
    return EmbeddingTransformer(
        arguments.embedder,
        chunk="model" if arguments.chunk else None,
        cache_dir=arguments.cache_dir,
        verbose=1,
    )


def _language_model(arguments):
    call = (arguments.file, arguments.text, arguments.target, arguments.out)
    call += () if arguments.text_b is None else (arguments.text_b,)
    call = [str(part) for part in call]
    return language_model(arguments, call=call, folder=os.getcwd())


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
