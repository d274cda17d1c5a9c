"""Parts of which the page is made, with its styles."""

from importlib.resources import files

import panel as pn
from bokeh.plotting import figure

# Panel gives parts the width of the widest widget in them, more than a phone has.
_NO_WIDER = ":host { min-width: 0 !important; max-width: 100%; }"
_BESIDE = """
:host { display: flex !important; flex-flow: row wrap; gap: 28px; }
.first { flex: 3 1 0 !important; min-width: 0; width: auto !important; }
.second { flex: 2 1 0 !important; min-width: 0; width: auto !important; }
.first.even { flex: 2 1 0 !important; }
@media (max-width: 760px) { .first, .second { flex-basis: 100% !important; } }
"""
_CONTROLS = """
:host { align-items: end; display: flex !important; flex-flow: row wrap;
  gap: 6px 14px; }
:host > * { max-width: 100%; min-width: 0 !important; }
"""
_TABS = """
.bk-btn { font-size: 15px; padding: 0.4rem 0.9rem; }
@media (max-width: 760px) { .bk-btn { font-size: 13px; padding: 0.4rem 0.5rem; } }
"""
_CARD = """
:host { border: 1px solid #dde1e7; border-radius: 4px; box-shadow: none !important; }
.card-header { background: none; padding: 0.3rem 0.6rem; }
.card-header h3 { font-size: 0.95rem; font-weight: 400; margin: 0; }
"""
_TABLE = """
.tabulator { font-size: 14px; }
.tabulator-row { cursor: pointer; }
.tabulator-row.tabulator-selected { background-color: #fdebd9 !important; }
@media (max-width: 760px) { .tabulator { font-size: 12px; } }
"""
_NUMBER_WIDTH = 78
_OWN_STYLES = "static/extensions/panel/"
_PAGE = """
{% extends base %}
{% block postamble %}
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>
body { display: block; margin: 0 auto; max-width: 1500px; padding: 0 18px 40px; }
@media (max-width: 760px) { body { padding: 0 12px 30px; } }
</style>
{% endblock %}
{% block contents %}{{ embed(roots.main) }}{% endblock %}
"""


def page_styles():
    """The styles of the page."""
    folder = files("sklearn_hsae.explorer")
    return folder.joinpath("explorer.css").read_text(encoding="utf-8")


def whole_page(content):
    """The page, with what a phone needs to know of its width."""
    if pn.state.curdoc is not None:
        # Without it, parts that appear later take a style from Panel's own server.
        pn.state.curdoc.template_variables["dist_url"] = _OWN_STYLES
    page = pn.Template(_PAGE)
    page.add_panel("main", content)
    return page


def html(content="", **options):
    """A part of the page that is HTML."""
    options = {"sizing_mode": "stretch_width", "margin": (2, 0)} | options
    return pn.pane.HTML(content, stylesheets=[page_styles(), _NO_WIDER], **options)


def below(*parts, **options):
    """Parts one below the other."""
    return pn.Column(
        *parts,
        stylesheets=[_NO_WIDER],
        sizing_mode="stretch_width",
        margin=0,
        **options,
    )


def beside(first, second, *, is_even=False):
    """Two parts beside each other; on a phone, one below the other.

    The first one is wider unless `is_even`.
    """
    return pn.Row(
        below(first, css_classes=["first", "even"] if is_even else ["first"]),
        below(second, css_classes=["second"]),
        stylesheets=[_NO_WIDER, _BESIDE],
        sizing_mode="stretch_width",
        margin=0,
    )


def controls(*widgets, **options):
    """Small widgets in a row, which goes on below where there is no more room."""
    for widget in widgets:
        widget.margin = (2, 0)
    return pn.Row(
        *widgets,
        stylesheets=[_NO_WIDER, _CONTROLS],
        sizing_mode="stretch_width",
        margin=(4, 0),
        **options,
    )


def folded(title, content):
    """A part that is shown when its title is clicked."""
    return pn.Card(
        below(content),  # which the card can hide: a row of controls shows itself
        title=title,
        collapsed=True,
        stylesheets=[_NO_WIDER, _CARD],
        sizing_mode="stretch_width",
        margin=(6, 0),
    )


def tabs(parts):
    """One part at a time, and buttons with their names.

    pn.Tabs would either lay all parts over each other, or take those that are not
    shown out of the page, where they lose changes.

    Returns
    -------
    layout : Column
    choice : RadioButtonGroup
        Its `value` is the name of the part that is shown.
    """
    choice = pn.widgets.RadioButtonGroup(
        options=list(parts), stylesheets=[_TABS], margin=(10, 0)
    )
    shown = {name: below(part, visible=False) for name, part in parts.items()}

    def show(event=None):
        for name, part in shown.items():
            part.visible = name == choice.value

    show()
    choice.param.watch(show, "value")
    return below(choice, *shown.values()), choice


def plain_figure(tools, **options):
    """A figure as wide as there is room, with a wheel that zooms."""
    plot = figure(
        tools=tools,
        active_scroll="wheel_zoom",
        toolbar_location="above",
        sizing_mode="stretch_width",
        **options,
    )
    plot.toolbar.logo = None
    plot.outline_line_color = None
    return plot


def show_range(axis, low, high):
    """Show a part of an axis, also when a reader resets it."""
    axis.update(start=low, end=high, reset_start=low, reset_end=high)


def table(rows, *, titles, decimals, filters, per_page):
    """A table with a filter below each heading, some rows at a time.

    Parameters
    ----------
    rows : DataFrame
    titles : dict of column to heading
    decimals : dict of column to number of decimals
    filters : dict of column to header filter of Tabulator
    per_page : int
    """
    from bokeh.models import NumberFormatter

    formats = {
        name: NumberFormatter(
            format=f"0,0.{'0' * digits}", nan_format="", text_align="right"
        )
        for name, digits in decimals.items()
    }
    # Tabulator escapes what it shows as "textarea", and breaks its lines.
    words = {name: "textarea" for name in rows if name not in decimals}
    return pn.widgets.Tabulator(
        rows,
        titles=titles,
        formatters=formats | words,
        header_filters={name: f for name, f in filters.items() if name in rows},
        configuration={
            "columnDefaults": {"headerWordWrap": True, "minWidth": 60},
            "responsiveLayout": "hide",  # the last columns, on a phone
        },
        disabled=True,
        show_index=False,
        pagination="remote",
        page_size=per_page,
        layout="fit_columns",
        # The first column takes what is left: a share of the width would be one of 0
        # where the table is made before it is shown.
        widths={"kind": 92} | dict.fromkeys(decimals, _NUMBER_WIDTH),
        sizing_mode="stretch_width",
        stylesheets=[_NO_WIDER, _TABLE],
        margin=(4, 0),
    )
