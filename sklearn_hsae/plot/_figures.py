"""All displays of an evaluation as files."""

import warnings
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

from sklearn_hsae._extras import import_extra
from sklearn_hsae._files import replaced_file
from sklearn_hsae.plot._agreement_display import AgreementDisplay
from sklearn_hsae.plot._ceilings_display import CeilingsDisplay
from sklearn_hsae.plot._effects_display import EffectsDisplay
from sklearn_hsae.plot._fidelity_display import FidelityDisplay
from sklearn_hsae.plot._group_effects_display import GroupEffectsDisplay
from sklearn_hsae.plot._prevalence_display import PrevalenceDisplay

_DISPLAYS = {
    "effects": EffectsDisplay,
    "prevalence": PrevalenceDisplay,
    "ceilings": CeilingsDisplay,
    "fidelity": FidelityDisplay,
    "agreement": AgreementDisplay,
}
_FORMATS = ("png", "svg")
_DOTS_PER_INCH = 200
_BY_GROUP = "by_group"
FIGURE_FILES = [
    f"{name}.{kind}" for name in [*_DISPLAYS, _BY_GROUP] for kind in _FORMATS
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


def save_figures(evaluation, folder, *, outcome="the outcome", by=None):
    """Write every display of an evaluation as PNG and SVG.

    Displays for which the evaluation holds nothing, such as ceilings without training
    rows, are left out.

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

    Returns
    -------
    list of pathlib.Path
        The files: effects.png, effects.svg and so on.
    """
    figure = import_extra("matplotlib.figure", extra="plot", use="figures")
    matplotlib = import_extra("matplotlib", extra="plot", use="figures")
    makers = {name: partial(display, evaluation) for name, display in _DISPLAYS.items()}
    if by is not None:
        makers[_BY_GROUP] = partial(GroupEffectsDisplay, evaluation, by)
    displays = {}
    for name, make in makers.items():
        with suppress(ValueError):  # the evaluation holds nothing to draw
            displays[name] = make(outcome=outcome)
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
