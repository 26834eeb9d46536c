"""A command on another node, told so that nothing in it becomes an option or a word of a shell.

ssh hands what it is given to a shell there, joined by blanks; `hactl lab exec` does not. So words
are not quoted, which would be right for one of them: words that would need it are not sent. What
may be any text goes by standard input.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from hactl.errors import ClusterError, UsageError

SSH = "ssh -o BatchMode=yes -o ConnectTimeout=5 -- {node}"
HOLDER = "{node}"
NODE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,252}")
WORD = re.compile(r"[A-Za-z0-9_./:%+=,@-]+")


def way(via: str, environment: Mapping[str, str] = os.environ) -> list[str]:
    """Return the words of ``--via``, the program found as the operator's own shell finds it.

    Raises UsageError where it is not a command line that names the node.
    """
    try:
        words = shlex.split(via)
    except ValueError as problem:
        raise UsageError(f"--via {via!r}: {problem}".lower(), "close what was opened") from None
    if not any(HOLDER in word for word in words):
        raise UsageError(
            f"--via {via!r} does not say where the node's name goes", f"write {HOLDER} there"
        )
    # `hactl` of a virtual environment is beside its interpreter, whether it is on PATH or not
    path = os.pathsep.join([environment.get("PATH", ""), str(Path(sys.executable).parent)])
    return [shutil.which(words[0], path=path) or words[0], *words[1:]]


def command(via: Sequence[str], node: str, words: Sequence[str]) -> list[str]:
    """Return what to run here so that ``words`` run on ``node``.

    Raises ClusterError where the name or a word could be taken for something else on the way.
    """
    if not NODE.fullmatch(node):
        raise ClusterError(f"its name {node!r} could be taken for an option, or by a shell")
    for word in words:
        if not WORD.fullmatch(word):
            raise ClusterError(f"{word!r} could be taken otherwise by the shell on {node}")
    return [*(word.replace(HOLDER, node) for word in via), *words]
