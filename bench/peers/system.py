"""The interface of a system that is measured, and how its private processes are started, watched and ended.

A new system is a file in systems/ with a class that says how it is started and how it puts and finishes N jobs,
and its name in systems/__init__.py.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import signal
import socket
import subprocess
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

HERE = Path(__file__).resolve().parent
PROGRAMS = HERE.parents[1] / "build" / "release" / "bin"
PYTHON = "/usr/bin/python3"  # the one that Debian's packages are for
PAYLOAD = 100  # bytes per job
START_SECONDS = 60.0
STOP_SECONDS = 15.0
RUN_SECONDS = 120


class Survives(Enum):
    """What a job that was put, and whose put was answered, survives."""

    NOTHING = "memory only"
    PROCESS = "written: survives the server's death"
    POWER = "synced: survives a power cut"


class Unavailable(Exception):
    """The system is not installed or does not start; says what is missing."""


@dataclass(frozen=True)
class Measured:
    """One measurement, from the first put to the last finish that the server has confirmed."""

    jobs: int
    seconds: float
    server_us: float  # CPU time per job of the server's processes
    client_us: float  # and of all that puts, takes and runs jobs

    @property
    def jobs_per_s(self) -> float:
        return self.jobs / self.seconds


class System(ABC):
    """A queue with one kind of durability. An object is started and stopped for each round anew."""

    name: str  # for --only
    title: str  # for people
    survives: Survives
    durability: str  # the same, exactly
    client: str  # what puts and takes the jobs
    package: str  # of Debian, whose version is reported
    warm_up: int = 2000  # jobs of the first, discarded run, by which the measured one is sized

    def __init__(self) -> None:
        self.directory = Path()
        self._servers: list[subprocess.Popen[bytes]] = []
        self._workers: list[subprocess.Popen[bytes]] = []

    @abstractmethod
    def start(self) -> None:
        """Starts private processes with their data in self.directory. Raises Unavailable."""

    @abstractmethod
    def put_and_finish(self, jobs: int) -> Measured:
        """Puts and finishes so many no-op jobs."""

    def version(self) -> str:
        command = ["dpkg-query", "-W", "-f=${Version}", self.package]
        return subprocess.run(command, capture_output=True, text=True, check=False).stdout or "unknown"

    def stop(self) -> None:
        """Ends what was started, the last first."""
        for process in reversed(self._servers + self._workers):
            end_group(process)
        self._servers.clear()
        self._workers.clear()

    def launch_server(self, command: Sequence[str | Path], **environment: str) -> None:
        self._servers.append(self._launch(command, environment))

    def launch_worker(self, command: Sequence[str | Path], **environment: str) -> None:
        self._workers.append(self._launch(command, environment))

    def _launch(self, command: Sequence[str | Path], environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
        """In a process group of its own, so that a Ctrl-C ends only us, and we end it and its children in order."""
        with open(self.directory / "log", "ab") as log:
            return subprocess.Popen(
                [require(str(command[0])), *map(str, command[1:])],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.directory,
                env=os.environ | environment,
                process_group=0,
            )

    def wait_until(self, ready: Callable[[], bool]) -> None:
        """Until a server that was launched answers; raises Unavailable with the end of its log."""
        deadline = time.monotonic() + START_SECONDS
        while not ready():
            self.check()
            if time.monotonic() > deadline:
                raise Unavailable(f"was not ready after {START_SECONDS:.0f} s: {self._last_words()}")
            time.sleep(0.02)

    def check(self) -> None:
        """Raises Unavailable if a process that was launched has ended."""
        for process in self._servers + self._workers:
            if process.poll() is not None:
                name = Path(str(process.args[0])).name if isinstance(process.args, list) else "a process"
                raise Unavailable(f"{name} ended with {process.returncode}: {self._last_words()}")

    def _last_words(self) -> str:
        return last_words((self.directory / "log").read_text(errors="replace"))

    def run_client(self, command: Sequence[str | Path], jobs: int, **environment: str) -> Measured:
        """Runs a program that puts and finishes jobs and prints {"seconds": ...}."""
        servers, workers = group_cpu(self._servers), group_cpu(self._workers)
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        answer = run_to_end([require(str(command[0])), *map(str, command[1:])], environment, self.check)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        client = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        return Measured(
            jobs=jobs,
            seconds=answer["seconds"],
            server_us=(group_cpu(self._servers) - servers) / jobs * 1e6,
            client_us=(group_cpu(self._workers) - workers + client) / jobs * 1e6,
        )

    def run_peer_client(self, name: str, endpoint: str, jobs: int, batch: int, window: int, *more: str) -> Measured:
        """One of the C++ clients in clients/."""
        numbers = ["--jobs", str(jobs), "--payload", str(PAYLOAD), "--batch", str(batch), "--window", str(window)]
        return self.run_client([PROGRAMS / f"peer-{name}", "--endpoint", endpoint, *numbers, *more], jobs)


def require(program: str) -> str:
    """The path of a program that is installed or built."""
    path = shutil.which(program)
    if path is None:
        how = "build it with -DJOINERY_BENCH=ON" if program.startswith(str(PROGRAMS)) else "run bench/peers/install"
        raise Unavailable(f"{Path(program).name} is not there: {how}")
    return path


def run_to_end(
    command: list[str], environment: Mapping[str, str] | None = None, check: Callable[[], None] = lambda: None
) -> dict[str, float]:
    """The JSON that a program prints in its last line; `check` is asked each second. The program does not outlive us."""
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | dict(environment or {}),
        process_group=0,
    )
    try:
        output, errors = wait_for(process, check)
    finally:
        end_group(process)
    if process.returncode != 0 or not output.strip():
        raise Unavailable(f"{Path(command[0]).name} ended with {process.returncode}: {last_words(errors)}")
    answer: dict[str, float] = json.loads(output.strip().splitlines()[-1])
    return answer


def wait_for(process: subprocess.Popen[str], check: Callable[[], None]) -> tuple[str, str]:
    for _ in range(RUN_SECONDS):
        try:
            return process.communicate(timeout=1)
        except subprocess.TimeoutExpired:
            check()
    raise Unavailable(f"had not finished after {RUN_SECONDS} s")


def last_words(text: str) -> str:
    return " | ".join(text.strip().splitlines()[-2:]) or "it said nothing"


def end_group(process: subprocess.Popen[bytes] | subprocess.Popen[str]) -> None:
    """Asks the process and its children to end, and after a while does not ask."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        if process.poll() is None:
            signal_group(process.pid, number)
        try:
            process.wait(STOP_SECONDS)
            break
        except subprocess.TimeoutExpired:
            continue
    signal_group(process.pid, signal.SIGKILL)  # children that it left behind


def signal_group(group: int, number: signal.Signals) -> None:
    try:
        os.killpg(group, number)
    except ProcessLookupError:
        pass


def group_cpu(processes: Sequence[subprocess.Popen[bytes]]) -> float:
    """CPU seconds of the process groups that these processes lead, with those of children that have ended."""
    groups = {process.pid for process in processes}
    ticks = 0
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(fields[2]) in groups:
            ticks += sum(map(int, fields[11:15]))
    return ticks / os.sysconf("SC_CLK_TCK")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def accepts(endpoint: str) -> bool:
    """Whether somebody listens at /PATH or HOST:PORT."""
    is_path = endpoint.startswith("/")
    with socket.socket(socket.AF_UNIX if is_path else socket.AF_INET) as probe:
        try:
            host, _, port = endpoint.rpartition(":")
            probe.connect(endpoint if is_path else (host, int(port)))
        except OSError:
            return False
    return True
