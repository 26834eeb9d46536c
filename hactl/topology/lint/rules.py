from __future__ import annotations

from hactl.topology.lint import Rule

RULES: tuple[Rule, ...] = ()
