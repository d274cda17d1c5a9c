"""Heat maps of similarities, in an order that puts alike ones side by side."""

import numpy as np
from scipy.cluster.hierarchy import leaves_list, linkage
from scipy.spatial.distance import squareform


def leaf_order(similarity):
    """The order of a hierarchical clustering, with the best order of its leaves.

    Parameters
    ----------
    similarity : ndarray of shape (n, n)
        At most 1, as correlations and cosines are; NaN counts as 0.

    Returns
    -------
    ndarray of int of shape (n,)
    """
    n = len(similarity)
    if n < 3:
        return np.arange(n)
    distance = 1 - np.nan_to_num(similarity)
    np.fill_diagonal(distance, 0)
    distance = squareform(distance.clip(min=0), checks=False)
    return leaves_list(linkage(distance, "average", optimal_ordering=True))


def draw_heat_map(ax, similarity, order, label):
    """Draw similarities from -1 to 1 in an order, with a scale; NaN is grey.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    similarity : ndarray of shape (n, n)
    order : ndarray of int of shape (n,)
    label : str
        Of the scale.
    """
    import matplotlib

    colors = matplotlib.colormaps["RdBu_r"].with_extremes(bad="#d0d0d0")
    drawn = similarity[np.ix_(order, order)]
    image = ax.imshow(drawn, vmin=-1, vmax=1, cmap=colors)
    ax.set_xticks(range(len(order)), range(1, len(order) + 1), fontsize="small")
    ax.figure.colorbar(image, ax=ax, label=label, shrink=0.8)
