"""The registry's own oss driver, in a small Go program that is built from Debian's packages."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.servers.run import ServerError, ServerMissingError

_SOURCE = Path(__file__).parent / "go" / "main.go"
_PACKAGES = Path("/usr/share/gocode")
_WANTED = ("github.com/docker/distribution/registry/storage/driver/oss", "github.com/denverdino/aliyungo/oss")
_MISSING = "apt-get install golang-go golang-github-docker-distribution-dev golang-github-denverdino-aliyungo-dev"
_PATIENCE = 120
NOT_FOUND = 3


class GoError(Exception):
    """The Go driver failed, with what it said."""


@dataclass(frozen=True)
class GoDriver:
    """The program, and the parameters of the driver in it."""

    program: Path
    parameters: Mapping[str, Any]

    def __call__(self, call: str, path: str, *arguments: str, content: bytes = b"") -> bytes:
        """What a call gives. See the program's source for the calls.

        Raises
        ------
        FileNotFoundError
            If the driver says that there is nothing at the path.
        GoError
            If it fails otherwise.
        """
        environment = {name: value for name, value in os.environ.items() if "proxy" not in name.lower()}
        done = subprocess.run(
            [self.program, call, path, *arguments],
            input=content,
            env={**environment, "OSS_PARAMETERS": json.dumps(self.parameters)},
            capture_output=True,
            timeout=_PATIENCE,
            check=False,
        )
        if done.returncode == NOT_FOUND:
            raise FileNotFoundError(path)
        if done.returncode:
            raise GoError(done.stderr.decode())
        return done.stdout

    def list(self, path: str) -> list[str]:
        """The children of a directory, sorted."""
        return sorted(json.loads(self("list", path)))

    def stat(self, path: str) -> dict[str, Any]:
        """Size, ``is_dir`` and the seconds of the time."""
        answer: dict[str, Any] = json.loads(self("stat", path))
        return answer

    def upload(self, path: str, content: bytes, end: str, *, append: bool = False) -> tuple[int, int]:
        """One session of an upload; the writer's size before and after."""
        before, after = self("append" if append else "write", path, end, content=content).split()
        return int(before), int(after)


def build(directory: Path) -> Path:
    """The program, built in `directory` by whichever process comes first.

    Raises
    ------
    ServerMissingError
        If Go or one of the packages is not installed.
    ServerError
        If it cannot be built.
    """
    go = shutil.which("go")
    if go is None or not all((_PACKAGES / "src" / package).is_dir() for package in _WANTED):
        raise ServerMissingError(f"the registry's oss driver is not installed: {_MISSING}")
    program = directory / "ossdriver"
    with (directory / "ossdriver.lock").open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not program.exists():
            _build(go, program)
    return program


def _build(go: str, program: Path) -> None:
    # Kept from run to run: what takes long are the packages, which do not change.
    cache = Path(tempfile.gettempdir()) / f"storagedriver-go-{os.getuid()}"
    cache.mkdir(mode=0o700, exist_ok=True)
    settings = {
        "GO111MODULE": "off",
        "GOPATH": str(_PACKAGES),
        "GOFLAGS": "-tags=include_oss",
        "GOCACHE": str(cache),
        "CGO_ENABLED": "0",
    }
    built = program.with_suffix(".new")
    done = subprocess.run(
        [go, "build", "-o", built, _SOURCE], env={**os.environ, **settings}, capture_output=True, check=False
    )
    if done.returncode:
        raise ServerError(f"the registry's oss driver cannot be built:\n{done.stderr.decode()}")
    built.rename(program)
