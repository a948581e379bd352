"""The bare transport with a log: what ZeroMQ and fdatasync allow on this machine (bench/limit)."""

from __future__ import annotations

from pathlib import Path

from system import PAYLOAD, PROGRAMS, Measured, Survives, System


class Limit(System):
    """A relay with an index, no queue: nothing can be asked of it but to pass jobs on."""

    name = "limit"
    title = "bare ZeroMQ and a log"
    survives = Survives.POWER
    durability = "fdatasync before answered"
    client = "frames of 256 jobs"
    package = "libzmq5"
    warm_up = 500_000

    def start(self) -> None:
        pass

    def put_and_finish(self, jobs: int) -> Measured:
        command: list[str | Path] = [PROGRAMS / "limit", "--directory", self.directory, "--json"]
        return self.run_client([*command, "--jobs", str(jobs), "--payload", str(PAYLOAD)], jobs)
