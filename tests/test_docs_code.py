"""The code in the README and on the pages of the user guide runs as it is printed.

Each page is run from top to bottom in a folder of its own. Comments, which no reader
sees, hold what a page leaves to its reader (``.. invisible-code-block: python``) or
leave a block out (``.. skip: next``).
"""

import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sybil import Sybil
from sybil.parsers import markdown, rest

ROOT = Path(__file__).parent.parent
PAGES = [
    ROOT / "README.md",
    ROOT / "docs" / "index.rst",
    *sorted((ROOT / "docs" / "user_guide").glob("*.rst")),
]
PARSERS = {
    ".md": [markdown.PythonCodeBlockParser(), markdown.SkipParser()],
    ".rst": [rest.PythonCodeBlockParser(), rest.SkipParser()],
}


def code_of(page):
    return Sybil(parsers=PARSERS[page.suffix]).parse(page)


PAGES_WITH_CODE = [page for page in PAGES if list(code_of(page).examples())]


@pytest.fixture(scope="module")
def documents(reviews):
    stars = reviews.target.round(2)
    return pd.DataFrame({"text": reviews.texts, "stars": stars})[:120]


@pytest.fixture
def folder(documents, tmp_path, monkeypatch):
    """A working folder with the files that the pages speak of, and a key of no use.

    A page estimates the costs of a language model, for which no call is made.
    """
    monkeypatch.setenv("OPENAI_API_KEY", "no-key")
    documents.rename(columns={"text": "review"}).to_csv(tmp_path / "reviews.csv")
    documents.to_json(tmp_path / "reviews.jsonl", orient="records", lines=True)
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("page", PAGES_WITH_CODE, ids=lambda page: page.name)
def test_the_code_of_a_page_runs(page, documents, folder):
    texts, y = documents["text"].tolist(), documents["stars"].to_numpy()
    document = code_of(page)
    document.namespace.update(
        np=np,
        pd=pd,
        documents=documents,
        texts=texts[:80],
        y=y[:80],
        new_texts=texts[80:],
        new_y=y[80:],
    )
    with warnings.catch_warnings():
        # So few texts leave some neurons and phrases out.
        warnings.simplefilter("ignore")
        for example in document.examples():
            example.evaluate()
