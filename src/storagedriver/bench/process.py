"""The other end of a process under measurement."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from storagedriver.bench.subject import MeasuredError
from storagedriver.bench.tasks import Sample, Task

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["Process"]

#: Seconds that a process has to end by itself.
_PATIENCE = 10.0


class Process:
    """A subject in a process of its own, from entering the block to leaving it.

    Parameters
    ----------
    subject : str
        ``storagedriver`` or the name of a peer.
    driver : str
        The name of the driver whose storage is measured.
    parameters : mapping
        The driver's parameters. They travel by pipe: a command line is for everybody to see.
    program : sequence of str, optional
        What to run in place of a Python process; it speaks as `worker.serve` does.
    label : str
        The name in the results, where a subject takes part more than once.

    Attributes
    ----------
    name : str
        Its name in the results; a part of paths too.
    version : str
        What the subject says it is.
    operations : frozenset of str
        What it can do.

    Raises
    ------
    MeasuredError
        If the subject cannot be made.
    """

    def __init__(
        self,
        subject: str,
        driver: str,
        parameters: Mapping[str, Any],
        program: Sequence[str] | None = None,
        label: str = "",
    ) -> None:
        self.name = label or subject
        command = list(program or [sys.executable, "-m", "storagedriver.bench.worker"])
        self._process = subprocess.Popen(  # noqa: S603 - ours, or what the user named
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8"
        )
        try:
            made = self._ask({"subject": subject, "driver": driver, "parameters": dict(parameters)})
        except BaseException:
            self.close()
            raise
        self.version: str = made["version"]
        self.operations = frozenset(made["operations"])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def run(self, task: Task) -> Sample:
        """Have a task done.

        Raises
        ------
        MeasuredError
            If it failed.
        """
        return Sample(**self._ask(task.to_json()))

    def close(self) -> None:
        """End the process."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        try:
            self._process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()

    def _ask(self, request: Mapping[str, Any]) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            self._process.stdin.write(json.dumps(request) + "\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            raise MeasuredError(f"{self.name}: its process ended with {self._process.wait()}")
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise MeasuredError(f"{self.name}: {answer['error']}")
        return answer
