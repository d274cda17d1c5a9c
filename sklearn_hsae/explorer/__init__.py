"""The explorer: a page in the browser, on this machine alone.

What it computes stands in modules that need no browser: coordinates and clusters
(`_map`), the image of the points (`_points_image`), the points in a drawn area
(`_area`), differences between groups of texts (`_features`), corrected labels
(`_label_file`). The modules named `..._view` put it on the page, with Panel.
"""

from sklearn_hsae.explorer._content import (
    read_content as read_content,  # for this package alone
)
from sklearn_hsae.explorer._explore import (
    explore,
    require_panel as require_panel,  # for this package alone
    serve as serve,  # for this package alone
)
from sklearn_hsae.explorer._label_file import (
    LABEL_FILE as LABEL_FILE,
    LabelFile as LabelFile,
)

__all__ = ["explore"]
