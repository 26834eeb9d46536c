"""Which parameters of an agent are secrets, by their names: neither file nor CIB is for them."""

from __future__ import annotations

import re

SECRET = re.compile(
    r"(.*[_-])?(passwd|password|passphrase|secret|psk|token|community|(api|secret|private)[_-]?key)",
    re.IGNORECASE,
)
# Kept on the nodes by `cibsecret set`; the CIB holds this word and a hash.
KEPT_BY_PACEMAKER = "lrm://"
