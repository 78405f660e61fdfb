"""Running cases against changed sources."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from tests.mutants.table import Mutant

__all__ = ["SOURCES", "changed", "failures"]

_REPOSITORY = Path(__file__).resolve().parents[2]
SOURCES = _REPOSITORY / "src" / "storagedriver"
_FAILED = re.compile(r"^FAILED (.+?)(?: - .*)?$", re.MULTILINE)
#: How long the cases of one mutant may take, servers included, in seconds.
_PATIENCE = 600


def changed(mutant: Mutant, directory: Path) -> Path:
    """A copy of the sources with the fault, below `directory`: what goes on ``PYTHONPATH``."""
    shutil.copytree(SOURCES, directory / "storagedriver", ignore=shutil.ignore_patterns("__pycache__"))
    file = directory / "storagedriver" / mutant.file
    text = file.read_text(encoding="utf-8")
    assert text.count(mutant.old) == 1, f"{mutant.file} does not hold once what is to be changed"
    file.write_text(text.replace(mutant.old, mutant.new), encoding="utf-8")
    return directory


def failures(sources: Path, ids: Iterable[str]) -> set[str]:
    """Which of the cases fail with the package that lies in `sources`.

    Cases are selected as in any other run of the tests.

    Raises
    ------
    AssertionError
        If pytest did not run the cases: one does not exist, or the sources cannot be imported.
    """
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(sources), str(_REPOSITORY)])}
    environment.pop("STORAGEDRIVER_SLOW", None)
    command = [sys.executable, "-m", "pytest", "-q", "-rf", "--tb=no", "-p", "no:cacheprovider", "-p", "no:xdist", *ids]
    done = subprocess.run(
        command, cwd=_REPOSITORY, env=environment, capture_output=True, text=True, timeout=_PATIENCE, check=False
    )
    assert done.returncode in (0, 1), f"the cases were not run:\n{done.stdout}{done.stderr}"
    return set(_FAILED.findall(done.stdout))
