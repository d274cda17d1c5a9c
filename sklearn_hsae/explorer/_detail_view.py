"""One hypothesis or neuron: its figures, its label, and its texts."""

import numpy as np
import panel as pn

from sklearn_hsae import _format
from sklearn_hsae.explorer._features import HYPOTHESIS, NEURON
from sklearn_hsae.explorer._html import capitalized, facts, plain
from sklearn_hsae.explorer._label_view import LabelView
from sklearn_hsae.explorer._layout import below, beside, controls, html
from sklearn_hsae.explorer._map import nearest_neurons
from sklearn_hsae.explorer._overview import STRONGEST, quantile_texts
from sklearn_hsae.explorer._phrase_marks import phrase_marker, phrases_in
from sklearn_hsae.explorer._text_view import TextView


class DetailView:
    """What is known about the hypothesis or neuron that is open.

    Parameters
    ----------
    state : PageState
    """

    def __init__(self, state):
        self.state = state
        self.heading = html()
        self.label = LabelView(state)
        self.colour = pn.widgets.Button(label="Colour the map by it")
        self.colour.on_click(lambda event: self._colour())
        self.near = below()
        are_pairs = state.shared.content.pairs is not None
        self.quantile = pn.widgets.Select(
            label="Pairs by its activation, A minus B"
            if are_pairs
            else "Texts on which it is",
            width=260,
        )
        self.quantile.param.watch(lambda event: self._show_quantile(), "value")
        self.with_it, self.without = TextView(state), TextView(state)
        self.texts = below()
        self._quantiles = {}
        self._view = below(
            self.heading,
            self.label.view(),
            controls(self.colour),
            self.near,
            self.texts,
        )
        state.param.watch(lambda event: self.update(), ["feature"])
        state.param.watch(lambda event: self._head(), ["n_corrections"])
        self.update()

    def view(self):
        return self._view

    def update(self):
        """Show another hypothesis or neuron."""
        is_open = self.state.feature is not None
        for part in self._view[1:]:
            part.visible = is_open
        self._head()
        if not is_open:
            return
        kind, name = self.state.feature
        features = self.state.shared.features_of(kind)
        j = int(np.flatnonzero(features.names == name)[0])
        self.label.show(name)
        if kind == HYPOTHESIS:
            self._show_both_sides(features, j, name)
        else:
            self._show_neuron(j, name)

    def _head(self):
        if self.state.feature is None:
            self.heading.object = '<p class="none">Choose a row of the table.</p>'
            return
        kind, name = self.state.feature
        label = self.state.namer()(name)
        given = ""
        if kind == HYPOTHESIS and label != name:
            given = f'<p class="note">found as: {plain(name, 400)}</p>'
        row = self.state.shared.overview().set_index(["kind", "name"]).loc[(kind, name)]
        self.heading.object = (
            f"<h2><bdi>{plain(label, 400)}</bdi> "
            f'<span class="kind">{kind}</span></h2>{given}'
            f"{facts(self._figures(row))}"
        )

    def _figures(self, row):
        content = self.state.shared.content
        name = content.outcome.name
        unit = "" if content.is_numeric else " points"
        what = "texts" if content.pairs is None else "pairs of which one text has it"
        found = {f"share of {what}": _format.percent(row["share"] / 100)}
        if _format.is_number(row["outcome"]):
            value = _format.number(row["outcome"], sign=True)
            first, second = content.sides
            found[f"{name}, {first} minus {second}"] = value + unit
        for heading, key, show in (
            ("effect beside the others", "effect", _signed),
            ("p, corrected", "p", _format.p_value),
            ("fidelity (F1)", "f1", _format.number),
        ):
            if _format.is_number(row.get(key)):
                found[heading] = show(row[key])
        return found

    def _show_both_sides(self, features, j, name):
        self.near.visible = False
        rng = np.random.default_rng(0)
        mark = phrase_marker(phrases_in(name))
        self.with_it.show(rng.permutation(features.texts_with(j)), mark)
        # A text without the concept may have one of its phrases; of a pair, B has it.
        self.without.show(rng.permutation(features.texts_with(j, has=False)), mark)
        sides = [
            below(html(f"<h3>{capitalized(side)}</h3>"), texts.view())
            for side, texts in zip(
                self.state.shared.content.sides,
                (self.with_it, self.without),
                strict=True,
            )
        ]
        self.texts[:] = [beside(*sides)]

    def _show_neuron(self, j, name):
        shared = self.state.shared
        values = shared.content.activations[:, [j]].toarray()[:, 0]
        self._quantiles = quantile_texts(values)
        options = {f"{k} ({len(rows):,})": k for k, rows in self._quantiles.items()}
        self.quantile.param.update(options=options, value=STRONGEST)
        self._show_quantile()
        self._show_near(j)
        self.texts[:] = [controls(self.quantile), self.with_it.view()]

    def _show_quantile(self):
        if self.state.feature is None or self.state.feature[0] != NEURON:
            return
        name, content = self.state.feature[1], self.state.shared.content
        mark = None
        if content.marker is not None:
            mark = lambda texts: content.marker(list(texts), name)  # noqa: E731
        self.with_it.show(self._quantiles[self.quantile.value], mark)

    def _show_near(self, j):
        content, namer = self.state.shared.content, self.state.namer()
        positions, cosines = nearest_neurons(content.directions, content.activations, j)
        buttons = [html('<span class="quiet">Nearest:</span>', sizing_mode=None)]
        for position, cosine in zip(positions, cosines, strict=True):
            name = content.neurons[position]
            label = f"{_format.shorten(namer(name), 40)} {_format.number(cosine)}"
            button = pn.widgets.Button(label=label, variant="outline")
            button.on_click(lambda event, name=name: self._open(name))
            buttons.append(button)
        self.near[:] = [controls(*buttons)]
        self.near.visible = len(positions) > 0

    def _open(self, name):
        self.state.feature = (NEURON, name)

    def _colour(self):
        kind, name = self.state.feature
        self.state.colour = f"{kind}:{name}"


def _signed(value):
    return _format.number(value, _format.effect_digits([value]), sign=True)
