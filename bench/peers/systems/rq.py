"""RQ on its fastest setting: Redis in memory, bulk put, workers that do not fork for each job."""

from __future__ import annotations

import os

from system import HERE, PYTHON, Measured, Survives, System, accepts
from systems.redis_streams import redis_server


class RQ(System):
    """A SimpleWorker per core; RQ's default worker forks for each job and is slower by far. Results are not kept."""

    name = "rq"
    title = "RQ, Redis in memory"
    survives = Survives.NOTHING
    durability = "memory"
    client = "RQ, a SimpleWorker per core"
    package = "python3-rq"
    warm_up = 200

    def start(self) -> None:
        self.launch_server(redis_server(self.directory))
        self.wait_until(lambda: accepts(f"{self.directory}/redis.sock"))
        url = f"unix://{self.directory}/redis.sock"
        for _ in range(os.cpu_count() or 1):
            worker = [
                PYTHON,
                "-m",
                "rq.cli",
                "worker",
                "--url",
                url,
                "--worker-class",
                "rq.SimpleWorker",
                "--quiet",
                "jobs",
            ]
            self.launch_worker(worker, **self._environment)

    def put_and_finish(self, jobs: int) -> Measured:
        return self.run_client([PYTHON, HERE / "clients" / "rq_jobs.py", str(jobs)], jobs, **self._environment)

    @property
    def _environment(self) -> dict[str, str]:
        return {"REDIS_SOCKET": f"{self.directory}/redis.sock", "PYTHONPATH": str(HERE / "clients")}
