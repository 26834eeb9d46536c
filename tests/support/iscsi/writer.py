"""An iSCSI initiator that keeps writing, and proves what became of every write: libiscsi by ctypes.

    iscsi_writer.py ADDRESS:PORT TARGET LUN INITIATOR

Until its stdin ends, or the first error, it writes numbered, checksummed blocks over and over,
several at a time and never two to the same place; then it reads all of them back. On stdout: a line
of JSON a few times a second ({"acknowledged": 17}), and the report as the last one. It retries what
every initiator retries, a unit attention or a busy target, asks now and then whether anybody is
there, and connects again for as long as it lives. All else is an error.
"""

import ctypes
import json
import os
import random
import select
import struct
import sys
import time
import zlib
from collections import Counter
from dataclasses import asdict, dataclass, field
from typing import Any

BLOCK = 512
SIZE = 4096  # bytes of one write
PLACES = 512
DEPTH = 8
NORMAL_SESSION = 2
GOOD, CHECK_CONDITION, BUSY, TASK_SET_FULL = 0, 2, 8, 0x28
UNIT_ATTENTION = 6
STATUS, SENSE_KEY, SENSE_CODE = 0, 52, 56  # in struct scsi_task
HEAD = struct.Struct("!8sQQI")  # magic, place, number, checksum of the rest
MAGIC = b"hactl-io"
PING = 5.0  # seconds between two NOPs, by which an initiator asks whether anybody is there
PATIENCE = 60.0  # seconds for what is under way, when it has to end
Callback = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)
Logger = ctypes.CFUNCTYPE(None, ctypes.c_int, ctypes.c_char_p)


@dataclass
class Report:
    """What an initiator has lived through. Times are in seconds."""

    acknowledged: int = 0
    verified: int = 0
    lost: list[str] = field(default_factory=list)  # blocks that are not what was acknowledged
    errors: list[str] = field(default_factory=list)  # I/O errors, that an application would get
    retried: int = 0
    refused: int = 0  # connections that were turned away
    longest_gap: float = 0.0  # between two acknowledged writes
    said: dict[str, int] = field(default_factory=dict)  # by libiscsi, how often

    @property
    def is_clean(self) -> bool:
        return not self.lost and not self.errors and self.verified > 0


def block(place: int, number: int) -> bytes:
    """What write ``number`` puts into a place: no two are alike."""
    body = random.Random(number).randbytes(SIZE - HEAD.size)
    return HEAD.pack(MAGIC, place, number, zlib.crc32(body)) + body


def number_in(data: bytes, place: int) -> int:
    """Which write a block is from; -1 for one that is torn, from elsewhere, or none."""
    magic, where, number, checksum = HEAD.unpack_from(data)
    whole = (magic, where) == (MAGIC, place) and zlib.crc32(data[HEAD.size :]) == checksum
    return int(number) if whole else -1


class Ledger:
    """Which write was acknowledged last for each place, and which are under way."""

    def __init__(self) -> None:
        self.acknowledged: dict[int, int] = {}
        self.under_way: dict[int, int] = {}
        self.count = 0

    def next(self) -> tuple[int, int]:
        """The place and number of the next write; never to a place that is being written."""
        self.count += 1
        place = self.count % PLACES
        while place in self.under_way:
            place = (place + 1) % PLACES
        self.under_way[place] = self.count
        return place, self.count

    def done(self, place: int) -> None:
        self.acknowledged[place] = self.under_way.pop(place)

    def complaint(self, place: int, data: bytes) -> str:
        """What is wrong with a block that was read back, '' if nothing."""
        wanted = {self.acknowledged[place]}
        if place in self.under_way:  # it may or may not have been done
            wanted.add(self.under_way[place])
        found = number_in(data, place)
        if found in wanted:
            return ""
        return f"place {place} holds write {found} instead of {self.acknowledged[place]}"


class Session:
    """A libiscsi context, and the commands that are under way in it."""

    def __init__(self, portal: str, target: str, lun: int, initiator: str, report: Report) -> None:
        self.lib = library()
        self.lun, self.report = lun, report
        self.commands: dict[int, tuple[Any, ...]] = {}  # what must live as long as they do
        self.counter = 0
        self.chatter: Counter[str] = Counter()
        self.iscsi = self.lib.iscsi_create_context(initiator.encode())
        self.logger = Logger(self.heard)
        self.callback = Callback(self.answered)
        self.pong = Callback(lambda *_: None)
        self.pinged = time.monotonic()
        self.lib.iscsi_set_log_fn(self.iscsi, self.logger)
        self.lib.iscsi_set_log_level(self.iscsi, 2)
        self.lib.iscsi_set_targetname(self.iscsi, target.encode())
        self.lib.iscsi_set_session_type(self.iscsi, NORMAL_SESSION)
        if self.lib.iscsi_full_connect_sync(self.iscsi, portal.encode(), lun):
            raise SystemExit(f"cannot log in: {self.error()}")
        self.lib.iscsi_set_reconnect_max_retries(self.iscsi, -1)

    def write(self, place: int, data: bytes, done: Any) -> None:
        buffer = ctypes.create_string_buffer(data, SIZE)
        number = self.note(done, buffer, lambda: self.write(place, data, done), f"write {place}")
        task = self.lib.iscsi_write10_task(
            self.iscsi, self.lun, place * SIZE // BLOCK, buffer, SIZE, BLOCK,
            0, 0, 0, 0, 0, self.callback, number,
        )  # fmt: skip
        assert task, self.error()

    def read(self, place: int, done: Any) -> None:
        buffer = ctypes.create_string_buffer(SIZE)
        number = self.note(
            lambda: done(buffer.raw), buffer, lambda: self.read(place, done), f"read {place}"
        )
        task = self.lib.iscsi_read10_task(
            self.iscsi, self.lun, place * SIZE // BLOCK, SIZE, BLOCK,
            0, 0, 0, 0, 0, self.callback, number,
        )  # fmt: skip
        assert task, self.error()
        self.lib.scsi_task_add_data_in_buffer(task, SIZE, buffer)

    def note(self, done: Any, buffer: Any, again: Any, what: str) -> int:
        self.counter += 1
        self.commands[self.counter] = (done, buffer, again, what)
        return self.counter

    def answered(self, _: int, status: int, task: int, number: int) -> None:
        done, _buffer, again, what = self.commands.pop(number)
        key, code = (integer(task + offset) if task else 0 for offset in (SENSE_KEY, SENSE_CODE))
        if task:
            self.lib.scsi_free_scsi_task(task)
        if status == GOOD:
            done()
        elif status in (BUSY, TASK_SET_FULL) or (status, key) == (CHECK_CONDITION, UNIT_ATTENTION):
            self.report.retried += 1
            again()
        else:
            sense = f", sense {key:x}/{code:04x}" if status == CHECK_CONDITION else ""
            self.report.errors.append(f"{what}: status {status:#x}{sense}: {self.error()}")

    def heard(self, _: int, text: bytes) -> None:
        words = text.decode(errors="replace")
        self.chatter[words] += 1
        self.report.refused += "refused" in words

    def ping(self) -> None:
        """Without it, what was acknowledged and never answered is waited for until TCP gives up."""
        if time.monotonic() - self.pinged > PING and self.lib.iscsi_is_logged_in(self.iscsi):
            self.pinged = time.monotonic()
            self.lib.iscsi_nop_out_async(self.iscsi, self.pong, None, 0, None)

    def serve(self, seconds: float = 0.05) -> None:
        """Let things go on for a moment; raises SystemExit where libiscsi gives up."""
        self.ping()
        descriptor = self.lib.iscsi_get_fd(self.iscsi)
        ready = 0
        if descriptor >= 0:
            poll = select.poll()
            poll.register(descriptor, self.lib.iscsi_which_events(self.iscsi))
            ready = next((events for _, events in poll.poll(seconds * 1000)), 0)
        else:
            time.sleep(seconds)
        if self.lib.iscsi_service(self.iscsi, ready) < 0:
            self.report.errors.append(f"libiscsi gave up: {self.error()}")
            raise SystemExit(finish(self))

    def drain(self) -> None:
        limit = time.monotonic() + PATIENCE
        while self.commands and time.monotonic() < limit:
            self.serve()
        self.report.errors += [f"{what}: no answer" for *_, what in self.commands.values()]

    def error(self) -> str:
        return str(self.lib.iscsi_get_error(self.iscsi).decode(errors="replace"))


def integer(address: int) -> int:
    return int(ctypes.c_int.from_address(address).value)


def library() -> Any:
    lib = ctypes.CDLL("libiscsi.so.7")
    lib.iscsi_create_context.restype = ctypes.c_void_p
    lib.iscsi_get_error.restype = ctypes.c_char_p
    for name in ("iscsi_write10_task", "iscsi_read10_task"):
        getattr(lib, name).restype = ctypes.c_void_p
    context, number, text = ctypes.c_void_p, ctypes.c_int, ctypes.c_char_p
    options = [number] * 5
    lib.iscsi_set_log_fn.argtypes = [context, Logger]
    lib.iscsi_set_log_level.argtypes = [context, number]
    lib.iscsi_set_targetname.argtypes = [context, text]
    lib.iscsi_set_session_type.argtypes = [context, number]
    lib.iscsi_full_connect_sync.argtypes = [context, text, number]
    lib.iscsi_set_reconnect_max_retries.argtypes = [context, number]
    place = [context, number, ctypes.c_uint32]
    after = [ctypes.c_uint32, number, *options, Callback, ctypes.c_void_p]
    lib.iscsi_write10_task.argtypes = [*place, ctypes.c_void_p, *after]
    lib.iscsi_read10_task.argtypes = [*place, *after]
    lib.scsi_task_add_data_in_buffer.argtypes = [ctypes.c_void_p, number, ctypes.c_void_p]
    lib.scsi_free_scsi_task.argtypes = [ctypes.c_void_p]
    lib.iscsi_nop_out_async.argtypes = [context, Callback, context, number, context]
    for name in ("iscsi_get_error", "iscsi_get_fd", "iscsi_which_events", "iscsi_is_logged_in"):
        getattr(lib, name).argtypes = [context]
    lib.iscsi_service.argtypes = [context, number]
    return lib


class Writer:
    """Keeps DEPTH writes under way until it is told to end."""

    def __init__(self, session: Session) -> None:
        self.session, self.report = session, session.report
        self.ledger = Ledger()
        self.last = time.monotonic()

    def run(self) -> None:
        """Until stdin ends."""
        told = 0.0
        while not ended(sys.stdin.fileno()) and not self.report.errors:
            while len(self.session.commands) < DEPTH:
                self.write()
            self.session.serve()
            if time.monotonic() - told > 0.1:
                told = time.monotonic()
                print(json.dumps({"acknowledged": self.report.acknowledged}), flush=True)
        self.session.drain()

    def write(self) -> None:
        place, number = self.ledger.next()
        self.session.write(place, block(place, number), lambda: self.acknowledged(place))

    def acknowledged(self, place: int) -> None:
        self.ledger.done(place)
        now = time.monotonic()
        self.report.longest_gap = max(self.report.longest_gap, now - self.last)
        self.report.acknowledged += 1
        self.last = now

    def verify(self) -> None:
        for place in self.ledger.acknowledged:
            while len(self.session.commands) >= DEPTH:
                self.session.serve()
            self.session.read(place, lambda data, place=place: self.judge(place, data))
        self.session.drain()

    def judge(self, place: int, data: bytes) -> None:
        complaint = self.ledger.complaint(place, data)
        self.report.lost += [complaint] if complaint else []
        self.report.verified += 1


def ended(stream: int) -> bool:
    return bool(select.select([stream], [], [], 0)[0]) and os.read(stream, 64) == b""


def finish(session: Session) -> int:
    session.report.said = dict(session.chatter.most_common(20))
    print(json.dumps(asdict(session.report)), flush=True)
    return 0 if session.report.is_clean else 1


def main(portal: str, target: str, lun: str, initiator: str) -> int:
    session = Session(portal, target, int(lun), initiator, Report())
    writer = Writer(session)
    writer.run()
    if not session.report.errors:
        writer.verify()
    return finish(session)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
