"""The explorer with many texts: seconds until the first map, and memory.

    python benchmarks/explorer.py 10000 100000

Vectors and activations are random, since what is measured does not depend on them; the
texts are generated reviews. Start: from the content to the served address. First map:
from opening the address in Chromium to the drawn points. Selection: from the end of a
drawn area, about a quarter of the texts, to what sets it apart. Memory: of the server's
process, at its largest. Each number of texts has a process of its own.
"""

import resource
import shutil
import subprocess
import sys
import time

import numpy as np
import pandas as pd
from scipy import sparse
from sklearn.pipeline import Pipeline

from sklearn_hsae import HypothesisRegressor, evaluate_hypotheses, make_reviews
from sklearn_hsae.explorer import LabelFile, serve
from sklearn_hsae.explorer._content import Content

N_DIMENSIONS, N_NEURONS, K = 384, 512, 8
N_REVIEWS = 5_000  # generated; repeated for more texts


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


def draw_quarter(page):
    """Draw around the middle of the map."""
    box = page.locator(".bk-Canvas").first.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x - 90, y - 70)
    page.mouse.down()
    for corner in ((90, -70), (90, 70), (-90, 70), (-90, -70)):
        page.mouse.move(x + corner[0], y + corner[1], steps=6)
    page.mouse.up()


def measure(n_texts):
    """One line of figures."""
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
        page.set_default_timeout(300_000)
        first = opened(page, server.url)
        again = opened(page, server.url)  # the projection is there by now
        page.wait_for_timeout(3000)
        start = time.perf_counter()
        draw_quarter(page)
        page.get_by_text("More often inside").wait_for()
        selected = time.perf_counter() - start
        inside = page.locator("h2").first.inner_text()
        browser.close()
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    server.stop()
    print(
        f"{n_texts:,} texts: start {served:.1f} s, first map {first:.1f} s, second "
        f"window {again:.1f} s, selection of {inside} {selected:.1f} s; memory "
        f"{before / 1e6:.2f} GB with the content, {most / 1e6:.2f} GB at most"
    )


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
