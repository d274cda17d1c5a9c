"""The results as one self-contained HTML page."""

from sklearn_hsae.report._write import write_report

__all__ = ["write_report"]
