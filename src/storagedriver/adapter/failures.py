"""From an exception of a store to an error of the contract, in one place."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from storagedriver.adapter.store import Store
from storagedriver.errors import StorageDriverError

__all__ = ["translated"]

_HIDDEN = "***"
#: What the system says of the machine, and a caller may want to act upon: a full disk or too many open files.
_KEPT = {
    errno.EACCES,
    errno.EDQUOT,
    errno.EFBIG,
    errno.EIO,
    errno.ELOOP,
    errno.EMFILE,
    errno.ENFILE,
    errno.ENOMEM,
    errno.ENOSPC,
    errno.EPERM,
    errno.EROFS,
}


@contextmanager
def translated(store: Store, path: str) -> Iterator[None]:
    """Turn whatever the store raises into an error that carries the driver's name and the path."""
    try:
        yield
    except StorageDriverError as error:
        # A store raises these bare; one that is complete came through here before.
        error.driver_name = error.driver_name or store.name
        if error.path is None:
            error.path = path
        error.detail = _redacted(store, error.detail)
        raise
    except Exception as error:
        failure = store.classify(error)
        kept = failure.kind(_redacted(store, failure.detail), driver_name=store.name, path=path)
        if isinstance(error, OSError) and error.errno in _KEPT:
            kept.errno = error.errno
        text = f"{type(error).__name__}: {error}"
        if _redacted(store, text) == text:
            raise kept from error
        # The chain is printed with every traceback: a cause that holds a secret stays behind.
        kept.set_cause_text(_redacted(store, text))
        raise kept from None


def _redacted(store: Store, text: str) -> str:
    for secret in store.secrets:
        text = text.replace(secret, _HIDDEN)
    return text
