"""The job of RQ's workers, and, as a program, what puts N of them and waits until the workers have counted all."""

from __future__ import annotations

import json
import os
import sys
import time

import redis
import rq

PAYLOAD = "x" * 100
BATCH = 500


def noop(payload: str) -> None:
    pass


def succeeded(server: redis.Redis[bytes]) -> int:
    with server.pipeline() as pipe:
        for worker in server.smembers("rq:workers"):
            pipe.hget(worker, "successful_job_count")
        return sum(int(count or 0) for count in pipe.execute())


def main() -> None:
    jobs = int(sys.argv[1])
    server = redis.Redis(unix_socket_path=os.environ["REDIS_SOCKET"])
    queue = rq.Queue("jobs", connection=server)
    before = succeeded(server)
    start = time.monotonic()
    for first in range(0, jobs, BATCH):
        count = min(BATCH, jobs - first)
        with server.pipeline() as pipe:
            data = [rq.Queue.prepare_data("rq_jobs.noop", (PAYLOAD,), result_ttl=0) for _ in range(count)]
            queue.enqueue_many(data, pipeline=pipe)
            pipe.execute()
    while succeeded(server) < before + jobs:
        time.sleep(0.005)
    print(json.dumps({"jobs": jobs, "seconds": time.monotonic() - start}))


if __name__ == "__main__":
    main()
