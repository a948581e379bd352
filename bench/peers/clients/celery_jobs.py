"""The Celery application of the worker, and, as a program, what puts N jobs and waits until all are acknowledged."""

from __future__ import annotations

import json
import os
import sys
import time

import celery
import redis

PAYLOAD = "x" * 100
SOCKET = os.environ["REDIS_SOCKET"]

app = celery.Celery("celery_jobs", broker=f"redis+socket://{SOCKET}")
app.conf.update(
    task_ignore_result=True,
    task_acks_late=True,
    worker_prefetch_multiplier=256,
    worker_disable_rate_limits=True,
    worker_send_task_events=False,
    worker_enable_remote_control=False,
    broker_connection_retry_on_startup=True,
)


@app.task(name="noop")
def noop(payload: str) -> None:
    pass


def unfinished(server: redis.Redis[bytes]) -> int:
    return int(server.llen("celery")) + int(server.hlen("unacked"))


def main() -> None:
    jobs = int(sys.argv[1])
    server = redis.Redis(unix_socket_path=SOCKET)
    start = time.monotonic()
    with app.producer_pool.acquire(block=True) as producer:
        for _ in range(jobs):
            noop.apply_async((PAYLOAD,), producer=producer)
    # Between the two keys a job is for a moment in none of them, so it has to look finished twice.
    while unfinished(server) or unfinished(server):
        time.sleep(0.002)
    print(json.dumps({"jobs": jobs, "seconds": time.monotonic() - start}))


if __name__ == "__main__":
    main()
