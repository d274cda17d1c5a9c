"""The axis of the forest plot: values as positions in percent of the width."""

import math
from dataclasses import dataclass

import numpy as np

from sklearn_hsae import _format

_MAX_SPAN = 4.0  # longest axis, in multiples of the median interval's far end
_MARGIN = 0.05  # share of the width that keeps marks and labels inside
_N_STEPS = 5


@dataclass(frozen=True)
class Scale:
    """A linear axis from `low` to `high`."""

    low: float
    high: float

    def x(self, value):
        """Position of `value` in percent, kept on the axis."""
        share = (value - self.low) / (self.high - self.low)
        return round(100 * min(max(share, 0.0), 1.0), 2)

    def ticks(self):
        """Round values on the axis, not near its ends, and the step between them."""
        step = _round_step((self.high - self.low) / _N_STEPS)
        first = math.ceil(self.low / step)
        values = [i * step for i in range(first, math.floor(self.high / step) + 1)]
        return [v for v in values if 3 <= self.x(v) <= 97], step


def fit_scale(effects, lows, highs):
    """Choose a scale that shows zero, every effect, and all but the widest intervals.

    The interval of a nearly constant or perfectly separating concept may be a thousand
    times as wide as the others. It is cut, so that the others can be read.
    """
    ends = np.abs(np.concatenate([lows, highs, effects]).astype(float))
    ends = ends[np.isfinite(ends)]
    if not len(ends) or ends.max() == 0:
        return Scale(-1.0, 1.0)
    far = np.fmax(np.abs(lows), np.abs(highs))
    far = far[np.isfinite(far)]
    limit = _MAX_SPAN * np.median(far) if len(far) else np.inf
    limit = min(ends.max(), limit) or ends.max()
    values = np.concatenate([lows, highs, effects]).astype(float)
    values = np.clip(values[~np.isnan(values)], -limit, limit)
    low, high = min(values.min(), 0.0), max(values.max(), 0.0)
    margin = _MARGIN * (high - low)
    return Scale(float(low - margin), float(high + margin))


def _round_step(rough):
    """The smallest number >= `rough` that is 1, 2, 2.5 or 5 times a power of ten."""
    power = 10.0 ** math.floor(math.log10(rough))
    return next(m * power for m in (1, 2, 2.5, 5, 10) if m * power >= rough * 0.999)


def axis_of(scale):
    """Positions and labels of the ticks, for the template."""
    ticks, step = scale.ticks()
    digits = max(0, -math.floor(math.log10(step) + 1e-9))
    if round(step, digits) != step:  # steps of 2.5
        digits += 1
    return {
        "zero": scale.x(0.0),
        "ticks": [
            {"x": scale.x(t), "label": _format.number(t, digits, sign=True)}
            for t in ticks
        ],
    }


def mark_of(effect, low, high, scale):
    """Positions of a dot and its line in percent."""
    low = low if _format.is_number(low) else effect
    high = high if _format.is_number(high) else effect
    return {
        "x": scale.x(effect) if scale.low <= effect <= scale.high else None,
        "low": scale.x(low),
        "high": scale.x(high),
        "cut_low": low < scale.low,
        "cut_high": high > scale.high,
    }
