"""Tests that share something run one after the other: pytest-xdist keeps their groups together."""

import pytest


@pytest.mark.xdist_group("together")
def test_a_group_is_kept_together(request: pytest.FixtureRequest) -> None:
    # xdist tells groups by the end of the name, which it cannot write with every pytest; they are
    # then torn apart without a word: every world of the truth table is booted twice
    if getattr(request.config.option, "loadgroup", False):
        assert request.node.nodeid.endswith("@together"), f"not with pytest {pytest.__version__}"
