"""Ours: producer, broker, supervisor and two pool processes, from the first submit to the end of join."""

from __future__ import annotations

from system import PAYLOAD, PROGRAMS, Measured, Survives, System, require, run_to_end

BATCH = 1024  # jobs per submit_many


class Joinery(System):
    """The only one here in which a job passes through a process that may die without harm to the others."""

    client = "bulk submit, 2 pool processes"
    package = "none"
    warm_up = 200_000

    def __init__(self, level: str) -> None:
        super().__init__()
        self.level = level
        self.name = f"joinery-{level}"
        self.title = f"Joinery, {level}"
        self.survives, self.durability = {
            "sync": (Survives.POWER, "fdatasync before accepted"),
            "none": (Survives.PROCESS, "written, not synced"),
        }[level]

    def start(self) -> None:
        require(str(PROGRAMS / "joinery"))

    def put_and_finish(self, jobs: int) -> Measured:
        """The one function that knows how the load is made and what it prints."""
        jobs = -(-jobs // BATCH) * BATCH
        command = [str(PROGRAMS / "joinery"), "--json", "bench", "flood", "--jobs", str(jobs), "--batch", str(BATCH)]
        command += ["--payload", str(PAYLOAD), "--durability", self.level, "--dir", str(self.directory)]
        answer = run_to_end(command, {})["rows"][0]
        return Measured(
            jobs=jobs,
            seconds=jobs / answer["jobs_per_s"],
            server_us=answer["broker_us"],
            client_us=answer["client_us"] + answer["supervisor_us"] + answer["pool_us"],
        )

    def version(self) -> str:
        return "this build"
