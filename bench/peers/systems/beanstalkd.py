"""beanstalkd: the small queue server whose verbs ours has, too."""

from __future__ import annotations

from system import Measured, Survives, System, accepts

DURABILITY = {
    "memory": (Survives.NOTHING, "memory"),
    "binlog": (Survives.PROCESS, "written, fsync each 50 ms"),
    "fsync": (Survives.POWER, "fsync before answered"),
}


class Beanstalkd(System):
    """put, reserve and delete in windows. Its protocol has no bulk verbs, and it does a command of a connection at a time."""

    client = "C++, raw socket, pipelined"
    package = "beanstalkd"

    def __init__(self, level: str) -> None:
        super().__init__()
        self.level = level
        self.name = f"beanstalkd-{level}"
        self.title = {"fsync": "beanstalkd, binlog, fsync each"}.get(level, f"beanstalkd, {level}")
        self.survives, self.durability = DURABILITY[level]
        self.warm_up = 200 if level == "fsync" else 2000

    def start(self) -> None:
        command = ["beanstalkd", "-l", f"unix:{self._endpoint}"]
        if self.level != "memory":
            (self.directory / "binlog").mkdir()
            command += ["-b", f"{self.directory}/binlog", "-f", "0" if self.level == "fsync" else "50"]
        self.launch_server(command)
        self.wait_until(lambda: accepts(self._endpoint))

    def put_and_finish(self, jobs: int) -> Measured:
        return self.run_peer_client("beanstalkd", self._endpoint, jobs, batch=20, window=100)

    @property
    def _endpoint(self) -> str:
        return f"{self.directory}/beanstalkd.sock"
