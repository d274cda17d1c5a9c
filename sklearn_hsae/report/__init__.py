"""The report: the results as one HTML page, and as rows for the terminal."""

from sklearn_hsae._format import effect_digits, number, p_value, percent, printable
from sklearn_hsae.report._by_group import comparisons, differing_line
from sklearn_hsae.report._card import describe_steps, describe_usage, package_versions
from sklearn_hsae.report._examples import draw_examples
from sklearn_hsae.report._hypothesis_rows import (
    control_digits,
    control_rows,
    hypothesis_rows,
    largest_points,
    penalty_line,
)
from sklearn_hsae.report._scale import fit_scale
from sklearn_hsae.report._write import write_report

__all__ = [
    "comparisons",
    "control_digits",
    "control_rows",
    "describe_steps",
    "describe_usage",
    "differing_line",
    "draw_examples",
    "effect_digits",
    "fit_scale",
    "hypothesis_rows",
    "largest_points",
    "number",
    "p_value",
    "package_versions",
    "penalty_line",
    "percent",
    "printable",
    "write_report",
]
