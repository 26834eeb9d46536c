"""A CIB that breaks its schema is refused, and whose doing that is."""

from __future__ import annotations

import pytest

from hactl.cib import schema
from hactl.cib.schema import Invalid
from tests.hactl.cibs import cib, dummy_text
from tests.hactl.pacemaker import needs_pacemaker

pytestmark = needs_pacemaker
WRONG = '<primitive id="x" class="ocf" provider="p" type="t" colour="red"/>'


def test_what_we_would_break_is_ours() -> None:
    with pytest.raises(Invalid, match="the configuration would break the CIB schema"):
        schema.check(cib(WRONG), before=cib(dummy_text("x")))


def test_what_is_broken_already_is_not() -> None:
    with pytest.raises(Invalid, match="the CIB breaks its own schema"):
        schema.check(cib(WRONG + dummy_text("y")), before=cib(WRONG))
    schema.check(cib(dummy_text("x")), before=cib(WRONG))
