"""Python's own multiprocessing.Pool with a map in chunks: everything is in the memory of one program."""

from __future__ import annotations

from system import HERE, PYTHON, Measured, Survives, System


class PoolMap(System):
    """What Python has for many small jobs that are all there when it begins, two processes, 1024 jobs per pickle.

    There is no server: nothing can be put from elsewhere, and nothing survives the death of the program or of a worker.
    """

    name = "pool-map"
    title = "multiprocessing.Pool.map in chunks"
    survives = Survives.NOTHING
    durability = "memory of one program"
    client = "Python, chunks of 1024, 2 processes"
    package = "python3"
    warm_up = 200_000

    def start(self) -> None:
        pass

    def put_and_finish(self, jobs: int) -> Measured:
        jobs = -(-jobs // 1024) * 1024
        return self.run_client([PYTHON, HERE / "clients" / "pool_map.py", str(jobs)], jobs)
