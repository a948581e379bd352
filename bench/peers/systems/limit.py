"""The bare transport with a log: what ZeroMQ and fdatasync allow on this machine (bench/limit)."""

from __future__ import annotations

from pathlib import Path

from system import PAYLOAD, PROGRAMS, Measured, Survives, System
from systems.joinery import BATCH


class Limit(System):
    """A relay with an index, no queue: nothing can be asked of it but to pass jobs on."""

    name = "limit"
    title = "bare ZeroMQ and a log"
    survives = Survives.POWER
    durability = "fdatasync before answered"
    client = f"frames of {BATCH} jobs"
    package = "libzmq5"
    warm_up = 500_000

    def start(self) -> None:
        pass

    def put_and_finish(self, jobs: int) -> Measured:
        command: list[str | Path] = [PROGRAMS / "limit", "--directory", self.directory, "--json"]
        command += ["--batch", str(BATCH)]
        return self.run_client([*command, "--jobs", str(jobs), "--payload", str(PAYLOAD)], jobs)
