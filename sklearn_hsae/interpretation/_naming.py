"""Questions that ask a language model for a label, and how its replies are read."""

from dataclasses import dataclass
from functools import partial
from string import Template

from sklearn_hsae.interpretation._label_reading import (
    MOST_WORDS,
    quoted_in,
    read_label,
)
from sklearn_hsae.llm import PROMPTS, Request, as_json, load_prompt, shortened

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
    """

    template: Template
    instructions: str | None
    max_words: int

    def name(self, firing, silent, column):
        """Ask what the firing texts have in common and the silent texts lack."""
        return self._request(
            self.template,
            column,
            firing=as_json([shortened(text, self.max_words) for text in firing]),
            silent=as_json([shortened(text, self.max_words) for text in silent]),
        )

    def tell_apart(self, firing, silent, column):
        """Ask for the difference between texts whose neurons got the same label."""
        question = Questions(
            load_prompt("interpret_contrastive"), self.instructions, self.max_words
        )
        return question.name(firing, silent, column)

    def revise(self, label, firing, silent, column):
        """Ask for a better label; each text is shown with its annotation so far."""
        return self._request(
            load_prompt("revise"),
            column,
            property=as_json(label),
            firing=self._judged(firing),
            silent=self._judged(silent),
        )

    def _judged(self, pairs):
        return as_json(
            [
                {"text": shortened(text, self.max_words), "judged": bool(annotation)}
                for text, annotation in pairs
            ]
        )

    def _request(self, template, column, **blocks):
        prompt = template.safe_substitute(
            instructions=self.instructions or _NO_INSTRUCTIONS,
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
