"""gearmand: background jobs in memory."""

from __future__ import annotations

from system import Measured, Survives, System, accepts, free_port


class Gearmand(System):
    """SUBMIT_JOB_BG, GRAB_JOB and WORK_COMPLETE in windows, which its protocol allows and its own client library does not do.

    One thread for sockets beside the one that decides, and hash tables large enough for the backlog: with the default
    of 991 buckets it is ten times slower here.
    """

    name = "gearmand"
    title = "gearmand"
    survives = Survives.NOTHING
    durability = "memory"
    client = "C++, raw socket, pipelined"
    package = "gearman-job-server"
    tuned = ("--threads", "1", "--hashtable-buckets", "1000003")

    def start(self) -> None:
        self._endpoint = f"127.0.0.1:{free_port()}"
        host, port = self._endpoint.split(":")
        self.launch_server(["gearmand", "--listen", host, "--port", port, "--log-file", "stderr", *self.tuned])
        self.wait_until(lambda: accepts(self._endpoint))

    def put_and_finish(self, jobs: int) -> Measured:
        return self.run_peer_client("gearmand", self._endpoint, jobs, batch=500, window=2000)
