"""Python's own multiprocessing.JoinableQueue between two processes."""

from __future__ import annotations

from system import HERE, PYTHON, Measured, Survives, System


class JoinableQueue(System):
    """A queue of single jobs, with no bulk put: what can be tuned is not to use it (pool_map). There is no server."""

    name = "joinable-queue"
    title = "multiprocessing.JoinableQueue"
    survives = Survives.NOTHING
    durability = "memory"
    client = "Python, 2 processes"
    package = "python3"
    warm_up = 20_000

    def start(self) -> None:
        pass

    def put_and_finish(self, jobs: int) -> Measured:
        return self.run_client([PYTHON, HERE / "clients" / "joinable_queue.py", str(jobs)], jobs)
