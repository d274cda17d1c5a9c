"""The scores of a label: each answers another question about label and neuron."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from sklearn.metrics import roc_auc_score
from sklearn.preprocessing import normalize

from sklearn_hsae._correlations import pearson
from sklearn_hsae._files import json_value
from sklearn_hsae.interpretation import _surprisal
from sklearn_hsae.interpretation._fidelity import fidelity_table
from sklearn_hsae.interpretation._spans import marked, telling_sentences
from sklearn_hsae.interpretation._text_questions import (
    ask_about_texts,
    ask_about_words,
)
from sklearn_hsae.interpretation._token_scorers import marked_texts, word_activations
from sklearn_hsae.judges import sentences


@dataclass(frozen=True)
class Sample:
    """The texts on which one label is scored.

    column : int
        Column of the neuron.
    feature : str
        Name of this column.
    concept : str
        The label.
    texts : list of str
    activations : ndarray of shape (n_texts,)
    quantile : int ndarray of shape (n_texts,)
        0 for silent texts. Firing texts have the number of their quantile: 1 for the
        weakest activations.
    """

    column: int
    feature: str
    concept: str
    texts: list
    activations: np.ndarray
    quantile: np.ndarray

    @property
    def fires(self):
        return self.quantile > 0


@dataclass(frozen=True)
class Tools:
    """The models that scorers use: judge, embedder, neurons and a local LLM.

    `tokens` is a `CarriedTokens`, or None when the tokens are not known. `examples`
    gets a dict per text that was scored.
    """

    judge: Any
    embedder: Any
    activate: Any
    tokens: Any
    local_model: str | None
    seed: int
    examples: list = field(default_factory=list)

    def record(self, sample, scorer, **columns):
        """Keep what a scorer has found on each text: sequences of equal length."""
        for values in zip(*columns.values(), strict=True):
            example = dict(zip(columns, values, strict=True))
            entry = {"concept": sample.concept, "scorer": scorer, **example}
            self.examples.append(json_value(entry))

    def shown(self, sample):
        """What is shown of the texts of a sample: a list of str."""
        if self.tokens is None or self.tokens.n_shown is None:
            return sample.texts
        return [t for t, _, _ in self.tokens.shown(sample.texts, sample.feature)]

    def annotate(self, concept, texts):
        return self.judge.fit([concept], texts).judge(texts)[:, 0]

    def ask(self, prompt, concept, texts, is_graded=False):
        judge = self.judge
        return ask_about_texts(
            judge.client, prompt, concept, texts, judge.max_words, is_graded
        )


def detection(sample, tools):
    """Can a judge who knows the label find the texts on which the neuron fires?"""
    texts = tools.shown(sample)
    probabilities = tools.annotate(sample.concept, texts)
    annotations = _decided(probabilities)
    tools.record(
        sample,
        "detection",
        text=texts,
        quantile=sample.quantile,
        activating=sample.fires,
        prediction=annotations,
        correct=_is_right(annotations, sample.fires),
        **_recorded(probabilities, tools),
    )
    table = fidelity_table(annotations[:, None], sample.activations[:, None])
    for metric, value in table.iloc[0].items():
        yield metric, None, value
    yield from _auc(probabilities, sample.fires, tools)
    yield from _means("share_of_yes", annotations, sample.quantile)


def recall(sample, tools):
    """As `detection`, but only on the texts on which the neuron fires."""
    texts = firing_texts(sample, tools)
    probabilities = tools.annotate(sample.concept, texts)
    annotations = _decided(probabilities)
    fires = sample.fires[sample.fires]
    tools.record(
        sample,
        "recall",
        text=texts,
        quantile=sample.quantile[sample.fires],
        activating=fires,
        prediction=annotations,
        correct=_is_right(annotations, fires),
        **_recorded(probabilities, tools),
    )
    if not np.isnan(annotations).all():
        yield "recall", None, np.nanmean(annotations)
    yield from _means("recall", annotations, sample.quantile[sample.fires])


def firing_texts(sample, tools):
    """What is shown of the texts on which the neuron fires: a list of str."""
    shown = tools.shown(sample)
    return [t for t, fires in zip(shown, sample.fires, strict=True) if fires]


def fuzz(sample, tools):
    """Does the label fit the sentence that makes the neuron fire?

    One sentence is marked in each text: in half of the texts the one that makes the
    neuron fire (see `telling_sentences`), in the others a random other sentence. Where
    the tokens are known, the marks are around tokens, see `marked_texts`.
    """
    shown, is_true, quantile = texts_of_fuzz(sample, tools)
    is_graded = tools.judge.is_graded
    probabilities = tools.ask("fuzz", sample.concept, shown, is_graded)
    annotations = _decided(probabilities)
    is_right = _is_right(annotations, is_true)
    tools.record(
        sample,
        "fuzz",
        text=shown,
        quantile=quantile,
        activating=is_true,
        prediction=annotations,
        correct=is_right,
        **_recorded(probabilities, tools),
    )
    table = fidelity_table(annotations[:, None], np.array(is_true, float)[:, None])
    for metric in ("balanced_accuracy", "precision", "recall", "f1", "n_rows"):
        yield metric, None, table.loc[0, metric]
    yield from _auc(probabilities, np.array(is_true), tools)
    yield from _means("accuracy", is_right, np.array(quantile))


def texts_of_fuzz(sample, tools):
    """The marked texts of `fuzz`, whether the marks are true, and the quantiles."""
    if tools.tokens is None:
        return _marked_sentences(sample, tools)
    return marked_texts(sample, tools)


def _decided(probabilities):
    """1 or 0 of a probability; NaN stays."""
    decided = (probabilities >= 0.5).astype(float)
    return np.where(np.isnan(probabilities), np.nan, decided)


def _recorded(probabilities, tools):
    return {"probability": probabilities} if tools.judge.is_graded else {}


def _auc(probabilities, expected, tools):
    """How well probabilities rank texts; only where both kinds of texts were judged."""
    is_known = ~np.isnan(probabilities)
    expected = expected[is_known]
    if tools.judge.is_graded and len(set(expected.tolist())) == 2:
        yield "auc", None, roc_auc_score(expected, probabilities[is_known])


def _is_right(annotations, expected):
    """1 or 0 per text; NaN where there is no annotation."""
    is_right = annotations == np.array(expected, dtype=float)
    return np.where(np.isnan(annotations), np.nan, is_right)


def _marked_sentences(sample, tools):
    texts = [t for t, fires in zip(sample.texts, sample.fires, strict=True) if fires]
    numbers = telling_sentences(texts, sample.column, tools.activate)
    rng = np.random.default_rng(tools.seed)
    shown, is_true, quantile = [], [], []
    quantiles = sample.quantile[sample.fires]
    for text, number, q in zip(texts, numbers, quantiles, strict=True):
        if number is None:
            continue
        quantile.append(q)
        is_true.append(len(is_true) % 2 == 0)
        others = [i for i in range(len(sentences(text))) if i != number]
        shown.append(marked(text, number if is_true[-1] else rng.choice(others)))
    return shown, is_true, quantile


def simulation(sample, tools):
    """How well does a judge who knows the label predict the activations?

    The activations are those of the texts. Where the tokens are known, they are those
    of all words of all texts.
    """
    if tools.tokens is None:
        predicted = tools.ask("simulate", sample.concept, sample.texts)
        true, quantile = sample.activations, sample.quantile
        text, shown = {"text": sample.texts}, (predicted, true)
    else:
        words, of_words = word_activations(sample, tools)
        replies = ask_about_words(tools.judge.client, sample.concept, words)
        predicted, true = (np.concatenate([*p, []]) for p in (replies, of_words))
        quantile = np.repeat(sample.quantile, list(map(len, words)))
        text, shown = {"words": words}, (replies, of_words)
    tools.record(
        sample,
        "simulation",
        **text,
        quantile=sample.quantile,
        prediction=shown[0],
        activation=shown[1],
    )
    yield from _means("predicted", predicted, quantile)
    known = ~np.isnan(predicted)
    predicted, true = predicted[known], true[known]
    varies = known.sum() > 1 and np.ptp(true) > 0
    yield "correlation", None, pearson(predicted, true) if varies else 0.0
    if varies:
        # A reply of 10 stands for the largest activation.
        rest = true - predicted * true.max() / 10
        yield "explained_variance", None, 1 - np.mean(rest**2) / np.var(true)


def embedding(sample, tools):
    """Are the firing texts nearer to the label in an embedding space?"""
    texts = tools.shown(sample)
    vectors = tools.embedder.fit_transform([sample.concept, *texts]).to_numpy()
    vectors = normalize(vectors)
    cosines = vectors[1:] @ vectors[0]
    _record_free(sample, tools, "embedding", texts, cosine=cosines)
    if 0 < sample.fires.sum() < len(sample.texts):
        yield "auc", None, roc_auc_score(sample.fires, cosines)
    yield from _means("cosine", cosines, sample.quantile)


def surprisal(sample, tools):
    """Does the label make the firing texts less surprising to a language model?

    The drop of a text is the decrease of its surprisal when the label precedes it.
    """
    with_label = f"A text that {sample.concept}:\n"
    texts = tools.shown(sample)
    drops = _surprisal.surprisal(tools.local_model, "A text:\n", texts)
    drops -= _surprisal.surprisal(tools.local_model, with_label, texts)
    _record_free(sample, tools, "surprisal", texts, drop=drops)
    yield from _means("drop", drops, sample.quantile)
    known = ~np.isnan(drops)
    fires, drops = sample.fires[known], drops[known]
    if fires.any() and not fires.all():
        yield "auc", None, roc_auc_score(fires, drops)
        yield "drop", None, drops[fires].mean() - drops[~fires].mean()


def _record_free(sample, tools, scorer, texts, **values):
    tools.record(
        sample,
        scorer,
        text=texts,
        quantile=sample.quantile,
        activating=sample.fires,
        **values,
    )


def _means(metric, values, quantile):
    """The mean per quantile, without NaN."""
    for q in np.unique(quantile[~np.isnan(values)]):
        yield metric, q, np.nanmean(values[quantile == q])


SCORERS = {
    function.__name__: function
    for function in (detection, recall, fuzz, simulation, embedding, surprisal)
}
