"""One run: every system after the other in each round, so that what changes on the machine meets all of them."""

from __future__ import annotations

import os
import signal
import statistics
import sys
import tempfile
import time
import types
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from system import Measured, System, Unavailable


@dataclass
class Row:
    """What was measured of one system, and why not more of it."""

    system: System
    rounds: list[Measured] = field(default_factory=list)
    others: list[float] = field(default_factory=list)  # share of all cores that went to processes of nobody here
    unavailable: str = ""

    @property
    def jobs_per_s(self) -> float:
        return self.median("jobs_per_s")

    def median(self, name: str) -> float:
        return float(statistics.median(getattr(measured, name) for measured in self.rounds))

    def as_json(self) -> dict[str, object]:
        system = self.system
        known = {"system": system.name, "title": system.title, "client": system.client}
        known |= {"survives": system.survives.name.lower(), "durability": system.durability}
        if not self.rounds:
            return known | {"unavailable": self.unavailable}
        return known | {
            "version": system.version(),
            "jobs_per_s": round(self.jobs_per_s),
            "rounds": [round(measured.jobs_per_s) for measured in self.rounds],
            "jobs": self.rounds[-1].jobs,
            "server_us": round(self.median("server_us"), 3),
            "client_us": round(self.median("client_us"), 3),
            "others": [round(share, 3) for share in self.others],
        }


@dataclass(frozen=True)
class Size:
    """How long a measurement is: a number of jobs, or as many as take about so many seconds."""

    jobs: int | None
    seconds: float

    def of(self, warm_up: Measured) -> int:
        return self.jobs or max(warm_up.jobs, int(warm_up.jobs_per_s * self.seconds))


def measure(systems: Sequence[System], rounds: int, size: Size, parent: Path) -> list[Row]:
    """A row for each system; a system that cannot be measured is named, and the others go on."""
    refuse_memory(parent)
    react_to_signals(interrupt)
    rows = [Row(system) for system in systems]
    for number in range(rounds):
        for row in rows:
            if row.unavailable:
                continue
            progress(f"{number + 1}/{rounds}  {row.system.name}")
            try:
                with running(row.system, parent):
                    once(row, size)
            except Unavailable as error:
                row.unavailable = str(error)
    progress("")
    return rows


def once(row: Row, size: Size) -> None:
    """Two runs to warm up, since caches and compilers at run time need it and the first guess of the size is poor."""
    first = row.system.put_and_finish(row.system.warm_up)
    second = row.system.put_and_finish(Size(None, size.seconds / 8).of(first))
    start, before = time.monotonic(), busy_seconds()
    measured = row.system.put_and_finish(size.of(second))
    others = busy_seconds() - before - measured.jobs * (measured.server_us + measured.client_us) / 1e6
    row.rounds.append(measured)
    row.others.append(max(0.0, others) / (time.monotonic() - start) / (os.cpu_count() or 1))


def busy_seconds() -> float:
    """CPU seconds of the whole machine since it started, without idling and waiting for the disk."""
    user, nice, system, _idle, _waiting, *interrupts = map(int, Path("/proc/stat").read_text().split()[1:9])
    return (user + nice + system + sum(interrupts)) / os.sysconf("SC_CLK_TCK")


@contextmanager
def running(system: System, parent: Path) -> Iterator[None]:
    """The system's processes, in a directory that goes with them, whatever happens."""
    with tempfile.TemporaryDirectory(prefix="joinery-peer-", dir=parent, ignore_cleanup_errors=True) as directory:
        system.directory = Path(directory)
        try:
            system.start()
            yield
        finally:
            react_to_signals(signal.SIG_IGN)  # a second Ctrl-C leaves nothing behind either
            system.stop()
            react_to_signals(interrupt)


def react_to_signals(how: Callable[[int, types.FrameType | None], None] | signal.Handlers) -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, how)


def interrupt(_number: int, _frame: types.FrameType | None) -> None:
    raise KeyboardInterrupt


def refuse_memory(directory: Path) -> None:
    """An fsync of a file in memory costs nothing, and would say nothing."""
    mounts = [line.split()[1:3] for line in Path("/proc/mounts").read_text().splitlines()]
    inside = [(point, kind) for point, kind in mounts if directory.resolve().is_relative_to(point)]
    point, kind = max(inside, key=lambda mount: len(mount[0]))
    if kind in ("tmpfs", "ramfs"):
        raise SystemExit(f"--directory is {directory}, which is memory ({kind} at {point}); expected one on a disk")


def progress(text: str) -> None:
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)
