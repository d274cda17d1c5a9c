"""Save and load a whole fitted pipeline in one file, without pickle."""

import copy
import json
import os
import warnings
from importlib.metadata import version
from pathlib import Path
from zipfile import BadZipFile, ZipFile

from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

import sklearn_hsae
from sklearn_hsae._files import replaced_file

_CARD = "sklearn_hsae.json"  # beside skops' own files in the archive
# What a file may contain beside what skops trusts: scikit-learn, NumPy, SciPy.
_TRUSTED = (
    "sklearn_hsae._labels.safe_names",
    "sklearn_hsae._texts.drop_texts",
    "sklearn_hsae.annotation.ConceptAnnotator",
    "sklearn_hsae.embedding._lsa.LSAEmbedder",
    "sklearn_hsae._words.words_of",
    "sklearn_hsae.cleaning.TextCleaner",
    "sklearn_hsae.embedding._transformer.EmbeddingTransformer",
    "sklearn_hsae.evaluation._discovery_split.DiscoverySplit",
    "sklearn_hsae.inference._classifier.HypothesisClassifier",
    "sklearn_hsae.inference._regressor.HypothesisRegressor",
    "sklearn_hsae.interpretation._keyphrase_interpreter.KeyphraseInterpreter",
    "sklearn_hsae.interpretation._llm_interpreter.LLMInterpreter",
    "sklearn_hsae.judges._distilled_judge.DistilledJudge",
    "sklearn_hsae.judges._embedding_judge.EmbeddingJudge",
    "sklearn_hsae.judges._keyphrase_judge.KeyphraseJudge",
    "sklearn_hsae.judges._llm_judge.LLMJudge",
    "sklearn_hsae.judges._similarity.PhraseSimilarity",
    "sklearn_hsae.pipeline.texts_alone",
    "sklearn_hsae.llm._client.LLMClient",
    "sklearn_hsae.llm._language_model.LanguageModel",
    "sklearn_hsae.llm._usage.Usage",
    "sklearn_hsae.reader._transformer.ReaderSAETransformer",
    "sklearn_hsae.sae._estimator.MatryoshkaSAETransformer",
    "sklearn_hsae.selection._selector.NeuronSelector",
)
# Where this machine keeps files: each is set to what it is on any machine.
_PLACES = {"cache_dir": "auto", "checkpoint": None, "memory": None}
_READ_IN_FIT = ("labels",)  # files that a fitted reader needs no more
_MODELS = ("model", "sae")  # of embedders and readers: they cannot be left out
_FOLDERS = "local models"  # in the card: those that are paths from the file


def save_pipeline(pipeline, path):
    """Write a fitted pipeline to one file, without pickle.

    The file is an archive of skops [1]_: arrays and JSON, which cannot execute code
    when they are loaded. It names the versions that wrote it. It holds no text of the
    training data, but the phrases of the labels, and no key.

    Parameters
    ----------
    pipeline : Pipeline, DiscoverySplit, or another estimator that contains them
        Fitted.
    path : str or path-like
        The file, such as ``"model.skops"``. Its folder must exist. An old file is
        replaced once the new one is complete.

    Returns
    -------
    pathlib.Path
        The path of the file.

    Raises
    ------
    sklearn.exceptions.NotFittedError
        When the pipeline is not fitted.
    ValueError
        When a step holds what skops cannot save, such as a DataFrame or a lambda.
    FileNotFoundError
        When there is no such folder.

    Notes
    -----
    No absolute path is written: `cache_dir` becomes ``"auto"`` (None stays None), and
    `checkpoint` and `memory` become None. The embedding model itself is not in the
    file; it is loaded by its name when it is needed. Where it is a folder, the file
    holds the relative path from the file to this folder, so both can move together.

    References
    ----------
    .. [1] https://skops.readthedocs.io/en/stable/persistence.html

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import numpy as np
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn_hsae import HypothesisRegressor, load_pipeline, save_pipeline
    >>> X, y = np.eye(40)[:, :2], np.arange(40.0)
    >>> pipe = make_pipeline(HypothesisRegressor()).fit(X, y)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = save_pipeline(pipe, Path(folder) / "model.skops")
    ...     again = load_pipeline(path)
    >>> bool((again.predict(X) == pipe.predict(X)).all())
    True
    """
    import skops.io

    check_is_fitted(pipeline)
    path = Path(path)
    pipeline = copy.deepcopy(pipeline)
    folders = set()
    for part in _estimators_in(pipeline):
        _leave_places_out(part)
        folders |= _with_relative_paths(part, path.parent)
    try:
        content = skops.io.dumps(pipeline)
        # skops writes some things, such as a lambda, that it cannot read.
        types = skops.io.get_untrusted_types(data=content)
        skops.io.loads(content, trusted=types)
    except Exception as error:  # whatever skops meets
        raise ValueError(
            f"This {type(pipeline).__name__} holds what cannot be saved without pickle "
            f"({type(error).__name__}: {error}). Replace that step, or use joblib.dump."
        ) from error
    with replaced_file(path) as temporary:
        temporary.write_bytes(content)
        with ZipFile(temporary, "a") as archive:
            card = _versions() | {_FOLDERS: sorted(folders)}
            archive.writestr(_CARD, json.dumps(card))
    return path


def load_pipeline(path, *, trusted=(), models_dir=None):
    """Read a pipeline that :func:`save_pipeline` wrote.

    Parameters
    ----------
    path : str or path-like
        The file.
    trusted : sequence of str, default=()
        Types of other packages that the file may contain, such as
        ``"lightgbm.sklearn.LGBMRegressor"``. The types of this package, of
        scikit-learn, NumPy and SciPy need not be named.
    models_dir : str, path-like or None, default=None
        The folder that holds the folders of local embedding models and readers, where
        these are no longer where they were as seen from the file. None looks there,
        and beside the file.

    Returns
    -------
    Pipeline or another estimator
        Fitted, as it was saved.

    Raises
    ------
    FileNotFoundError
        When there is no such file, or a local model is not found.
    ValueError
        When the file is no such archive or is incomplete, when another version of this
        package wrote it (0.2.0 and 0.2.1 read each other's files, 0.3.0 does not), or
        when it contains types that are not trusted.

    Warns
    -----
    UserWarning
        When another version of scikit-learn wrote the file.
    """
    import skops.io
    from skops.io.exceptions import UntrustedTypesFoundException

    path = Path(path)
    card = _read_card(path)
    _check_versions(path, card)
    try:
        pipeline = skops.io.load(path, trusted=[*_TRUSTED, *trusted])
    except UntrustedTypesFoundException:
        unknown = set(skops.io.get_untrusted_types(file=path)) - {*_TRUSTED, *trusted}
        raise ValueError(
            f"{path} contains types that are not trusted: {sorted(unknown)}. If you "
            f"know who wrote the file: load_pipeline(..., trusted={sorted(unknown)!r})."
        ) from None
    except Exception as error:  # skops reports a wrong archive by whatever it meets
        raise ValueError(
            f"{path} is damaged ({type(error).__name__}: {error}). Save the pipeline "
            "again."
        ) from error
    for part in _estimators_in(pipeline):
        _find_models(part, card[_FOLDERS], path, models_dir)
    return pipeline


def _estimators_in(pipeline):
    found = list(_objects_in(pipeline, set()))
    return [part for part in found if isinstance(part, BaseEstimator)]


def _objects_in(value, seen):
    """All objects with attributes within `value`, itself included, each one once."""
    if id(value) in seen or isinstance(value, type):
        return
    seen.add(id(value))
    if isinstance(value, dict):
        children = value.values()
    elif isinstance(value, list | tuple | set):
        children = value
    elif hasattr(value, "__dict__"):
        yield value
        children = list(vars(value).values())
    else:
        return
    for child in children:
        yield from _objects_in(child, seen)


def _leave_places_out(part):
    for name, neutral in _PLACES.items():
        if vars(part).get(name) is not None:
            setattr(part, name, neutral)
    for name in _READ_IN_FIT:
        if isinstance(vars(part).get(name), str | os.PathLike):
            setattr(part, name, None)


def _with_relative_paths(part, folder):
    """Name local models by their paths from `folder`; return these paths."""
    found = set()
    for name in _MODELS:
        value = vars(part).get(name)
        if not isinstance(value, str | os.PathLike):
            continue
        if os.path.isabs(value) or os.path.exists(value):
            relative = Path(os.path.relpath(value, folder)).as_posix()
            setattr(part, name, relative)
            found.add(relative)
    return found


def _find_models(part, folders, path, models_dir):
    """Turn relative paths of local models into paths of this machine."""
    for name in _MODELS:
        value = vars(part).get(name)
        if isinstance(value, str) and value in folders:
            setattr(part, name, _model_folder(value, path, models_dir))


def _model_folder(relative, path, models_dir):
    name = Path(relative).name
    places = [path.parent / relative, path.parent / name]
    if models_dir is not None:
        places = [Path(models_dir) / name]
    for place in places:
        if place.exists():
            return str(place.resolve())
    raise FileNotFoundError(
        f"{path} needs the local model {name!r}, which is not in "
        f"{' or '.join(str(place.parent.resolve()) for place in places)}. Copy it "
        f"beside {path.name}, or name the folder that holds it: "
        f"load_pipeline(..., models_dir=...)."
    )


def _versions():
    return {
        "sklearn-hsae": sklearn_hsae.__version__,
        "scikit-learn": version("scikit-learn"),
        "numpy": version("numpy"),
        "skops": version("skops"),
    }


def _read_card(path):
    if not path.exists():
        raise FileNotFoundError(f"There is no file {path}.")
    if path.is_dir():
        raise ValueError(f"{path} is a folder. Name the file that save_pipeline wrote.")
    try:
        with ZipFile(path) as archive:
            card = json.loads(archive.read(_CARD))
        versions = {name: str(card[name]) for name in _versions()}
        return versions | {_FOLDERS: card[_FOLDERS]}
    except (BadZipFile, KeyError, ValueError, TypeError, EOFError) as error:
        raise ValueError(
            f"{path} is no complete file of save_pipeline. Pass such a file, or save "
            "the pipeline again."
        ) from error


def _check_versions(path, written):
    own = _versions()
    theirs, ours = written["sklearn-hsae"], own["sklearn-hsae"]
    if theirs.split(".")[:2] != ours.split(".")[:2]:
        raise ValueError(
            f"{path} was written by sklearn-hsae {theirs}, and this is {ours}. Install "
            f"that version (pip install sklearn-hsae=={theirs}), or fit and save again."
        )
    theirs, ours = written["scikit-learn"], own["scikit-learn"]
    if theirs != ours:
        warnings.warn(
            f"{path} was written with scikit-learn {theirs}, and this is {ours}. "
            "Compare some predictions, or install that version.",
            UserWarning,
            stacklevel=3,
        )
