"""Warnings about long texts, of which the model reads only the head."""

import warnings

import numpy as np

# Relative distance to the mean vector below which vectors count as equal: a cosine of
# 0.99995. Rounding to bfloat16 causes distances of 1e-3.
_SMALL_SPREAD = 1e-2
# A few distinct texts may have the same vector, such as "Good" and "good".
_MIN_TEXTS = 10
_REMEDY = (
    "Pass chunk='model' (command: --chunk) to read them to their end, or a model that "
    "reads more, for example model='BAAI/bge-m3' (8,192 tokens; --embedder)."
)

# Keys of cut texts that are part of an earlier warning. Several steps of a pipeline
# embed the same texts, and one warning is enough.
_counted_keys = set()


def warn_of_lost_text(model, vectors, keys, is_cut, counts):
    """Warn when texts were cut, and when all texts have nearly the same vector.

    Parameters
    ----------
    model : str
        Name of the model in the messages.
    vectors : ndarray of shape (n_distinct, n_dimensions)
        Vectors of the distinct texts.
    keys : list of str
        Keys of the distinct texts. A cut text is part of one warning only.
    is_cut : ndarray of shape (n_distinct,) of bool
    counts : ndarray of shape (n_distinct,)
        Number of rows with each text.
    """
    n_texts, n_cut = int(counts.sum()), int(counts[is_cut].sum())
    cut_keys = {keys[i] for i in np.flatnonzero(is_cut)}
    has_news = not cut_keys <= _counted_keys
    _counted_keys.update(cut_keys)
    is_alike = len(keys) > 1 and _spread(vectors) < _SMALL_SPREAD
    are = "is" if n_cut == 1 else "are"
    cut_texts = f"{n_cut} of {n_texts} texts ({_percent(n_cut / n_texts)}) {are}"
    if has_news and is_alike:
        warnings.warn(
            f"All {n_texts} texts have nearly the same vector, so that nothing can be "
            f"learned from them. {cut_texts} longer than {model!r} reads, and the "
            f"heads are alike. {_REMEDY} Or leave out what all texts begin with.",
            stacklevel=4,
        )
    elif has_news:
        warnings.warn(
            f"{cut_texts} longer than {model!r} reads. Only their heads decide "
            f"their vectors. {_REMEDY}",
            stacklevel=4,
        )
    elif is_alike and not is_cut.any() and len(keys) >= _MIN_TEXTS:
        warnings.warn(
            f"All {n_texts} texts have nearly the same vector, though they differ: "
            f"{model!r} does not see what tells them apart, and nothing can be learned "
            "from them. Look at the texts, or pass another model.",
            stacklevel=4,
        )


def _spread(vectors):
    """Largest distance of a vector to the mean, relative to the mean's length."""
    mean = vectors.mean(axis=0)
    distances = np.linalg.norm(vectors - mean, axis=1)
    return distances.max() / max(np.linalg.norm(mean), np.finfo(np.float32).tiny)


def _percent(share):
    return f"{share:.0%}" if share >= 0.01 else "less than 1%"
