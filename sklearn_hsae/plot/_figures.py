"""All displays of an evaluation, and of its pipeline, as files."""

import warnings
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

from sklearn_hsae._extras import import_extra
from sklearn_hsae._files import replaced_file
from sklearn_hsae.evaluation import fitted_pipeline, flat_steps, neuron_selector
from sklearn_hsae.plot._agreement_display import AgreementDisplay
from sklearn_hsae.plot._autoencoder import find_autoencoder
from sklearn_hsae.plot._ceilings_display import CeilingsDisplay
from sklearn_hsae.plot._effects_display import EffectsDisplay
from sklearn_hsae.plot._fidelity_display import FidelityDisplay
from sklearn_hsae.plot._group_effects_display import GroupEffectsDisplay
from sklearn_hsae.plot._neuron_similarity_display import NeuronSimilarityDisplay
from sklearn_hsae.plot._prevalence_display import PrevalenceDisplay
from sklearn_hsae.plot._search_display import SearchDisplay
from sklearn_hsae.plot._stability_display import StabilityDisplay
from sklearn_hsae.plot._training_display import TrainingDisplay

_DISPLAYS = {
    "effects": EffectsDisplay,
    "prevalence": PrevalenceDisplay,
    "ceilings": CeilingsDisplay,
    "fidelity": FidelityDisplay,
    "agreement": AgreementDisplay,
}
_FORMATS = ("png", "svg")
_DOTS_PER_INCH = 200
_OTHERS = ("by_group", "stability", "training", "neurons", "search")
FIGURE_FILES = [
    f"{name}.{kind}" for name in (*_DISPLAYS, *_OTHERS) for kind in _FORMATS
]


@contextmanager
def _one_warning_of_glyphs():
    """One warning for all characters that the font lacks, with what helps."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield
    others = [w for w in caught if not str(w.message).startswith("Glyph ")]
    for warning in others:
        warnings.warn_explicit(
            warning.message, warning.category, warning.filename, warning.lineno
        )
    if len(others) < len(caught):
        warnings.warn(
            "Some characters of the concepts are not in matplotlib's font and are "
            "drawn as boxes. Name a font that has them: "
            "matplotlib.rcParams['font.family'] = ['DejaVu Sans', 'Noto Sans CJK JP'].",
            UserWarning,
            stacklevel=4,
        )


def save_figures(evaluation, folder, *, outcome="the outcome", by=None, pipeline=None):
    """Write every display of an evaluation, and of its pipeline, as PNG and SVG.

    Displays for which there is nothing to draw, such as ceilings without training rows,
    are left out.

    Parameters
    ----------
    evaluation : HypothesisEvaluation
    folder : str or path-like
        Made when absent, inside a folder that exists. Files of an earlier call are
        replaced.
    outcome : str, default="the outcome"
        The name of y, for the labels of the axes.
    by : DataFrame or None, default=None
        A comparison of groups, which ``evaluation.by_group`` returned.
    pipeline : Pipeline, DiscoverySplit or fitted search, default=None
        Adds the training of its autoencoder, the similarity of the neurons that were
        selected and, of a search, its scores.

    Returns
    -------
    list of pathlib.Path
        The files: effects.png, effects.svg and so on.
    """
    figure = import_extra("matplotlib.figure", extra="plot", use="figures")
    matplotlib = import_extra("matplotlib", extra="plot", use="figures")
    displays = {}
    for name, make in _makers(evaluation, outcome, by, pipeline).items():
        with suppress(ValueError):  # there is nothing to draw
            displays[name] = make()
    folder, paths = Path(folder), []
    folder.mkdir(exist_ok=True)
    # Text stays text in SVG; the same evaluation gives the same file.
    settings = {"svg.fonttype": "none", "svg.hashsalt": "sklearn-hsae"}
    with matplotlib.rc_context(settings), _one_warning_of_glyphs():
        for name, display in displays.items():
            drawn = figure.Figure(figsize=display.size(), layout="constrained")
            display.plot(ax=drawn.subplots())
            for kind in _FORMATS:
                path = folder / f"{name}.{kind}"
                with replaced_file(path) as temporary:
                    drawn.savefig(
                        temporary,
                        format=kind,
                        dpi=_DOTS_PER_INCH,
                        metadata={"Date": None} if kind == "svg" else None,
                    )
                paths.append(path)
    return paths


def _makers(evaluation, outcome, by, pipeline):
    """What makes each display. It raises ValueError where there is nothing to draw."""
    makers = {
        name: partial(display, evaluation, outcome=outcome)
        for name, display in _DISPLAYS.items()
    }
    if by is not None:
        makers["by_group"] = partial(
            GroupEffectsDisplay, evaluation, by, outcome=outcome
        )
    if evaluation.stability is not None:
        makers["stability"] = partial(StabilityDisplay, evaluation.stability)
    if pipeline is not None:
        fitted = fitted_pipeline(pipeline)
        makers["training"] = lambda: TrainingDisplay(find_autoencoder(fitted))
        makers["neurons"] = partial(_neurons, fitted)
    if hasattr(pipeline, "best_estimator_"):
        makers["search"] = partial(SearchDisplay, pipeline)
    return makers


def _neurons(pipeline):
    """The similarity of the selected neurons; of all where none are selected."""
    selector = neuron_selector(flat_steps(pipeline))
    selected = None if selector is None else selector.get_support(indices=True)
    return NeuronSimilarityDisplay(find_autoencoder(pipeline), neurons=selected)
