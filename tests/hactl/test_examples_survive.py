"""The examples survive the loss of any node, or say that they do not."""

from __future__ import annotations

from pathlib import Path

import pytest

from hactl.cib import document
from hactl.commands.losses import simulated
from hactl.intent import understood
from tests.hactl.scheduler import needs_scheduler, runner

EXAMPLES = sorted((Path(__file__).parents[2] / "examples").glob("*.yaml"))


@needs_scheduler
@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_strands_nothing(path: Path, tmp_path: Path) -> None:
    subject, _ = understood(str(path))
    assert simulated(subject, document.cib(subject.cluster), runner(tmp_path)) == []
