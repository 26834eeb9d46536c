"""How Pacemaker spells yes and no, in any case (crm_str_to_boolean(), lib/common/strings.c)."""

from __future__ import annotations

TRUE = ("true", "on", "yes", "y", "1")
FALSE = ("false", "off", "no", "n", "0")


def is_true(text: str | None) -> bool:
    """Whether a value is one of Pacemaker's words for yes; anything else is not."""
    return (text or "").lower() in TRUE


def is_false(text: str | None) -> bool:
    """Whether a value is one of Pacemaker's words for no; anything else is not."""
    return (text or "").lower() in FALSE
