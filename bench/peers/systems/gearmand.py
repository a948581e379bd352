"""gearmand: background jobs in memory."""

from __future__ import annotations

from system import Measured, System, accepts, free_port


class Gearmand(System):
    """SUBMIT_JOB_BG, GRAB_JOB and WORK_COMPLETE in windows, which its protocol allows and its own client library does not do."""

    name = "gearmand"
    title = "gearmand"
    durability = "none: memory only"
    client = "C++, raw socket, pipelined"
    package = "gearman-job-server"

    def start(self) -> None:
        self._endpoint = f"127.0.0.1:{free_port()}"
        host, port = self._endpoint.split(":")
        self.launch_server(["gearmand", "--listen", host, "--port", port, "--log-file", "stderr"])
        self.wait_until(lambda: accepts(self._endpoint))

    def put_and_finish(self, jobs: int) -> Measured:
        return self.run_peer_client("gearmand", self._endpoint, jobs, batch=100, window=1000)
