"""``sklearn-hsae explain``: the features of an autoencoder in words, with scores."""

import hashlib
import sys
from itertools import chain

import pandas as pd
from sklearn.model_selection import train_test_split

from sklearn_hsae._files import json_value, write_text
from sklearn_hsae.cli._hookpoint import Hookpoint, write_json
from sklearn_hsae.cli._language_model import language_model
from sklearn_hsae.cli._same_results import CONFIG, TEXTS_HASH, check_same_results
from sklearn_hsae.cli._say import say
from sklearn_hsae.cli._texts_to_explain import texts_to_explain
from sklearn_hsae.report import package_versions

_PAID = ("detection", "recall", "fuzz", "simulation")
_TABLE = "features.csv"
_PRINTED = 10


def explain(arguments, argv):
    """Read, explain and score, hookpoint by hookpoint; what is done is skipped."""
    texts = texts_to_explain(arguments)
    train, test = train_test_split(
        texts, test_size=0.5, random_state=arguments.seed, shuffle=True
    )
    llm = _language_model(arguments)
    scorers = _scorers(arguments)
    folder = arguments.out
    config = check_same_results(folder, _config(arguments, argv, train, test))
    write_json(folder / CONFIG, config)
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
    table = pd.concat([job.table(scorers) for job in jobs], ignore_index=True)
    write_text(folder / _TABLE, table.round(4).to_csv(index=False))
    _show(table, jobs, scorers)
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
            TEXTS_HASH: _hash(chain(train, test)),
            "versions": package_versions(),
        }
    )


def _hash(texts):
    digest = hashlib.sha256()
    for text in texts:
        digest.update(text.encode("utf-8", "surrogatepass") + b"\0")
    return digest.hexdigest()


def _show(table, jobs, scorers):
    for job in jobs:
        rows = table[table["hookpoint"] == job.name]
        sys.stdout.write(f"{job.name}: {len(rows)} of {job.train.shape[1]} features\n")
        for scorer in scorers:
            means = rows.filter(regex=f"^{scorer} ").mean().dropna()
            values = "  ".join(
                f"{name.removeprefix(scorer).strip()} {mean:.2f}"
                for name, mean in means.items()
            )
            sys.stdout.write(f"  {scorer:10}  {values}\n")
        for row in rows[:_PRINTED].to_dict("records"):
            sys.stdout.write(f"  {row['feature']:10}  {row['explanation']}\n")
