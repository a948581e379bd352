"""Redis Streams as a job queue by hand: a stream and a consumer group."""

from __future__ import annotations

from pathlib import Path

from system import Measured, Survives, System, accepts

DURABILITY = {
    "memory": (Survives.NOTHING, "memory"),
    "everysec": (Survives.PROCESS, "written, fsync each second"),
    "always": (Survives.POWER, "fsync before answered"),
}


def redis_server(directory: Path, append: str | None = None) -> list[str]:
    """A private redis-server on a unix socket; `append` is its appendfsync, or None for no file at all."""
    options = ["--port", "0", "--unixsocket", f"{directory}/redis.sock", "--dir", str(directory), "--save", ""]
    if append is None:
        return ["redis-server", *options, "--appendonly", "no"]
    return ["redis-server", *options, "--appendonly", "yes", "--appendfsync", append]


class RedisStreams(System):
    """XADD, XREADGROUP COUNT, XACK and XDEL of as many, all pipelined, so that Redis is never idle.

    One thread of Redis does everything, so more connections or io-threads do not help. An XDEL walks through the node
    that its entry is in: nodes of 10 entries instead of 100 make it a seventh faster, larger ones much slower. With
    `always`, one fsync stands for all commands of a turn of its loop; the large window makes such turns large. The
    append-only file is never rewritten, which in practice it has to be.
    """

    client = "C++, raw RESP, pipelined"
    package = "redis-server"
    warm_up = 50_000
    batch = 1000
    window = 4000

    def __init__(self, level: str) -> None:
        super().__init__()
        self.level = level
        self.name = f"redis-{level}"
        self.title = {"memory": "Redis Streams, memory"}.get(level, f"Redis Streams, AOF {level}")
        self.survives, self.durability = DURABILITY[level]

    def start(self) -> None:
        tuned = ["--stream-node-max-entries", "10", "--auto-aof-rewrite-percentage", "0"]
        self.launch_server(redis_server(self.directory, None if self.level == "memory" else self.level) + tuned)
        self.wait_until(lambda: accepts(self._endpoint))

    def put_and_finish(self, jobs: int) -> Measured:
        return self.run_peer_client("redis", self._endpoint, jobs, self.batch, self.window)

    @property
    def _endpoint(self) -> str:
        return f"{self.directory}/redis.sock"
