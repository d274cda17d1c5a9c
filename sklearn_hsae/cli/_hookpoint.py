"""One layer of ``sklearn-hsae explain``: its features, their names and their scores."""

import json
import re
from pathlib import Path

import numpy as np
import pandas as pd

from sklearn_hsae import (
    EmbeddingTransformer,
    KeyphraseInterpreter,
    LLMInterpreter,
    ReaderSAETransformer,
)
from sklearn_hsae._files import json_value, write_text
from sklearn_hsae._labels import unique_labels
from sklearn_hsae._tokens import carry_tokens, tokens_behind
from sklearn_hsae.cli._say import say
from sklearn_hsae.interpretation import estimate_scores, score_concepts

_FEATURES_PER_ROUND = 50  # a round is kept when it has ended
_FEATURES_PER_ESTIMATE = 20
_N_SCORED_TEXTS = 100
_LABEL_OF_ESTIMATE = "mentions something or other"
_LAYER = re.compile(r"(?:layers|h|blocks|layer)[._](\d+)")


class Hookpoint:
    """The reader of one layer, its features, and their files.

    Parameters
    ----------
    arguments : Namespace
        Of the command line.
    name : str or None
        Such as "layers.16". None is the layer that the files of the autoencoder name.
    llm : LanguageModel or None
    train, test : ndarray of str
        The texts to explain features by, and those to score them on.
    """

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
        # All features of an autoencoder: sparse, and dense round by round.
        self.train, self.test = read.iloc[:, columns], unread.iloc[:, columns]
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
            sample = _sample(missing)
            cost = self._interpreter().estimate_cost(self._dense(self.train, sample))
            parts.append(_scaled(cost, len(missing) / len(sample)))
        for scorer in scorers:
            unscored = self._without_score(scorer, self.train.columns)
            if unscored:
                parts.append(self._estimate_of(scorer, unscored))
        return parts

    def _estimate_of(self, scorer, names):
        """The cost of a score, from the questions about some of the features."""
        sample = _sample(names)
        labels = [f"{_LABEL_OF_ESTIMATE} ({i})" for i in range(len(sample))]
        cost = estimate_scores(
            self._named(sample, labels),
            llm=self.llm,
            scorers=[scorer],
            n_texts=_N_SCORED_TEXTS,
            max_words=self._max_words,
            probabilities=self.arguments.log_probs,
            random_state=self.arguments.seed,
        )
        return _scaled(cost, len(names) / len(sample))

    def _named(self, names, labels):
        """The texts to score on, with labels as the names of the columns."""
        chosen = self._dense(self.test, names)
        features = dict(zip(labels, names, strict=True))
        tokens = tokens_behind(chosen).renamed(features)
        return carry_tokens(chosen.set_axis(labels, axis=1), tokens)

    def explain(self):
        missing = self._without_explanation()
        for start in range(0, len(missing), _FEATURES_PER_ROUND):
            names = missing[start : start + _FEATURES_PER_ROUND]
            say(f"{self.name}: explaining features {start + 1} to {start + len(names)}")
            interpreter = self._interpreter().fit(self._dense(self.train, names))
            labels = _labels(interpreter)
            for name, label in labels.items():
                write_json(self.explanation_path(name), label)

    def score(self, scorer):
        labels = self.explanations()
        missing = self._without_score(scorer, labels)
        if missing:
            say(f"{self.name}: scoring {len(missing)} explanations ({scorer})")
        for start in range(0, len(missing), _FEATURES_PER_ROUND):
            names = missing[start : start + _FEATURES_PER_ROUND]
            unique = unique_labels([labels[name] for name in names])
            table = score_concepts(
                self._named(names, unique),
                scorers=[scorer],
                llm=self.llm,
                embedder=self._embedder(),
                local_model=self.arguments.model,
                n_texts=_N_SCORED_TEXTS,
                max_words=self._max_words,
                probabilities=self.arguments.log_probs,
                random_state=self.arguments.seed,
                verbose=1,
            )
            for name, label in zip(names, unique, strict=True):
                scores = table[table["concept"] == label].drop(columns="concept")
                content = {
                    "explanation": labels[name],
                    "scores": scores.to_dict("records"),
                    "examples": _examples(table, label),
                }
                write_json(self.score_path(scorer, name), json_value(content))

    def table(self, scorers):
        """One row per explanation, with the metrics of all texts together.

        Returns
        -------
        DataFrame
            `hookpoint`, `feature`, `explanation`, `n_texts` that have the feature among
            those that explain, and one column per metric, such as "fuzz precision".
        """
        labels = self.explanations()
        counts = dict(zip(self.train.columns, _counts(self.train), strict=True))
        rows = []
        for name, label in labels.items():
            row = {
                "hookpoint": self.name,
                "feature": name,
                "explanation": label,
                "n_texts": counts[name],
            }
            for scorer in scorers:
                for score in self._scores(scorer, name)["scores"]:
                    if score["quantile"] is None:
                        row[f"{scorer} {score['metric']}"] = score["value"]
            rows.append(row)
        return pd.DataFrame(rows)

    def _scores(self, scorer, name):
        path = self.score_path(scorer, name)
        return json.loads(path.read_text(encoding="utf-8"))

    @property
    def _max_words(self):
        return self.arguments.max_words

    def _path(self, kind, feature, ending):
        name = f"{self.name}_latent{feature.removeprefix('sae')}.{ending}"
        return self.arguments.out / kind / name

    def _without_explanation(self):
        return [n for n in self.train.columns if not self.explanation_path(n).is_file()]

    def _without_score(self, scorer, names):
        """Those without a score, or with that of another explanation."""
        labels = self.explanations()
        return [name for name in names if not self._is_scored(scorer, name, labels)]

    def _is_scored(self, scorer, name, labels):
        if not self.score_path(scorer, name).is_file():
            return False
        return self._scores(scorer, name)["explanation"] == labels.get(name)

    def _dense(self, frame, names):
        """Some columns, with what of each text is to be shown."""
        chosen = frame[names]
        tokens = tokens_behind(chosen).showing(self.arguments.context)
        return carry_tokens(chosen.sparse.to_dense(), tokens)

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
    labels = dict(zip(named["neuron"], named["concept"], strict=True))
    if isinstance(interpreter, LLMInterpreter):
        for candidate in interpreter.candidates_.to_dict("records"):
            labels.setdefault(candidate["neuron"], candidate["concept"])
    return labels


def _examples(table, label):
    """What was found on each text for one label."""
    return [
        {k: v for k, v in example.items() if k not in ("concept", "scorer")}
        for example in table.attrs["examples"]
        if example["concept"] == label
    ]


def _frequent(frame, min_examples, max_latents):
    return np.flatnonzero(_counts(frame) >= min_examples)[:max_latents].tolist()


def _counts(frame):
    """The number of texts that have each feature."""
    return np.diff(frame.sparse.to_coo().tocsc().indptr)


def _sample(names):
    """Some features, whose price stands for that of all."""
    return names[:: -(-len(names) // _FEATURES_PER_ESTIMATE)]


def _scaled(cost, share):
    return {k: None if v is None else v * share for k, v in cost.items()}


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


def write_json(path, value):
    """Write a value of JSON, and make the folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, json.dumps(value, ensure_ascii=False, indent=1) + "\n")
