"""Puts N payloads into a JoinableQueue, which another process takes and marks as done, and joins it."""

from __future__ import annotations

import json
import multiprocessing
import sys
import time

PAYLOAD = b"x" * 100


def take(queue: multiprocessing.JoinableQueue[bytes]) -> None:
    while queue.get():
        queue.task_done()


def main() -> None:
    jobs = int(sys.argv[1])
    queue: multiprocessing.JoinableQueue[bytes] = multiprocessing.JoinableQueue()
    taker = multiprocessing.Process(target=take, args=(queue,))
    taker.start()
    start = time.monotonic()
    for _ in range(jobs):
        queue.put(PAYLOAD)
    queue.join()
    print(json.dumps({"jobs": jobs, "seconds": time.monotonic() - start}))
    queue.put(b"")
    taker.join()


if __name__ == "__main__":
    main()
