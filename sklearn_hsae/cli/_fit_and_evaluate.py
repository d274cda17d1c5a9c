"""The long part of a call: fit the steps, then test on the held-out texts."""

import time
import warnings
from contextlib import contextmanager
from dataclasses import replace

import numpy as np

from sklearn_hsae import evaluate_hypotheses, make_hypothesis_pipeline
from sklearn_hsae._sklearn_compat import validate_params
from sklearn_hsae.cli._describe_cost import describe_cost
from sklearn_hsae.cli._say import say
from sklearn_hsae.evaluation import baselines, stability
from sklearn_hsae.llm import check_environment
from sklearn_hsae.selection import suggest_n_select

# How the verdict names a parameter, and how the command names it.
_IN_THE_COMMAND = {
    "(n_neurons, k)": "(--n-neurons, --k)",
    "(n_select) or a higher target_weight keep": "(--n-select) keep",
    "(n_select)": "(--n-select)",
    "try another interpreter or judge": "try a language model (--llm) or another "
    "--judge",
    "another embedding model": "another embedding model (--embedder)",
    "settings of the pipeline": "options",
}
_DOING = {
    "clean": "clean the texts",
    "embed": "embed {n:,} texts",
    "sae": "train the autoencoder",
    "select": "select neurons",
    "interpret": "name them",
    "annotate": "judge which texts have which concept",
    "choose": "choose among the concepts",
    "regress": "estimate their effects",
    "evaluate": "test them on {n_new:,} held-out texts",
    "baselines": "what other methods reach on the same texts",
    "repeat": "search again with other seeds, repeats: {n_repeats}",
}


def build_pipeline(
    split,
    *,
    seed,
    stop_words="auto",
    ignore=(),
    controls=None,
    min_groups=1,
    **options,
):
    """Make the pipeline, and check every parameter before a step runs."""
    _check_sizes(split, options)
    judge = options.get("judge")
    if judge in ("llm", "distilled") and options.get("llm") is None:
        raise ValueError(f"--judge {judge} needs a language model: pass --llm.")
    if options.get("llm") is not None:
        check_environment(options["llm"])
    pipeline = make_hypothesis_pipeline(
        task=split.task, random_state=seed, verbose=1, **options
    )
    if options.get("llm") is None:
        names = {"interpret__stop_words": stop_words, "interpret__ignore": ignore}
        pipeline.set_params(**names)
    elif stop_words != "auto":
        raise ValueError("--stop-words is for names without --llm; leave one out.")
    elif ignore:
        raise ValueError(
            "--ignore is for names without --llm; leave one out. Tell a language model "
            "by --instructions what no concept should be about."
        )
    if controls:
        columns = list(controls)
        choosing = [
            name for name in ("select", "choose") if name in pipeline.named_steps
        ]
        pipeline.set_params(
            regress__controls=columns,
            **{f"{name}__controls": columns for name in choosing},
        )
    if split.groups is not None:
        pipeline.set_params(regress__cov_type="cluster", select__min_groups=min_groups)
    elif min_groups > 1:
        raise ValueError(
            f"--min-groups {min_groups} counts the values of a column: pass --groups."
        )
    for _, step in pipeline.steps:
        validate_params(step)
    return pipeline


def warn_of_overlap(split, told):
    """Warn when held-out texts are among those the hypotheses are found on."""
    known = set(_hashable(split.texts))
    n_known = sum(text in known for text in _hashable(split.new_texts))
    if not n_known:
        return
    n_texts = len(split.texts)
    few = ""
    if len(known) < n_texts / 2:
        few = (
            f" There are {len(known):,} different texts in {n_texts:,} rows: is it the "
            "column of the texts?"
        )
    told.warn(
        f"{n_known:,} of {len(split.new_texts):,} texts to test on are also among "
        "those to learn from. They are no test of what was found on them. Remove "
        f"duplicates from the files.{few}"
    )


def _hashable(texts):
    """The texts, or the pairs as tuples."""
    return texts if np.ndim(texts) == 1 else map(tuple, np.asarray(texts))


def fit_and_evaluate(pipeline, split, n_repeats=0, seed=None, with_baselines=False):
    """Fit the pipeline and test it; return the evaluation and the seconds per step.

    With repeats, the evaluation says how often each hypothesis came back; with
    baselines, what other methods reach.

    The steps are fitted as `Pipeline.fit` fits them. It is not called, because
    ``verbose=True`` says what was done only after a step has ended, and to standard
    output; here a line goes before each step, which may take minutes.
    """
    stages = _Stages(
        n_stages=len(pipeline.steps) + 1 + with_baselines + bool(n_repeats),
        n=len(split.texts),
        n_new=len(split.new_texts),
        n_repeats=n_repeats,
    )
    X = split.texts
    for name, step in pipeline.steps[:-1]:
        if name == "interpret" and pipeline["annotate"].llm is not None:
            say(describe_cost(pipeline, X, split.new_texts, n_repeats))
        with stages.stage(name):
            uses_groups = name in ("sae", "select")
            together = {"groups": split.groups} if uses_groups else {}
            X = step.fit_transform(X, split.y, **together)
    name, last_step = pipeline.steps[-1]
    with stages.stage(name):
        last_step.fit(X, split.y, groups=split.groups)
    with stages.stage("evaluate"), warnings.catch_warnings():
        # `warn_of_overlap` has said it, in the words of the command.
        warnings.filterwarnings("ignore", r".* are also in X_train", UserWarning)
        evaluation = evaluate_hypotheses(
            pipeline,
            split.new_texts,
            split.new_y,
            X_train=split.texts,
            y_train=split.y,
            groups=split.new_groups,
        )
    if with_baselines:
        with stages.stage("baselines"):
            table = _baselines(pipeline, split, seed)
        evaluation = evaluation.with_baselines(table)
    if n_repeats:
        with stages.stage("repeat"), warnings.catch_warnings():
            # Of labels that are not shown; those of the search itself have been told.
            warnings.filterwarnings("ignore", r".*labels are made of", UserWarning)
            warnings.filterwarnings("ignore", r".*labels contain", UserWarning)
            table = stability(
                pipeline,
                split.texts,
                split.y,
                X_common=split.new_texts,
                y_common=split.new_y,
                n_repeats=n_repeats,
                groups=split.groups,
                random_state=seed,
            )
        evaluation = evaluation.with_stability(table)
    return _in_the_command(evaluation), stages.seconds


def _in_the_command(evaluation):
    """The evaluation with a verdict that names options, not parameters."""
    verdict = evaluation.verdict
    for parameter, option in _IN_THE_COMMAND.items():
        verdict = verdict.replace(parameter, option)
    return replace(evaluation, verdict=verdict)


def _baselines(pipeline, split, seed):
    """What other methods reach on the texts that the pipeline embeds."""
    texts, new_texts = split.texts, split.new_texts
    if "clean" in pipeline.named_steps:
        texts, new_texts = map(pipeline["clean"].transform, (texts, new_texts))
    return baselines(
        texts,
        split.y,
        new_texts,
        split.new_y,
        task=split.task,
        embedder=pipeline["embed"],
        n_clusters=pipeline[-1].n_features_in_,
        random_state=seed,
    )


class _Stages:
    """Announce each stage, and keep the seconds it took."""

    def __init__(self, n_stages, **sizes):
        self.n_stages = n_stages
        self.sizes = sizes
        self.seconds = {}

    @contextmanager
    def stage(self, name):
        done = len(self.seconds) + 1
        doing = _DOING[name].format(**self.sizes)
        say(f"[{done}/{self.n_stages}] {doing}")
        start = time.perf_counter()
        yield
        self.seconds[name] = round(time.perf_counter() - start, 2)


def _check_sizes(split, options):
    n_neurons, k, n_select = (options[key] for key in ("n_neurons", "k", "n_select"))
    n_texts = len(split.texts)
    if n_select == "auto":
        n_select = min(suggest_n_select(n_texts), n_neurons)
    if k > n_neurons:
        raise ValueError(
            f"--k {k} is more than --n-neurons {n_neurons}: a text cannot switch on "
            "more neurons than there are."
        )
    largest = max(options["prefixes"] or (1,))
    if isinstance(largest, int) and largest > n_neurons:
        raise ValueError(
            f"--prefixes goes up to {largest}, beyond --n-neurons {n_neurons}."
        )
    if n_select > n_neurons:
        raise ValueError(
            f"--n-select {n_select} is more than the {n_neurons} neurons there are. "
            "Pass a smaller --n-select or a larger --n-neurons."
        )
    for n, part in ((n_texts, "to learn from"), (len(split.new_texts), "held out")):
        if n <= n_select + 1:
            raise ValueError(
                f"{n} texts {part} are too few for {n_select} hypotheses: more texts "
                f"than hypotheses are needed. Pass --n-select {max(n // 10, 1)}."
            )
