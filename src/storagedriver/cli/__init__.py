"""The command ``storagedriver``: look into, mend and check a registry's storage from a shell.

It needs click, rich and PyYAML: ``pip install "storagedriver[cli]"``.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.util import find_spec

__all__ = ["main"]

_NEEDED = ("click", "rich")
_USAGE = 2


def main(args: Sequence[str] | None = None) -> int:
    """Run the command.

    Parameters
    ----------
    args : sequence of str, optional
        The arguments; None: those of the process.

    Returns
    -------
    int
        The exit code, see `storagedriver.cli.failures`.
    """
    missing = next((package for package in _NEEDED if find_spec(package) is None), "")
    if missing:
        sys.stderr.write(f'storagedriver: the command needs {missing}: pip install "storagedriver[cli]"\n')
        return _USAGE
    from storagedriver.cli.app import app  # noqa: PLC0415 - needs these packages

    code: int = app.main(None if args is None else list(args), prog_name="storagedriver", standalone_mode=False)
    return code
