"""The container registry's own drivers, in Go: a program that is built from Debian's packages."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from storagedriver.bench.subject import MeasuredError

__all__ = ["DRIVERS", "GoMissingError", "build"]

#: The names of the drivers that are in the program.
DRIVERS = frozenset({"filesystem", "inmemory", "s3", "swift"})

_GOPATH = Path("/usr/share/gocode")
_LIBRARY = "github.com/docker/distribution/registry/storage/driver"
_MISSING = "apt-get install golang-go golang-github-docker-distribution-dev"


class GoMissingError(MeasuredError):
    """Go is not installed, or the registry's sources are not."""


def build(source: Path, target: Path) -> Path:
    """Build the program that speaks as `worker.serve` does.

    Go keeps what it has compiled: the first time takes half a minute, the next a second.

    Parameters
    ----------
    source : Path
        The directory of its source, ``benchmarks/go`` of the repository.
    target : Path
        The file that it becomes.

    Returns
    -------
    Path
        `target`, as an absolute path.

    Raises
    ------
    GoMissingError
        With the Debian packages that bring what is not installed.
    MeasuredError
        If it cannot be built, with what the compiler says.
    """
    go = shutil.which("go")
    if go is None or not (_GOPATH / "src" / _LIBRARY).is_dir():
        raise GoMissingError(f"go: the registry's own drivers are not installed: {_MISSING}")
    target = target.resolve()
    settings = {"GO111MODULE": "off", "GOPATH": str(_GOPATH), "GOFLAGS": "", "CGO_ENABLED": "0"}
    # Without modules a directory that is not below GOPATH can only be built from within.
    done = subprocess.run(  # noqa: S603 - the compiler
        [go, "build", "-o", str(target), "."],
        cwd=source,
        env={**os.environ, **settings},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise MeasuredError(f"go: the registry's own drivers cannot be built:\n{done.stderr}")
    return target
