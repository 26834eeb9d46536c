"""What iscsi-test-cu of libiscsi says of a target, as numbers and names; runs nothing."""

import re
from dataclasses import dataclass

TESTS = re.compile(r"^\s+tests\s+(\d+)\s+(\d+)\s+(\d+)\s+(\d+)", re.M)
FAILURE = re.compile(r"^Suite (\S+), Test (\S+) had failures", re.M)


@dataclass(frozen=True)
class Outcome:
    """How many tests passed, a skipped one too, and the names of those that failed."""

    passed: int
    failed: frozenset[str]

    def __add__(self, other: "Outcome") -> "Outcome":
        return Outcome(self.passed + other.passed, self.failed | other.failed)


def outcome(text: str) -> Outcome:
    """Of one run; none passed where it did not come to its end."""
    found = TESTS.search(text)
    failed = frozenset(f"{suite}.{test}" for suite, test in FAILURE.findall(text))
    return Outcome(int(found[3]) if found else 0, failed)
