"""What every test gets, a cache folder of its own and no way to the model hub; and what
several folders of tests use.
"""

import os
import tempfile

import pytest
from hypothesis import settings
from llm_server import LLMServer

from sklearn_hsae import make_reviews

# Read when huggingface_hub is imported, which a test module may do at once. What the
# user has downloaded must not decide a test, so the hub's cache is a folder that
# nobody makes.
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["HF_HUB_CACHE"] = os.path.join(tempfile.gettempdir(), "no-such-hub-cache")
os.environ.pop("SENTENCE_TRANSFORMERS_HOME", None)

# The same examples in every run, and no folder of them; a slow machine is no failure.
settings.register_profile(
    "suite", derandomize=True, database=None, deadline=None, max_examples=40
)
settings.load_profile("suite")


@pytest.fixture(scope="session", autouse=True)
def user_cache(tmp_path_factory):
    """No test reads or fills the cache of the user who runs it.

    One folder for all workers of the session: a text that several tests embed is
    embedded once.
    """
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent
    folder = folder / "user_cache"
    folder.mkdir(exist_ok=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(folder))
        yield folder


@pytest.fixture(scope="session")
def cache(user_cache):
    """The path of the default cache: what other tests embed is not embedded again."""
    return str(user_cache / "sklearn_hsae")


@pytest.fixture(scope="session")
def minilm():
    """The real all-MiniLM-L6-v2, from the package of the extra `test`."""
    return "sentence-transformers/all-MiniLM-L6-v2"


@pytest.fixture(scope="session")
def reviews():
    """240 generated reviews: few enough to fit a whole pipeline in a second.

    Tests that embed reviews all take these, which are in the cache after the first.
    """
    return make_reviews(240, random_state=0)


@pytest.fixture
def server():
    """A language model on loopback that answers by rules, see `llm_server`."""
    with LLMServer() as server:
        yield server
