"""The explorer with many texts: seconds until the first map, and what actions cost.

    python benchmarks/explorer.py 10000 100000

Vectors and activations are random, since what is measured does not depend on them; the
texts are generated reviews. Start: from the content to the served address. First map:
from opening the address in Chromium to the drawn points. Then a reader's actions, one
after the other. Each has the processor seconds of this process, which serves the page,
and of Chromium, which has no GPU, until both are idle: unlike seconds of a clock they
hardly depend on what else the machine does. Memory: of the server's process, at its
largest. Each number of texts has a process of its own.
"""

import os
import resource
import shutil
import subprocess
import sys
import time

import numpy as np
import pandas as pd
import psutil
from scipy import sparse
from sklearn.pipeline import Pipeline

from sklearn_hsae import HypothesisRegressor, evaluate_hypotheses, make_reviews
from sklearn_hsae.explorer import LabelFile, serve
from sklearn_hsae.explorer._content import Content

N_DIMENSIONS, N_NEURONS, K = 384, 512, 8
N_REVIEWS = 5_000  # generated; repeated for more texts
_SECONDS_PER_LOOK, _IDLE = 0.5, 0.06  # of a processor, with the server's threads


def make_content(n_texts):
    """Reviews with random vectors and activations."""
    rng = np.random.default_rng(0)
    reviews = make_reviews(N_REVIEWS, random_state=0)
    rows = np.arange(n_texts) % N_REVIEWS
    truth = np.asarray(reviews.truth)[rows].astype(float)
    annotations = pd.DataFrame(truth, columns=list(map(str, reviews.concepts)))
    y = pd.Series(np.asarray(reviews.target)[rows] + rng.normal(size=n_texts))
    pipe = Pipeline([("regress", HypothesisRegressor())]).fit(annotations, y)
    columns = rng.integers(N_NEURONS, size=n_texts * K)
    activations = sparse.csc_array(
        (rng.random(n_texts * K), (np.repeat(np.arange(n_texts), K), columns)),
        shape=(n_texts, N_NEURONS),
    )
    return Content(
        texts=np.array(reviews.texts, dtype=object)[rows],
        outcome=y.rename("rating"),
        evaluation=evaluate_hypotheses(pipe, annotations, y),
        vectors=rng.normal(size=(n_texts, N_DIMENSIONS)).astype(np.float32),
        activations=activations,
        neurons=np.array([f"sae{j}" for j in range(N_NEURONS)], dtype=object),
    )


class Meter:
    """Processor seconds of the server and of the browser for each action.

    Parameters
    ----------
    page : playwright Page
    """

    def __init__(self, page):
        self.page = page
        self.me = psutil.Process()
        self.rows = []

    def spent(self):
        """Processor seconds so far: of the server, and of the browser."""
        browser = 0.0
        for process in self.me.children(recursive=True):
            try:
                if "chrom" in process.name():
                    browser += sum(process.cpu_times()[:2])
            except psutil.NoSuchProcess:
                continue
        return np.array([sum(self.me.cpu_times()[:2]), browser])

    def measure(self, name, act, seen=None):
        """Do something, wait for a text to be seen, and until all is idle."""
        before, start = self.spent(), time.perf_counter()
        act()
        if seen is not None:
            self.page.get_by_text(seen).locator("visible=true").first.wait_for()
        seconds = time.perf_counter() - start
        last = self.spent()
        while True:
            self.page.wait_for_timeout(1000 * _SECONDS_PER_LOOK)
            now = self.spent()
            if (now - last).sum() < _IDLE * _SECONDS_PER_LOOK:
                break
            last = now
        self.rows.append((name, *(now - before), seconds))

    def show(self):
        """One line per action."""
        for name, server, browser, seconds in self.rows:
            print(
                f"    {name:28} {server:5.2f} s server + {browser:5.2f} s browser; "
                f"seen after {seconds:4.1f} s"
            )


def draw_area(page):
    """Draw around the middle of the map, in 24 moves of the mouse."""
    box = page.locator(".bk-Canvas").first.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x - 90, y - 70)
    page.mouse.down()
    for corner in ((90, -70), (90, 70), (-90, 70), (-90, -70)):
        page.mouse.move(x + corner[0], y + corner[1], steps=6)
    page.mouse.up()


def zoom(page):
    """Turn the wheel over the map."""
    box = page.locator(".bk-Canvas").first.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.wheel(0, -300)


def enter(field, words):
    """Write into a field."""
    field.fill(words)
    field.press("Enter")


def act(page, meter):
    """What a reader does, one action after the other."""
    colour = page.get_by_label("Coloured by")

    def choose(name):
        return lambda: page.get_by_role("button", name=name, exact=True).click()

    def row(words):
        return page.locator(".tabulator-cell", has_text=words).locator("visible=true")

    def search(words):
        fields = page.locator(".tabulator-header-filter input").locator("visible=true")
        return lambda: enter(fields.first, words)

    meter.measure("an area is drawn", lambda: draw_area(page), "More often inside")
    inside = page.locator("h2").first.inner_text()
    meter.measure("the selection is cleared", choose("Clear the selection"))
    meter.measure(
        "coloured by a hypothesis", lambda: colour.select_option(index=3), "without:"
    )
    meter.measure("coloured by a neuron", lambda: colour.select_option(index=30))
    meter.measure("zoomed in", lambda: zoom(page))
    page.get_by_text("Filters", exact=True).click()
    words = page.get_by_label("words in the text")
    meter.measure("filter: words", lambda: enter(words, "waiter"), "More often inside")
    meter.measure("the filter is removed", lambda: enter(words, ""))
    meter.measure("table is opened", choose("Hypotheses and neurons"))
    meter.measure("search in the table", search("sae17"), "sae17")
    meter.measure("a neuron is opened", row("sae17").first.click, "Nearest:")
    meter.measure("two groups are opened", choose("Two groups"))
    meter.measure(
        "other groups are compared",
        lambda: page.get_by_label("Groups by").select_option(index=4),
        "of with it (up)",
    )
    meter.measure(
        "texts of a row are opened", row("phrase").first.click, "Texts, with it"
    )
    return inside


def measure(n_texts):
    """Figures of one number of texts."""
    from playwright.sync_api import sync_playwright

    content = make_content(n_texts)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.perf_counter()
    server = serve(content, LabelFile(), port=0, open_browser=False)
    served = time.perf_counter() - start
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"),
            args=["--no-sandbox", "--disable-gpu"],
        )
        page = browser.new_page(viewport={"width": 1400, "height": 1000})
        page.set_default_timeout(60_000)
        first = opened(page, server.url)
        page.wait_for_timeout(5000)  # phrases are counted meanwhile
        meter = Meter(page)
        meter.measure("second window", lambda: opened(page, server.url))
        inside = act(page, meter)
        browser.close()
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    server.stop()
    print(
        f"{n_texts:,} texts, load {os.getloadavg()[0]:.1f}: start {served:.1f} s, "
        f"first map {first:.1f} s; memory {before / 1e6:.2f} GB with the content, "
        f"{most / 1e6:.2f} GB at most; area of {inside}"
    )
    meter.show()


def opened(page, url):
    """Seconds until the points are drawn."""
    start = time.perf_counter()
    page.goto(url)
    page.wait_for_selector("canvas")
    page.get_by_text("texts").first.wait_for()
    page.evaluate("() => new Promise(done => requestAnimationFrame(done))")
    return time.perf_counter() - start


if __name__ == "__main__":
    sizes = [int(size) for size in sys.argv[1:]] or [10_000, 100_000]
    if len(sizes) == 1:
        measure(sizes[0])
    else:
        for size in sizes:
            subprocess.run([sys.executable, __file__, str(size)], check=True)
