"""What the parts of one open page share: filter, selection, colour, open feature."""

import threading

import numpy as np
import param

from sklearn_hsae.explorer._features import (
    hypothesis_features,
    neuron_features,
    phrase_features,
)
from sklearn_hsae.explorer._overview import neuron_phrases, overview


class SharedContent:
    """Content with its features, made once for all open pages.

    Parameters
    ----------
    content : Content
    labels : LabelFile
    """

    def __init__(self, content, labels):
        self.content = content
        self.labels = labels
        are_pairs = content.pairs is not None
        self.hypotheses = hypothesis_features(content.annotations, are_pairs=are_pairs)
        self.neurons = neuron_features(
            content.activations, content.neurons, are_pairs=are_pairs
        )
        self.phrases = None  # until they are counted
        self.projections = {}
        self._overview = self._descriptions = None
        self._lock = threading.Lock()

    def count_phrases(self):
        """Count the phrases; a second call waits for the first."""
        with self._lock:
            if self.phrases is None:
                content = self.content
                self.phrases = phrase_features(
                    content.texts if content.pairs is None else content.pairs
                )
                self._descriptions = None
        return self.phrases

    def overview(self):
        """The table of all hypotheses and neurons."""
        if self._overview is None:
            self._overview = overview(self)
        return self._overview.copy()

    def descriptions(self):
        """What to call each neuron: its concept, or phrases that go with it."""
        if self._descriptions is None:
            found = {}
            if self.phrases is not None:
                found = neuron_phrases(self.neurons, self.phrases)
            described = {k: f"{k} ({', '.join(v)})" for k, v in found.items() if v}
            fidelity = self.content.evaluation.fidelity
            if fidelity is not None and "neuron" in fidelity:
                named = fidelity.dropna(subset="concept")
                for neuron, concept in zip(
                    named["neuron"], named["concept"], strict=True
                ):
                    described[str(neuron)] = f"{neuron}: {concept}"
            self._descriptions = described
        return self._descriptions

    @property
    def features(self):
        """The features that there are by now."""
        known = [self.hypotheses, self.neurons, self.phrases]
        return [features for features in known if features is not None]

    def features_of(self, kind):
        return next(features for features in self.features if features.kind == kind)


class PageState(param.Parameterized):
    """State of one open page.

    Parameters
    ----------
    shared : SharedContent
    """

    filtered = param.Array(doc="Mask of the texts that pass the filters.")
    drawn = param.Array(doc="Mask of the texts in the area; None without an area.")
    colour = param.String("outcome", doc="What colours the map.")
    feature = param.Tuple(None, length=2, allow_None=True, doc="Kind and name.")
    n_corrections = param.Integer(0, doc="Changes when a label was corrected.")

    def __init__(self, shared):
        super().__init__(filtered=np.ones(len(shared.content.texts), dtype=bool))
        self.shared = shared

    @property
    def groups(self):
        """Masks of the selected texts, and of those they are compared with."""
        if self.drawn is None:
            return self.filtered, ~self.filtered
        return self.filtered & self.drawn, self.filtered & ~self.drawn

    def namer(self):
        """A function that returns the label of a hypothesis or a neuron."""
        names = self.shared.descriptions() | self.shared.labels.all()
        return lambda name: names.get(name, name)
