"""The examples in docs/reference/json.md are what the contracts allow."""

from __future__ import annotations

import json
import re

import pytest

from tests.hactl.contracts import REFERENCE, violations

EXAMPLES = re.findall(r"```json\n(.*?)```", (REFERENCE / "json.md").read_text(), re.DOTALL)


@pytest.mark.parametrize(
    ("example", "contract"),
    list(zip(EXAMPLES, ["plan.schema.json", "status.schema.json"], strict=True)),
)
def test_an_example_keeps_its_contract(example: str, contract: str) -> None:
    assert violations(json.loads(example), contract) == []
