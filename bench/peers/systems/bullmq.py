"""BullMQ on its fastest setting: Redis in memory, bulk put, many jobs at a time in one worker."""

from __future__ import annotations

import json

from system import HERE, Measured, Survives, System, Unavailable, accepts
from systems.redis_streams import redis_server

FOLDER = HERE / "clients" / "bullmq"


class BullMQ(System):
    """A process that puts with addBulk, and a worker with 100 jobs at a time; jobs are removed when they are done.

    More workers, in the same process or another, change nothing: both cores are busy.
    """

    name = "bullmq"
    title = "BullMQ, Redis in memory"
    survives = Survives.NOTHING
    durability = "memory"
    client = "BullMQ, addBulk, 1 worker process"
    package = "nodejs"
    warm_up = 2000

    def start(self) -> None:
        if not (FOLDER / "node_modules" / "bullmq").exists():
            raise Unavailable("bullmq is not there: run bench/peers/install")
        self.launch_server(redis_server(self.directory))
        self.wait_until(lambda: accepts(f"{self.directory}/redis.sock"))
        self.launch_worker(["node", FOLDER / "work.js"], **self._environment)

    def put_and_finish(self, jobs: int) -> Measured:
        return self.run_client(["node", FOLDER / "put.js", str(jobs)], jobs, **self._environment)

    def version(self) -> str:
        wanted: str = json.loads((FOLDER / "package.json").read_text())["dependencies"]["bullmq"]
        return f"{wanted}, node {super().version()}"

    @property
    def _environment(self) -> dict[str, str]:
        return {"REDIS_SOCKET": f"{self.directory}/redis.sock"}
