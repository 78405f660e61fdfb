"""The command ``storagedriver``: look into, mend and check a registry's storage from a shell.

It needs click, rich and PyYAML: ``pip install "storagedriver[cli]"``.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

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
    try:
        from storagedriver.cli.app import app  # noqa: PLC0415 - says what to install when that is missing
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package not in _NEEDED:
            raise
        sys.stderr.write(f'storagedriver: the command needs {package}: pip install "storagedriver[cli]"\n')
        return _USAGE
    code: int = app.main(None if args is None else list(args), prog_name="storagedriver", standalone_mode=False)
    return code
