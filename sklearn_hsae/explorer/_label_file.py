"""Labels that a reader has corrected, kept in a JSON file beside the results."""

import json
import threading
from datetime import UTC, datetime
from pathlib import Path

from sklearn_hsae._files import write_text

LABEL_FILE = "labels.json"
_FORMAT = 1


class LabelFile:
    """Corrected labels of hypotheses and neurons.

    Parameters
    ----------
    path : path-like or None
        The file, which need not exist. None keeps the labels in memory.
    """

    def __init__(self, path=None):
        self.path = None if path is None else Path(path)
        self._memory = {}
        self._lock = threading.Lock()

    def all(self):
        """The corrected label of each name that has one.

        Raises
        ------
        ValueError
            When the file holds something else.
        """
        if self.path is None:
            return dict(self._memory)
        try:
            stored = json.loads(self.path.read_text(encoding="utf-8"))
            if stored["format"] != _FORMAT:
                raise ValueError
            return {name: str(label) for name, label in stored["labels"].items()}
        except FileNotFoundError:
            return {}
        except (ValueError, KeyError, TypeError, AttributeError):
            raise ValueError(
                f"{self.path} is no file of corrected labels of this version. Remove "
                "it, and correct the labels again."
            ) from None

    def shown(self, name):
        """The label of a hypothesis or a neuron: corrected, or its name."""
        return self.all().get(name, name)

    def correct(self, name, label, *, seen):
        """Keep a label, unless another window has changed it meanwhile.

        Parameters
        ----------
        name : str
            Name of the hypothesis or neuron in the results.
        label : str
            What it shall be called. Its own name, or "", removes a correction.
        seen : str
            The label that the window showed when it was edited.

        Returns
        -------
        str or None
            The label of another window, when there is one and nothing was kept; None
            when `label` was kept.
        """
        label = " ".join(label.split()) or name
        with self._lock:
            labels = self.all()
            current = labels.pop(name, name)
            if current not in (seen, label):
                return current
            if label != name:
                labels[name] = label
            self._keep(labels)
        return None

    def _keep(self, labels):
        if self.path is None:
            self._memory = labels
            return
        changed = datetime.now(UTC).isoformat(timespec="seconds")
        stored = {
            "format": _FORMAT,
            "changed": changed,
            "labels": labels,
        }
        write_text(self.path, json.dumps(stored, indent=2, ensure_ascii=False) + "\n")
