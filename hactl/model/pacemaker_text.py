"""Text that Pacemaker's tools print as XML: they escape it once more than XML needs."""

from __future__ import annotations

# The ampersand last, or what it was part of would be read twice.
ENTITIES = (("&lt;", "<"), ("&gt;", ">"), ("&quot;", '"'), ("&apos;", "'"), ("&amp;", "&"))


def unescaped(text: str) -> str:
    """Return what was meant by a reason that crm_mon or crm_simulate gives."""
    for entity, character in ENTITIES:
        text = text.replace(entity, character)
    return text
