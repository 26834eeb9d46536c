"""Times are read as Pacemaker reads them: its own scheduler is asked."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from lxml import etree

from hactl.model.pacemaker_time import MOST, milliseconds, seconds
from tests.hactl.cibs import cib
from tests.hactl.scheduler import needs_scheduler, runner
from tests.hactl.topologies import BASE, cluster_of

DEFAULT = 20_000  # what an operation gets whose timeout cannot be read
NOTHING = "0s"
SEED = 1202
UNITS = (
    *("", "s", "sec", "S", "SEC", "seconds", "ms", "MS", "msec", "us", "usec", "m", "M", "min"),
    *("month", "minutes", "h", "H", "hr", "hours", "d", "days", "w", "x", "s junk", "é", "-", "%"),
)


@needs_scheduler
def test_pacemaker_reads_the_same_times(tmp_path: Path) -> None:
    chance = random.Random(SEED)
    texts = sorted({drawn(chance) for _ in range(900)} | {NOTHING})
    read = as_pacemaker(texts, tmp_path)
    # no time at all is the default from Pacemaker 3.0, and before that none
    assert read[NOTHING] in (0, DEFAULT)
    ours = {text: milliseconds(text) for text in texts}
    meant = {text: DEFAULT if time is None else time for text, time in ours.items()}
    assert {text: time or read[NOTHING] for text, time in meant.items()} == read
    assert len(texts) > 600
    assert len({*read.values()}) > 200, "not all of them are the default"


def drawn(chance: random.Random) -> str:
    whole, fraction = chance.randrange(500), chance.choice(["", "", ".5", ".", ".1.4"])
    before, between = chance.choice(["", "", " ", "0", "a"]), chance.choice(["", "", " ", "  "])
    return f"{before}{whole}{fraction}{between}{chance.choice(UNITS)}"


def as_pacemaker(texts: list[str], folder: Path) -> dict[str, int]:
    """Return the timeout that the scheduler makes of each text, in milliseconds."""
    resources = "".join(
        f'<primitive id="t{number}" class="ocf" provider="pacemaker" type="Dummy"><operations>'
        f'<op id="t{number}-start" name="start" interval="0s" timeout="{text}"/>'
        "</operations></primitive>"
        for number, text in enumerate(texts)
    )
    argv = ("crm_simulate", "--run", "--xml-pipe", "--quiet", "--save-graph=/dev/stdout")
    said = runner(folder).run(argv, stdin=etree.tostring(cib(resources))).stdout
    found = {}
    for start in etree.fromstring(said).xpath(".//action_set/rsc_op[@operation='start']"):
        (number,) = start.xpath("primitive/@id")
        (timeout,) = start.xpath("attributes/@CRM_meta_timeout")
        found[texts[int(number[1:])]] = int(timeout)
    return found


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("2m", 120_000),
        ("120s", 120_000),
        ("90sec", 90_000),
        ("1.5s", 1000),
        ("5 minutes", 300_000),
        ("1000us", 1),
        ("10", 10_000),
        ("0", 0),
        ("1d", None),
        (".5s", None),
        ("-5", None),
        ("+5", None),
        ("1e3", None),
        ("٣", None),
        ("", None),
        (None, None),
        ("9" * 5000, MOST),
        ("0" * 5000 + "7ms", 7),
    ],
)
def test_a_time_is_read(text: str | None, read: int | None) -> None:
    assert milliseconds(text) == read
    assert seconds(text) == (None if read is None else read / 1000)


@pytest.mark.parametrize("spelled", ["2m", "120s", "120", "2min", "120000ms", "2 Minutes"])
def test_one_time_has_one_effect_however_it_is_spelled(spelled: str) -> None:
    """A device that may take two minutes needs a stonith-timeout beyond that."""
    timeouts = [allowing(each) for each in (spelled, "120s")]
    assert timeouts[0] == timeouts[1]
    assert (milliseconds(timeouts[0]) or 0) > 120_000


def allowing(off: str) -> str:
    """Return the stonith-timeout of a cluster whose device has this time to turn a node off."""
    text = BASE.replace("{agent: fence_lab}", f"{{agent: fence_lab, pcmk_off_timeout: {off!r}}}")
    assert text != BASE
    return cluster_of(text).properties["stonith-timeout"]
