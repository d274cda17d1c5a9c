"""TextCleaner: remove handles, links and numbers from texts."""

import numpy as np
import pandas as pd
import regex
from sklearn.base import BaseEstimator, TransformerMixin

from sklearn_hsae._pairs import check_texts_or_pairs
from sklearn_hsae._sklearn_compat import fit_context
from sklearn_hsae._texts import texts_tags
from sklearn_hsae._words import ADDRESSES, unescaped

CLEANED = ("handles", "links", "numbers")
# With the mark of a retweet, the server (Mastodon, Bluesky) and a genitive.
_HANDLE = regex.compile(
    r"(?:\bRT\s+)?(?<![\w/])[@\uFF20]\w+(?:[.@]\w+)*(?:['\u2019]s\b)?:?"
)
_LINKS = [
    (sign, regex.compile(pattern, regex.IGNORECASE)) for sign, pattern in ADDRESSES
]
_NUMBER = regex.compile(
    r"(?<!\w|\w-)(?<!\d[.,:/](?=\d))"  # not within a name such as v2.0
    r"[#+\-\u2212\p{Sc}]*\d(?:[\w.,:/\-]*\w)?(?:[%‰°\p{Sc}]+|\s[ap](?:m\b|\.m\.))?",
    regex.IGNORECASE,
)
_LETTERS = regex.compile(r"\p{L}{2,}")
_PARTS_OF_NUMBERS = {"st", "nd", "rd", "th", "am", "pm"}
_BLANKS = regex.compile(r"[^\S\n]{2,}")
_BEFORE_A_STOP = regex.compile(r"[^\S\n]+(?=[.,;:!?](?:\s|$))")
_BEHIND_A_HANDLE = ",;:.-\u2013\u2014| "  # that began the text
_SAYS_SOMETHING = regex.compile(r"[\p{L}\p{N}\p{So}]")


class TextCleaner(TransformerMixin, BaseEstimator, auto_wrap_output_keys=None):
    """Remove handles, links and numbers from texts. Goes before the embedding.

    Names of the writer or the addressee, addresses and numbers can fill many
    hypotheses and say nothing about the content. Without them in the texts, no neuron
    and no judge can see them. A pipeline that is saved cleans new texts in the same
    way, and reports still show the texts as they were passed in.

    HTML entities (``&amp;``) always become the characters that they stand for.

    Parameters
    ----------
    remove : sequence of {"handles", "links", "numbers"}, \
            default=("handles", "links", "numbers")
        What is removed:

        - "handles": ``@name``, with the ``RT`` before it;
        - "links": web and e-mail addresses;
        - "numbers": words that begin with a digit, with currency and per cent signs.
          Letters behind the digits stay ("30mins" is "mins"), except for ordinals and
          times ("2nd", "5pm"). Names with a number, such as "B787", stay.

    See Also
    --------
    KeyphraseInterpreter : Its `ignore` keeps words out of the labels alone.

    Notes
    -----
    A text in which nothing else would be left stays as it is: no step can learn from
    empty texts.

    Examples
    --------
    >>> from sklearn_hsae import TextCleaner
    >>> tweets = ["@air 3 hours late &amp; no food http://x.co/a", "RT @air: thanks!"]
    >>> TextCleaner().fit_transform(tweets).tolist()
    ['hours late & no food', 'thanks!']
    """

    _parameter_constraints: dict = {"remove": ["array-like"]}

    def __init__(self, remove=CLEANED):
        self.remove = remove

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None):
        """Check the texts; nothing is learnt.

        Parameters
        ----------
        X : sequence of str of length n_samples
            List, tuple, array, pandas or polars Series, or a frame of one column. For
            pairs of texts, a frame or array of two columns, or a list of 2-tuples.
        y : None
            Ignored.

        Returns
        -------
        self : TextCleaner

        Raises
        ------
        ValueError
            When `remove` has another entry than those above, or a text is missing or
            not a string.
        """
        self._checked()
        check_texts_or_pairs(X, type(self).__name__, allow_empty=True)
        return self

    def transform(self, X):
        """Clean the texts.

        Parameters
        ----------
        X : sequence of str of length n_samples
            As in :meth:`fit`.

        Returns
        -------
        ndarray of str of shape (n_samples,), or (n_samples, 2) for pairs
            A pandas Series or frame for such a one, with the same index.
        """
        removed = self._checked()
        texts = check_texts_or_pairs(X, type(self).__name__, allow_empty=True)
        cleaned = np.empty(texts.shape, dtype=object)
        cleaned.flat = [_clean(text, removed) for text in texts.flat]
        if isinstance(X, pd.Series):
            rows = cleaned if cleaned.ndim == 1 else [*map(tuple, cleaned)]  # pairs
            return pd.Series(rows, index=X.index, name=X.name, dtype=object)
        if isinstance(X, pd.DataFrame):
            cleaned = cleaned.reshape(X.shape)
            return pd.DataFrame(cleaned, index=X.index, columns=X.columns)
        return cleaned

    def get_feature_names_out(self, input_features=None):
        """The names of the columns of texts.

        Parameters
        ----------
        input_features : array-like of str or None, default=None
            The names of the input.

        Returns
        -------
        ndarray of str
            `input_features`, or "text".
        """
        names = ["text"] if input_features is None else input_features
        return np.asarray(names, dtype=object)

    def set_output(self, *, transform=None):
        """Do nothing: texts are returned in the container that they came in.

        Parameters
        ----------
        transform : {"default", "pandas", "polars"} or None, default=None
            Not used: the next step reads texts from any of these.

        Returns
        -------
        self : TextCleaner
        """
        return self

    def _checked(self):
        """The parts to remove, in the order in which they must be removed."""
        unknown = [part for part in self.remove if part not in CLEANED]
        if unknown:
            raise ValueError(
                f"remove has the entry {unknown[0]!r}. The parts that can be removed "
                f"are: {', '.join(map(repr, CLEANED))}."
            )
        # An e-mail address holds what looks like a handle, and a link holds numbers.
        return [part for part in ("links", "handles", "numbers") if part in self.remove]

    def __sklearn_is_fitted__(self):
        return True

    def __sklearn_tags__(self):
        tags = texts_tags(super().__sklearn_tags__())
        tags.requires_fit = False
        return tags


def _clean(text, removed):
    plain = unescaped(text)
    cleaned = plain
    for part in removed:
        cleaned = _REMOVERS[part](cleaned)
    if cleaned == plain:
        return plain
    cleaned = _BEFORE_A_STOP.sub("", _BLANKS.sub(" ", cleaned)).strip()
    cleaned = cleaned.lstrip(_BEHIND_A_HANDLE)
    return cleaned if _SAYS_SOMETHING.search(cleaned) else plain


def _without_links(text):
    for sign, pattern in _LINKS:
        if sign in text:
            text = pattern.sub(" ", text)
    return text


def _without_handles(text):
    return _HANDLE.sub(" ", text)


def _without_numbers(text):
    return _NUMBER.sub(lambda found: _letters_behind(found.group()), text)


def _letters_behind(number):
    """The letters that stay of a word which begins with a digit."""
    for letters in _LETTERS.finditer(number):
        if letters.group().lower() not in _PARTS_OF_NUMBERS:
            return f" {number[letters.start() :]}"
    return " "


_REMOVERS = {
    "handles": _without_handles,
    "links": _without_links,
    "numbers": _without_numbers,
}
