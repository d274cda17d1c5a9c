"""Questions that ask a language model for a label, and how its replies are read."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from string import Template

from sklearn_hsae._marks import excerpt
from sklearn_hsae.interpretation._label_reading import (
    MOST_WORDS,
    quoted_in,
    read_label,
)
from sklearn_hsae.llm import PROMPTS, Request, as_json, load_prompt, shortened

MARKS = ("[[", "]]")  # angle brackets are escaped in prompts
_ABOUT_MARKS = (
    "In the texts on which the detector fires, [[ and ]] stand around the words at "
    "which it fires. They are not part of the texts."
)
_NO_INSTRUCTIONS = "Look for a property of what the texts say or how they say it."


def _schema(*keys):
    return {
        "type": "object",
        "properties": {key: {"type": "string"} for key in keys},
        "required": list(keys),
        "additionalProperties": False,
    }


def interpretation_prompt(prompt):
    """The template of a built-in prompt, or of the user's own prompt."""
    if prompt in PROMPTS:
        suffix = "" if prompt == "default" else f"_{prompt}"
        return load_prompt(f"interpret{suffix}")
    if "$firing" not in prompt or "$silent" not in prompt:
        raise ValueError(
            f"prompt must be one of {PROMPTS}, or a template of your own with "
            f"$firing and $silent in it; got {prompt[:60]!r}."
        )
    return Template(prompt)


@dataclass(frozen=True)
class Questions:
    """Makes the requests for labels.

    template : string.Template
        The prompt of the first question.
    instructions : str or None
        Written by the user.
    max_words : int
        Longer texts are cut to this number of words.
    mark : callable or None
        Takes texts and the column of a neuron; returns the texts with `MARKS` around
        the words at which the neuron fires. None when these words are not known.
    has_windows : bool
        Whether `mark` returns windows, so that silent texts become windows too.
    """

    template: Template
    instructions: str | None
    max_words: int
    mark: Callable | None = None
    has_windows: bool = False

    def name(self, firing, silent, column):
        """Ask what the firing texts have in common and the silent texts lack."""
        return self._request(
            self.template,
            column,
            firing=as_json(self._marked(firing, column)),
            silent=as_json(self._of_silent(silent, column)),
        )

    def tell_apart(self, firing, silent, column):
        """Ask for the difference between texts whose neurons got the same label."""
        question = replace(self, template=load_prompt("interpret_contrastive"))
        return question.name(firing, silent, column)

    def revise(self, label, firing, silent, column):
        """Ask for a better label; each text is shown with its annotation so far."""
        return self._request(
            load_prompt("revise"),
            column,
            property=as_json(label),
            firing=self._judged(firing, self._marked([t for t, _ in firing], column)),
            silent=self._judged(
                silent, self._of_silent([t for t, _ in silent], column)
            ),
        )

    def _judged(self, pairs, shown):
        return as_json(
            [
                {"text": text, "judged": bool(annotation)}
                for text, (_, annotation) in zip(shown, pairs, strict=True)
            ]
        )

    def _shortened(self, text):
        return shortened(text, self.max_words)

    def _of_silent(self, texts, column):
        if self.has_windows:
            return self._marked(texts, column)
        return [self._shortened(text) for text in texts]

    def _marked(self, firing, column):
        if self.mark is None:
            return [self._shortened(text) for text in firing]
        marked = self.mark(list(firing), column)
        return [excerpt(text, self.max_words, MARKS) for text in marked]

    def _request(self, template, column, **blocks):
        instructions = self.instructions or _NO_INSTRUCTIONS
        if self.mark is not None:
            instructions = f"{instructions} {_ABOUT_MARKS}"
        prompt = template.safe_substitute(
            instructions=instructions,
            most_words=MOST_WORDS,
            **blocks,
        )
        # With a schema, the model can only write its reasoning under a key for it.
        reasons = ["reasoning"] if '"reasoning"' in template.template else []
        return Request(
            messages=[{"role": "user", "content": prompt}],
            schema=_schema(*reasons, "property"),
            read=partial(read_label, examples=quoted_in(template.template)),
            about=column,
        )
