"""The parent of one server: it ends the server with the test run, however the run ends.

``guard.py RUN SERVER GRACE UID -- COMMAND...``, a program of its own.

The process that began the run holds a lock on ``RUN/alive``. The guard waits
for that lock: it gets it when the run is over, be it by a return, by Ctrl-C or
by a kill -9, and then stops the server. ``RUN/guards/PID`` stands as long as
the guard does. A SIGTERM stops a server before the end of the run.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path


class Guard:
    def __init__(self, run: Path, server: Path, grace: float, uid: int) -> None:
        self.run = run
        self.server = server
        self.grace = grace
        self.uid = uid
        self.over = False
        self._events, self._notify = os.pipe()

    def watch(self, command: list[str]) -> int:
        signal.signal(signal.SIGTERM, lambda *_: self._wake())
        mark = self.run / "guards" / str(os.getpid())
        mark.touch()
        code = 1
        try:
            code = self._watch(command)
        finally:
            if self.over:
                shutil.rmtree(self.server, ignore_errors=True)
            mark.unlink(missing_ok=True)
            if self.over and not any((self.run / "guards").glob("*")):
                shutil.rmtree(self.run, ignore_errors=True)
        return code

    def _watch(self, command: list[str]) -> int:
        user = {"user": self.uid, "group": self._group(), "extra_groups": []} if self.uid != os.getuid() else {}
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True, **user)  # type: ignore[call-overload]
        threading.Thread(target=self._await_child, args=(child,), daemon=True).start()
        threading.Thread(target=self._await_end, daemon=True).start()
        os.read(self._events, 1)
        for number in (signal.SIGTERM, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(child.pid, number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(self.grace)
        return int(child.wait())

    def _group(self) -> int:
        import pwd  # noqa: PLC0415 - seldom needed, and a guard should start fast

        return pwd.getpwuid(self.uid).pw_gid

    def _wake(self) -> None:
        os.write(self._notify, b"x")

    def _await_child(self, child: subprocess.Popen[bytes]) -> None:
        child.wait()
        self._wake()

    def _await_end(self) -> None:
        with contextlib.suppress(OSError), (self.run / "alive").open("rb") as alive:
            fcntl.lockf(alive, fcntl.LOCK_SH)
        self.over = True
        self._wake()


def main() -> int:
    os.setsid()
    run, server, grace, uid, separator, *command = sys.argv[1:]
    if separator != "--":
        return 2
    return Guard(Path(run), Path(server), float(grace), int(uid)).watch(command)


if __name__ == "__main__":
    sys.exit(main())
