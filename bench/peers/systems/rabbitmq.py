"""RabbitMQ: persistent messages in a durable queue."""

from __future__ import annotations

from system import Measured, Survives, System, accepts, free_port, require

SERVER = "/usr/lib/rabbitmq/bin/rabbitmq-server"  # /usr/sbin's insists on the system's user and directories
DURABILITY = {
    "classic": (Survives.PROCESS, "written before confirmed, not synced"),
    "quorum": (Survives.POWER, "fdatasync before confirmed"),
}


class RabbitMQ(System):
    """Publisher confirms in a window of 2000, prefetch as large, acknowledgements of 500 at a time.

    Version 2 of classic queues is a third faster than version 1, which is this release's default. A quorum queue
    gains by three connections each way, a classic one loses. No plugins, hardly any statistics. Its own epmd is
    started first, so that none is left behind.
    """

    client = "C++, raw AMQP, pipelined"
    package = "rabbitmq-server"

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.kind = kind
        self.name = f"rabbitmq-{kind}"
        self.title = f"RabbitMQ, {kind}"
        self.survives, self.durability = DURABILITY[kind]

    def start(self) -> None:
        require(SERVER)
        port, names, distribution = free_port(), free_port(), free_port()
        self._endpoint = f"127.0.0.1:{port}"
        (self.directory / "plugins").write_text("[].\n")
        (self.directory / "rabbitmq.conf").write_text("collect_statistics_interval = 60000\nheartbeat = 0\n")
        private = {
            "HOME": str(self.directory),
            "ERL_EPMD_PORT": str(names),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODENAME": f"joinery-bench-{port}@localhost",
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODE_PORT": str(port),
            "RABBITMQ_DIST_PORT": str(distribution),
            "RABBITMQ_MNESIA_BASE": str(self.directory / "mnesia"),
            "RABBITMQ_LOG_BASE": str(self.directory / "logs"),
            "RABBITMQ_PID_FILE": str(self.directory / "pid"),
            "RABBITMQ_CONFIG_FILE": str(self.directory / "rabbitmq.conf"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self.directory / "plugins"),
        }
        self.launch_server(["epmd", "-port", str(names), "-address", "127.0.0.1"], **private)
        self.wait_until(lambda: accepts(f"127.0.0.1:{names}"))
        self.launch_server([SERVER], **private)
        self.wait_until(lambda: accepts(self._endpoint))

    def put_and_finish(self, jobs: int) -> Measured:
        kind = ["--flavour", self.kind, "--connections", "3" if self.kind == "quorum" else "1"]
        return self.run_peer_client("rabbitmq", self._endpoint, jobs, 500, 2000, *kind)
