"""Content for the explorer."""

import pytest
from explorer_content import make_content


@pytest.fixture
def content():
    return make_content()
