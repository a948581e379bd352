"""Celery with Redis as its broker, on its fastest setting: Redis in memory, no results."""

from __future__ import annotations

import os

from system import HERE, PYTHON, Measured, Survives, System, accepts
from systems.redis_streams import redis_server


class Celery(System):
    """A worker of its own per core that runs tasks itself (--pool solo), fed far ahead: faster than prefork or threads.

    No results, events, gossip, mingling, heartbeats, remote control or rate limits. Late acknowledgements, because a
    job that is acknowledged before it runs is not a job that is finished.
    """

    name = "celery"
    title = "Celery, Redis in memory"
    survives = Survives.NOTHING
    durability = "memory"
    client = "Celery, a solo worker per core"
    package = "python3-celery"
    warm_up = 500

    def start(self) -> None:
        self.launch_server(redis_server(self.directory))
        self.wait_until(lambda: accepts(f"{self.directory}/redis.sock"))
        quiet = ["--without-gossip", "--without-mingle", "--without-heartbeat", "--loglevel", "ERROR"]
        for number in range(os.cpu_count() or 1):
            worker = ["worker", "--pool", "solo", "--hostname", f"{number}@localhost", *quiet]
            self.launch_worker([PYTHON, "-m", "celery", "--app", "celery_jobs", *worker], **self._environment)

    def put_and_finish(self, jobs: int) -> Measured:
        return self.run_client([PYTHON, HERE / "clients" / "celery_jobs.py", str(jobs)], jobs, **self._environment)

    @property
    def _environment(self) -> dict[str, str]:
        return {"REDIS_SOCKET": f"{self.directory}/redis.sock", "PYTHONPATH": str(HERE / "clients")}
