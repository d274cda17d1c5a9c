"""The page in a real Chromium, as a reader uses it."""

import re
import shutil
import socket
import urllib.error
import urllib.request

import pandas as pd
import pytest
from explorer_content import HOSTILE, make_content

from sklearn_hsae.explorer import LabelFile, serve

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium to look with")


@pytest.fixture(scope="module")
def browser():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"]
        )
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """Every label and many texts try to leave their place in the page."""
    content = make_content(
        names=(f"mentions {HOSTILE}", "mentions fish"),
        extra=(HOSTILE, "word " * 200_000, "", "nospace" * 500),
    )
    content.columns["comment"] = [HOSTILE] * 60 + ["plain"] * 60
    labels = LabelFile(tmp_path_factory.mktemp("results") / "labels.json")
    server = serve(content, labels, port=0, open_browser=False)
    server.labels = labels
    yield server
    server.stop()


@pytest.fixture
def page(browser, server):
    page = browser.new_page(viewport={"width": 1300, "height": 1000})
    page.set_default_timeout(10_000)
    page.requested, page.complaints = [], []
    page.on("request", lambda request: page.requested.append(request.url))
    page.on("pageerror", lambda error: page.complaints.append(str(error)))
    page.on(
        "console",
        lambda said: page.complaints.append(said.text) if said.type == "error" else 0,
    )
    page.goto(server.url)
    page.wait_for_selector("canvas")
    page.get_by_role("heading", name="120 of 120 texts").wait_for()
    yield page
    assert page.complaints == []
    assert page.evaluate("window.hacked") is None
    here = re.match(r"http://127\.0\.0\.1:\d+/", server.url)[0]
    assert all(
        url.startswith((here, f"blob:{here}", "data:")) for url in page.requested
    )
    page.close()


def draw_around(page, left=0.02, top=0.1, right=0.98, bottom=0.5):
    """Draw around a part of the map with the mouse."""
    box = page.locator(".bk-Canvas").first.bounding_box()
    x, y = (
        [box[start] + box[size] * share for share in shares]
        for start, size, shares in (
            ("x", "width", (left, right)),
            ("y", "height", (top, bottom)),
        )
    )
    page.mouse.move(x[0], y[0])
    page.mouse.down()
    for corner in ((x[1], y[0]), (x[1], y[1]), (x[0], y[1]), (x[0], y[0])):
        page.mouse.move(*corner, steps=5)
    page.mouse.up()


@needs_chromium
def test_an_area_is_selected_and_cleared(page):
    draw_around(page)
    heading = page.get_by_role("heading", name=re.compile(r"^\d+ of 120 texts"))
    page.get_by_text("More often inside").wait_for()
    n_inside = int(heading.inner_text().split()[0])
    assert 0 < n_inside < 120
    with page.expect_download() as download:
        page.get_by_text("Save these texts (csv)").click()
    table = pd.read_csv(download.value.path())
    assert len(table) == n_inside and "mentions fish" in table
    page.get_by_role("button", name="Clear the selection").click()
    page.get_by_role("heading", name="120 of 120 texts").wait_for()
    # Zoomed out, all texts are in the middle.
    box = page.locator(".bk-Canvas").first.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.wheel(0, 2000)
    page.wait_for_timeout(500)
    draw_around(page, 0.2, 0.2, 0.8, 0.8)
    page.locator("button:enabled", has_text="Clear the selection").wait_for()
    assert page.get_by_role("heading", name="120 of 120 texts").is_visible()


def fits(page, width):
    page.set_viewport_size({"width": width, "height": 800})
    page.wait_for_timeout(300)
    return page.evaluate("document.documentElement.scrollWidth") <= width


@needs_chromium
def test_a_label_is_corrected_and_seen_everywhere(page, server):
    assert fits(page, 360) and fits(page, 1300)
    page.get_by_role("button", name="Hypotheses and neurons").click()
    page.locator(".tabulator-cell", has_text="sae2").locator("visible=true").click()
    heading = page.get_by_role("heading", name=re.compile("sae2.*neuron"))
    heading.wait_for()
    assert fits(page, 360) and fits(page, 1300)
    field = page.get_by_label("Label")
    field.fill(f"music {HOSTILE}")
    field.press("Enter")
    # Another window has corrected it meanwhile.
    server.labels.correct("sae2", "loud places", seen="sae2")
    keep = page.get_by_role("button", name="Keep this label")
    keep.click()
    page.get_by_text("another window has called it 'loud places'").wait_for()
    assert server.labels.all() == {"sae2": "loud places"}
    keep.click()
    page.get_by_text("Kept (labels.json).").wait_for()
    assert server.labels.all() == {"sae2": f"music {HOSTILE}"}
    page.get_by_role("heading", name=re.compile("^music")).wait_for()
    page.get_by_text("Colour the map by it").click()
    page.get_by_text(re.compile("^music.* 0.00")).first.wait_for()
    server.labels.correct("sae2", "", seen=f"music {HOSTILE}")


@needs_chromium
def test_two_groups_are_compared_and_open_their_texts(page):
    page.get_by_role("button", name="Two groups").click()
    page.get_by_label("Groups by").select_option(label="city")
    page.get_by_text("80 texts of A (up) against 40 of B (right)").wait_for()
    page.locator(".tabulator-cell", has_text="fish").locator(
        "visible=true"
    ).first.click()
    page.get_by_text("Texts, with it").wait_for()
    page.locator("mark", has_text="fish").first.wait_for()
    assert fits(page, 360)


@needs_chromium
def test_a_filter_is_a_selection(page):
    page.get_by_role("button", name="Filters").click()
    field = page.get_by_label("words in the text")
    field.fill("FISH of")
    field.press("Enter")
    page.get_by_role("heading", name="39 of 120 texts").wait_for()
    page.get_by_text("More often inside").wait_for()
    page.get_by_label("Coloured by").select_option(label="clusters of the texts")
    page.get_by_text(re.compile("^cluster:")).wait_for()
    assert page.get_by_role("heading", name="39 of 120 texts").is_visible()


def test_without_the_token_nothing_is_shown(server):
    here, token = server.url.rsplit("/", 1)
    for path in ("", "wrong", token[:-1]):
        try:
            with urllib.request.urlopen(f"{here}/{path}") as reply:
                shown = reply.read().decode()
        except urllib.error.HTTPError as error:
            shown = error.read().decode()
            assert error.code == 404
        assert "stars" not in shown and token not in shown
    port = int(re.search(r":(\d+)/", server.url)[1])
    for address in _own_addresses():
        with pytest.raises(OSError), socket.create_connection((address, port), 1):
            pass


def _own_addresses():
    """The addresses under which other machines reach this one."""
    found = {entry[4][0] for entry in socket.getaddrinfo(socket.gethostname(), None)}
    return {address for address in found if not address.startswith("127.")}


def test_a_port_in_use_is_named(content):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(ValueError, match=f"port {port} is in use"):
            serve(content, LabelFile(), port=port, open_browser=False)


def test_without_a_browser_the_address_is_said(content, monkeypatch):
    import webbrowser

    monkeypatch.setattr(webbrowser, "open", lambda url: False)
    said = []
    server = serve(content, LabelFile(), port=0, open_browser=True, say=said.append)
    server.stop()
    assert said == [
        f"explorer: {server.url}",
        "no browser was found: open this address in one",
    ]
    assert len(server.url.rsplit("/", 1)[1]) >= 32
