"""``sklearn-hsae explain``: the features of an autoencoder in words, with scores."""

import json
import re
import sys
from pathlib import Path

import numpy as np
from sklearn.model_selection import train_test_split

from sklearn_hsae import (
    EmbeddingTransformer,
    KeyphraseInterpreter,
    LanguageModel,
    LLMInterpreter,
    ReaderSAETransformer,
)
from sklearn_hsae._cache import cache_key
from sklearn_hsae._files import json_value, write_text
from sklearn_hsae._labels import unique_labels
from sklearn_hsae._tokens import carry_tokens, tokens_behind
from sklearn_hsae.cli._fit_and_evaluate import say
from sklearn_hsae.datasets import load_texts, make_reviews
from sklearn_hsae.interpretation import score_concepts
from sklearn_hsae.judges import LLMJudge
from sklearn_hsae.report import package_versions

_DEMO_TEXTS = 1000
_FEATURES_PER_ROUND = 50  # a round is kept when it has ended
_N_SCORED_TEXTS = 100
_LAYER = re.compile(r"(?:layers|h|blocks|layer)[._](\d+)")
_PAID = ("detection", "recall", "fuzz", "simulation")


def explain(arguments, argv):
    """Read, explain and score, hookpoint by hookpoint; what is done is skipped."""
    texts = _texts(arguments)
    train, test = train_test_split(
        texts, test_size=0.5, random_state=arguments.seed, shuffle=True
    )
    llm = _language_model(arguments)
    scorers = _scorers(arguments)
    folder = arguments.out
    _write_json(folder / "run_config.json", _config(arguments, argv, train, test))
    say(f"{len(train):,} texts to explain features by, {len(test):,} to score them on")
    jobs = [
        _Hookpoint(arguments, name, llm, train, test)
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


class _Hookpoint:
    """One layer: its reader, its features, and their files."""

    def __init__(self, arguments, name, llm, train, test):
        self.arguments, self.llm = arguments, llm
        self.reader = ReaderSAETransformer(
            arguments.model,
            _sae_path(arguments.sae, name),
            layer=_layer(name),
            max_tokens=arguments.max_tokens,
            cache_dir=arguments.cache_dir,
            device=arguments.device,
            verbose=1,
        )
        read = self.reader.fit_transform(train)
        self.name = name or f"layers.{self.reader.layer_}"
        unread = self.reader.transform(test)
        columns = _frequent(read, arguments.min_examples, arguments.max_latents)
        n_silent = read.shape[1] - len(columns)
        say(
            f"{self.name}: {len(columns):,} features, the first ones that "
            f"{arguments.min_examples} texts have; {n_silent:,} others are left out"
        )
        if not columns:
            raise ValueError(
                f"no feature of {self.name} is active in {arguments.min_examples} "
                "texts. Lower --min-examples, or pass more texts by --file."
            )
        self.train, self.test = _dense(read, columns), _dense(unread, columns)
        latents = arguments.out / "latents" / self.name
        if not (latents / "config.json").is_file():
            self.reader.save_delphi(train, latents)

    def explanation_path(self, feature):
        return self._path("explanations", feature, "txt")

    def score_path(self, scorer, feature):
        return self._path(f"scores/{scorer}", feature, "json")

    def explanations(self):
        """The explanations that there are: a dict by feature."""
        paths = {name: self.explanation_path(name) for name in self.train.columns}
        return {
            name: json.loads(path.read_text(encoding="utf-8"))
            for name, path in paths.items()
            if path.is_file()
        }

    def estimate(self, scorers):
        """Calls and dollars of all that is not done yet; None without a price."""
        missing = self._without_explanation()
        parts = []
        if missing:
            interpreter = self._interpreter()
            parts.append(interpreter.estimate_cost(self.train[missing]))
        judge = LLMJudge(self.llm, texts_per_call=5, max_words=self._max_words)
        n_texts = min(_N_SCORED_TEXTS, len(self.test))
        shown = self.test.index.get_level_values("text")[:n_texts]
        for scorer in set(scorers) & set(_PAID):
            n = len(self._without_score(scorer, self.train.columns))
            labels = ["mentions something or other"]
            part = judge.estimate_cost(labels, shown)
            parts.append({k: None if v is None else v * n for k, v in part.items()})
        return parts

    def explain(self):
        missing = self._without_explanation()
        for start in range(0, len(missing), _FEATURES_PER_ROUND):
            names = missing[start : start + _FEATURES_PER_ROUND]
            say(f"{self.name}: explaining features {start + 1} to {start + len(names)}")
            found = _labels(self._interpreter().fit(self.train[names]))
            for name, label in found.items():
                _write_json(self.explanation_path(name), label)

    def score(self, scorer):
        labels = self.explanations()
        missing = self._without_score(scorer, labels)
        say(f"{self.name}: scoring {len(missing)} explanations ({scorer})")
        for start in range(0, len(missing), _FEATURES_PER_ROUND):
            names = missing[start : start + _FEATURES_PER_ROUND]
            unique = unique_labels([labels[name] for name in names])
            chosen = self.test[names]
            tokens = tokens_behind(chosen)
            named = carry_tokens(
                chosen.set_axis(unique, axis=1),
                tokens.renamed(dict(zip(unique, names, strict=True))),
            )
            table = score_concepts(
                named,
                scorers=[scorer],
                llm=self.llm,
                embedder=self._embedder(),
                local_model=self.arguments.model,
                n_texts=_N_SCORED_TEXTS,
                max_words=self._max_words,
                random_state=self.arguments.seed,
                verbose=1,
            )
            for name, label in zip(names, unique, strict=True):
                own = table[table["concept"] == label].drop(columns=["concept"])
                content = {
                    "explanation": labels[name],
                    "scores": own.to_dict("records"),
                }
                _write_json(self.score_path(scorer, name), json_value(content))

    def summary(self, scorer):
        """Mean of each metric over the explanations: a dict."""
        sums = {}
        for name in self.explanations():
            path = self.score_path(scorer, name)
            for row in json.loads(path.read_text(encoding="utf-8"))["scores"]:
                if row["quantile"] is None and row["value"] is not None:
                    sums.setdefault(row["metric"], []).append(row["value"])
        return {metric: float(np.mean(values)) for metric, values in sums.items()}

    @property
    def _max_words(self):
        return self.arguments.max_words

    def _path(self, kind, feature, ending):
        name = f"{self.name}_latent{feature.removeprefix('sae')}.{ending}"
        return self.arguments.out / kind / name

    def _without_explanation(self):
        return [n for n in self.train.columns if not self.explanation_path(n).is_file()]

    def _without_score(self, scorer, names):
        return [n for n in names if not self.score_path(scorer, n).is_file()]

    def _embedder(self):
        return EmbeddingTransformer(
            self.arguments.embedder, cache_dir=self.arguments.cache_dir
        )

    def _interpreter(self):
        if self.llm is None:
            return KeyphraseInterpreter(
                judge="keyphrase", random_state=self.arguments.seed, verbose=1
            )
        return LLMInterpreter(
            self.llm,
            n_candidates=1,
            n_examples=self.arguments.n_examples,
            n_scoring=0,
            max_words=self._max_words,
            instructions=self.arguments.instructions,
            prompt="default" if self.arguments.negatives == "random" else "contrastive",
            sampling=self.arguments.sampling,
            negatives=self.arguments.negatives,
            embedder=self._embedder(),
            random_state=self.arguments.seed,
            verbose=1,
        )


def _labels(interpreter):
    """The label of each feature, those included that agree with another one."""
    table = interpreter.fidelity_
    named = table[table["concept"].notna()]
    found = dict(zip(named["neuron"], named["concept"], strict=True))
    if isinstance(interpreter, LLMInterpreter):
        for candidate in interpreter.candidates_.to_dict("records"):
            found.setdefault(candidate["neuron"], candidate["concept"])
    return found


def _frequent(frame, min_examples, max_latents):
    counts = np.diff(frame.sparse.to_coo().tocsc().indptr)
    return np.flatnonzero(counts >= min_examples)[:max_latents].tolist()


def _dense(frame, columns):
    chosen = frame.iloc[:, columns]
    return carry_tokens(chosen.sparse.to_dense(), tokens_behind(chosen))


def _texts(arguments):
    if arguments.file is None:
        return np.array(
            make_reviews(_DEMO_TEXTS, random_state=arguments.seed).texts, dtype=object
        )
    if arguments.file.suffix == ".txt":
        lines = arguments.file.read_text(encoding="utf-8").splitlines()
        texts = np.array([line for line in lines if line.strip()], dtype=object)
    else:
        texts, _, _ = load_texts(arguments.file, text=arguments.text, drop_missing=True)
    return texts[: arguments.max_texts]


def _language_model(arguments):
    if arguments.llm is None:
        return None
    call = (arguments.model, arguments.sae, arguments.out.resolve())
    return LanguageModel(
        arguments.llm,
        api_base=arguments.api_base,
        timeout=arguments.timeout,
        max_cost=arguments.max_cost,
        budget=cache_key(explain=[str(part) for part in call]),
        cache_dir=arguments.cache_dir,
    )


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


def _sae_path(sae, hookpoint):
    """The folder of one layer: the folder itself, or the one of this name inside."""
    if hookpoint is None:
        return sae
    is_repository = not Path(sae).exists() and sae.count("/") == 1
    inner = f"{sae}/{hookpoint}"
    return inner if is_repository or Path(inner).exists() else sae


def _layer(hookpoint):
    if hookpoint is None:
        return "auto"
    match = _LAYER.search(hookpoint)
    if match is None:
        raise ValueError(
            f"--hookpoints {hookpoint} names no layer. Pass names such as layers.16."
        )
    return int(match[1])


def _say_estimate(estimates):
    parts = [part for parts in estimates for part in parts]
    calls = sum(part["calls"] for part in parts)
    dollars = [part["dollars"] for part in parts]
    price = "no price is known" if None in dollars else f"about ${sum(dollars):.2f}"
    say(f"estimate: at most {calls:,} calls, {price}")


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


def _write_json(path, value):
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, json.dumps(value, ensure_ascii=False, indent=1) + "\n")
