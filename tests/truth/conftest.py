from collections.abc import Iterator

import pytest

from tests.support.private_node import PrivateNode, fresh_node


@pytest.fixture(scope="module")
def node() -> Iterator[PrivateNode]:
    """A node for the tests of one file."""
    with fresh_node() as node:
        yield node
