"""``sklearn-hsae explain``: the features of an autoencoder in words, with scores."""

import sys

from sklearn.model_selection import train_test_split

from sklearn_hsae._files import json_value
from sklearn_hsae.cli._hookpoint import Hookpoint, write_json
from sklearn_hsae.cli._language_model import language_model
from sklearn_hsae.cli._say import say
from sklearn_hsae.cli._texts_to_explain import texts_to_explain
from sklearn_hsae.report import package_versions

_PAID = ("detection", "recall", "fuzz", "simulation")


def explain(arguments, argv):
    """Read, explain and score, hookpoint by hookpoint; what is done is skipped."""
    texts = texts_to_explain(arguments)
    train, test = train_test_split(
        texts, test_size=0.5, random_state=arguments.seed, shuffle=True
    )
    llm = _language_model(arguments)
    scorers = _scorers(arguments)
    folder = arguments.out
    write_json(folder / "run_config.json", _config(arguments, argv, train, test))
    say(f"{len(train):,} texts to explain features by, {len(test):,} to score them on")
    jobs = [
        Hookpoint(arguments, name, llm, train, test)
        for name in arguments.hookpoints or [None]
    ]
    if llm is not None:
        _say_estimate([job.estimate(scorers) for job in jobs])
    if arguments.estimate:
        return
    for job in jobs:
        job.explain()
        for scorer in scorers:
            job.score(scorer)
    _show(jobs, scorers)
    say(f"\nwritten: {folder}")


def _language_model(arguments):
    call = (arguments.model, arguments.sae, arguments.out.resolve())
    return language_model(arguments, explain=[str(part) for part in call])


def _scorers(arguments):
    if arguments.scorers is None:
        return ("embedding",) if arguments.llm is None else ("detection", "fuzz")
    paid = [name for name in arguments.scorers if name in _PAID]
    if paid and arguments.llm is None:
        raise ValueError(
            f"--scorers {' '.join(paid)}: these ask a language model. Pass --llm, or "
            "--scorers embedding surprisal."
        )
    return tuple(dict.fromkeys(arguments.scorers))


def _say_estimate(estimates):
    parts = [part for parts in estimates for part in parts]
    calls = round(sum(part["calls"] for part in parts))
    dollars = [part["dollars"] for part in parts]
    price = "no price is known" if None in dollars else f"about ${sum(dollars):.2f}"
    say(f"estimate: about {calls:,} calls, {price}")


def _config(arguments, argv, train, test):
    return json_value(
        {
            "command": ["sklearn-hsae", *(sys.argv[1:] if argv is None else argv)],
            **vars(arguments),
            "texts to explain by": len(train),
            "texts to score on": len(test),
            "versions": package_versions(),
        }
    )


def _show(jobs, scorers):
    for job in jobs:
        labels = job.explanations()
        sys.stdout.write(
            f"{job.name}: {len(labels)} of {job.train.shape[1]} features\n"
        )
        for scorer in scorers:
            means = job.summary(scorer).items()
            values = "  ".join(f"{metric} {value:.2f}" for metric, value in means)
            sys.stdout.write(f"  {scorer:10}  {values}\n")
        for name, label in list(labels.items())[:10]:
            sys.stdout.write(f"  {name:10}  {label}\n")
