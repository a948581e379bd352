"""NATS JetStream: a work queue stream in files, with a durable pull consumer."""

from __future__ import annotations

from system import Measured, Survives, System, accepts, free_port


class JetStream(System):
    """Publishing asynchronously, pulls of 500 messages, two of them under way.

    A work queue allows no acknowledgement of many at once. More connections make it slower here.
    """

    name = "nats"
    title = "NATS JetStream, file"
    survives = Survives.PROCESS
    durability = "written, fsync each 2 min"
    client = "C++, raw socket, pipelined"
    package = "nats-server"

    def start(self) -> None:
        self._endpoint = f"127.0.0.1:{free_port()}"
        host, port = self._endpoint.split(":")
        self.launch_server(["nats-server", "-a", host, "-p", port, "-js", "-sd", self.directory / "streams"])
        self.wait_until(lambda: accepts(self._endpoint))

    def put_and_finish(self, jobs: int) -> Measured:
        return self.run_peer_client("nats", self._endpoint, jobs, batch=500, window=1000)
