"""Which parameters of an agent are secrets, by their names: neither file nor CIB is for them."""

from __future__ import annotations

import re

SECRET = re.compile(
    r"(.*[_-])?(passwd|password|passphrase|secret|psk|token|community|(api|secret|private)[_-]?key)",
    re.IGNORECASE,
)
# Kept on the nodes by `cibsecret set`; the CIB holds this word and a hash.
KEPT_BY_PACEMAKER = "lrm://"

# What a topology says in the place of a secret that stays in the cluster's CIB.
STAYS_IN_CIB = "hactl:secret-stays-in-the-cib"

# Wider than SECRET: what is taken for one by mistake stays where it is, and nothing is lost.
SUSPECT = re.compile(
    r"passw|passphrase|secret|credential|^chap"
    r"|(^|[_-])(pass|pwd|psk|pin|token|community|auth_?key|(api|access|private)[_-]?key|key)$",
    re.IGNORECASE,
)
# A file, or a program that prints it.
REFERENCE = re.compile(r"[_-]?(script|file|path|cmd|command)$", re.IGNORECASE)
INSIDE = re.compile(
    r"(pass(wd|word|phrase)?|pwd|secret|token|psk|api[_-]?key|community)['\"]?\s*[=:]\s*[^\s,;]"
    r"|://[^/\s:@]*:[^/\s@]+@",
    re.IGNORECASE,
)


def may_be_secret(name: str, value: str) -> bool:
    """Whether the value of a parameter of this name has to be kept out of files that are shown."""
    if not value or value.startswith(KEPT_BY_PACEMAKER):
        return False
    named = SUSPECT.search(name) and not REFERENCE.search(name)
    return bool(named or INSIDE.search(value))
