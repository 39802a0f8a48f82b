"""A service that tests use: a process of ours on 127.0.0.1, with a folder for all that is its own."""

import contextlib
import fcntl
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import time

TARGET = pathlib.Path(os.environ.get("CARGO_TARGET_DIR") or pathlib.Path.home() / ".cache" / "engine-target").absolute()
FOLDER = TARGET / "services"
PATIENCE = 300  # seconds until a service is up, or gone


class Unavailable(Exception):
    """Why this machine cannot have the service."""


@contextlib.contextmanager
def locked(kind):
    """One call at a time starts or stops services of a kind."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    with open(FOLDER / f"{kind}.lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def born(pid):
    """When a process began: with its id, what tells it from a later one of the same id. None when it is no more."""
    try:
        state, *rest = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if state == "Z" else rest[18]


class Service:
    """A process with a folder of its own: its data, its log, its process id and what its users must know."""

    ready = ""  # what its log says once it is up

    def __init__(self, name):
        self.name = name
        self.folder = FOLDER / name.replace(":", "/")
        self.pid_file = self.folder / "pid"
        self.environment_file = self.folder / "environment"

    def running(self):
        """The process id, when it is alive and ours."""
        with contextlib.suppress(FileNotFoundError, ValueError):
            pid, began = self.pid_file.read_text().split()
            if born(int(pid)) == began:
                return int(pid)
        return None

    def is_up(self):
        return self.running() is not None and self.environment_file.exists()

    def up(self):
        if not self.is_up():
            self.stop()
            self.start()
        print(self.environment_file.read_text(), end="")

    def start(self):
        raise NotImplementedError

    def launch(self, command, environment, variables=None):
        """Starts the process and waits until it says that it is ready."""
        self.environment_file.unlink(missing_ok=True)
        with open(self.folder / "log", "wb") as log:
            child = subprocess.Popen(command, cwd=self.folder, env=os.environ | (variables or {}),
                                     stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
        self.pid_file.write_text(f"{child.pid} {born(child.pid)}")
        deadline = time.monotonic() + PATIENCE
        while self.ready not in (log := (self.folder / "log").read_text(errors="replace")) or not self.answers(environment):
            if child.poll() is not None or time.monotonic() > deadline:
                self.stop()
                sys.exit(f"{log[-3000:]}\n{self.name} did not come up")
            time.sleep(0.05)
        # Last: without it the service is not taken for one that is up.
        self.environment_file.write_text("".join(f"{name}={value}\n" for name, value in environment.items()))

    def answers(self, environment):
        """Whether it does its work, once its log says that it is ready."""
        return True

    def env(self):
        if not self.is_up():
            sys.exit(f"{self.name} is not running; start it with: scripts/services up {self.name}")
        print(self.environment_file.read_text(), end="")

    def stop(self, how=signal.SIGTERM):
        pid = self.running()
        if pid is None:
            return
        os.kill(pid, how)
        deadline = time.monotonic() + PATIENCE
        while self.running() is not None:
            if time.monotonic() > deadline:
                os.kill(pid, signal.SIGKILL)
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, os.WNOHANG)
            time.sleep(0.05)

    def down(self):
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def status(self):
        pid = self.running()
        if pid is None:
            print(f"{self.name}: not running")
            return
        memory = re.search(r"VmRSS:\s+(\d+) kB", pathlib.Path(f"/proc/{pid}/status").read_text())
        print(f"{self.name}: running, process {pid}, {int(memory[1]) // 1024} MiB, in {self.folder}")
