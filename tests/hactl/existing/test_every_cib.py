"""Every CIB there is becomes a topology that changes nothing in it but marks of ownership.

A sample every day; ``scripts/imports`` takes all CIBs of other people and hundreds of random ones.
"""

from __future__ import annotations

import os
from copy import deepcopy
from pathlib import Path
from random import Random

import pytest
from lxml import etree
from lxml.etree import _Element

from hactl import intent
from hactl.cib import schema
from hactl.cib.canonical import canonical
from hactl.cib.document import configuration
from hactl.cib.kept import LEDGER
from hactl.cib.merge import merge
from hactl.errors import ClusterError, HactlError
from hactl.existing.corosync_conf import Membership
from hactl.existing.imported import imported
from hactl.existing.proof import prove
from hactl.live import cibfile
from hactl.plan.plan import scenario
from hactl.simulate.outcome import outcome
from hactl.simulate.scheduler import simulate
from tests.hactl.existing.drawn import CANARY, cib, seeds
from tests.hactl.scheduler import corpus, needs_corpora, needs_scheduler, runner

ALL = bool(os.environ.get("HACTL_EXHAUSTIVE"))
NUMBERS = [*seeds(), *(range(1000, 1500) if ALL else ())]
MANGLED = 40 if ALL else 2


def unreadable(path: str) -> bytes:
    raise FileNotFoundError(2, "not there", path)


def text_of(live: _Element) -> str:
    return imported(live, Membership()).text


def merged(live: _Element) -> _Element:
    cluster, _ = intent.reads(text_of(live), "t.yaml", unreadable)
    return merge(live, configuration(cluster))


def without_ledger(cib: _Element) -> bytes:
    copy = deepcopy(cib)
    for found in copy.findall(f"configuration/crm_config/*[@id='{LEDGER}']"):
        found.getparent().remove(found)  # type: ignore[union-attr]
    return canonical(copy)


def happens(cib: _Element, folder: Path) -> list[str]:
    return sorted(map(str, outcome(simulate(scenario(cib), runner(folder)))))


@needs_corpora
@needs_scheduler
def test_other_peoples_cibs(tmp_path: Path) -> None:
    for number, path in enumerate(list(corpus())[:: 1 if ALL else 12]):
        live = cibfile.read(path)
        both = merged(live)
        assert without_ledger(both) == without_ledger(live), path.name
        if not number % 8 or ALL:
            assert happens(live, tmp_path) == happens(both, tmp_path), path.name


@pytest.mark.parametrize("seed", NUMBERS)
def test_random_cibs_and_no_secret_leaves_them(seed: int) -> None:
    live = cib(seed)
    schema.check(live)
    assert without_ledger(merged(live)) == without_ledger(live)
    assert CANARY not in text_of(live)


def test_the_random_cibs_hold_secrets() -> None:
    full = [seed for seed in NUMBERS if CANARY in etree.tostring(cib(seed), encoding="unicode")]
    assert len(full) > len(NUMBERS) / 2


@needs_scheduler
def test_a_second_import_and_merge_finds_nothing_to_mark(tmp_path: Path) -> None:
    live = merged(cib(NUMBERS[0]))
    proof = prove(live, text_of(live), "t.yaml", runner(tmp_path), unreadable)
    assert proof.plan.changes == ()


@needs_corpora
@needs_scheduler
def test_mangled_cibs_are_imported_or_refused_in_one_line(tmp_path: Path) -> None:
    said = []
    for path in list(corpus())[:: 1 if ALL else 40]:
        chance = Random(path.name)
        for _ in range(MANGLED):
            file = tmp_path / path.name
            file.write_bytes(mangled(path.read_bytes(), chance))
            said += [told] if (told := refusal(file, tmp_path)) else []
    assert said and not [told for told in said if "\n" in told]


def refusal(file: Path, folder: Path) -> str:
    try:
        live = cibfile.read(file)
        prove(live, text_of(live), "t.yaml", runner(folder), unreadable)
    except HactlError as problem:
        assert isinstance(problem, ClusterError)
        return str(problem)
    return ""


def mangled(data: bytes, chance: Random) -> bytes:
    """Return a CIB that was cut short, has bytes turned, or parts twice or not at all."""
    start, end = sorted(chance.randrange(len(data)) for _ in range(2))
    kind = chance.randrange(5)
    if kind == 0:
        return data[:start]
    if kind == 1:
        return data[:start] + data[min(end, start + 200) :]
    if kind == 2:
        return data[:start] + bytes([chance.randrange(256)]) + data[start + 1 :]
    root = etree.fromstring(data)
    parts = list(root.iterfind("configuration//*[@id]"))
    one = chance.choice(parts)
    above = one.getparent()
    assert above is not None
    if kind == 3:
        above.append(deepcopy(one))
    else:
        one.set(
            chance.choice(["id", "name", "type", "odd"]),
            chance.choice(["", "a b", "ü", "x" * 5000]),
        )
    return etree.tostring(root)
