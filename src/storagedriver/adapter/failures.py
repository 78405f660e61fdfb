"""From an exception of a store to an error of the contract, in one place."""

from __future__ import annotations

import copyreg
import errno
import pickle
from types import TracebackType

from storagedriver.adapter.store import Store
from storagedriver.errors import MissingExtraError, StorageDriverError, hint_of

__all__ = ["called", "names_of", "translated"]

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


class translated:  # noqa: N801 - it is used like a function of contextlib
    """Turn whatever the store raises in a block into an error that carries the driver's name and the path.

    It is a class because a generator as a context costs more than many a call of a local store.

    Parameters
    ----------
    store : Store
        Whose calls are made in the block.
    path : str
        The path that the call is about.
    """

    __slots__ = ("_path", "_store")

    def __init__(self, store: Store, path: str) -> None:
        self._store = store
        self._path = path

    def __enter__(self) -> None:
        """Nothing is to be prepared."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        if isinstance(error, Exception):
            self._translate(error)

    def _translate(self, error: Exception) -> None:
        """Complete an error of the contract, which is raised as it is; raise one for any other exception."""
        store, path = self._store, self._path
        if isinstance(error, StorageDriverError):
            # A store raises these bare; one that is complete came through here before.
            error.driver_name = error.driver_name or store.name
            if error.path is None:
                error.path = path
            error.detail = _redacted(store, error.detail)
            error.hint = _redacted(store, error.hint)
            return
        if isinstance(error, ModuleNotFoundError):
            # Many packages are imported by the first call that needs them.
            raise MissingExtraError(hint_of(error, store.extra), driver_name=store.name, path=path) from error
        failure = store.classify(error)
        kept = failure.kind(_redacted(store, failure.detail), driver_name=store.name, path=path)
        kept.hint = _redacted(store, failure.hint)
        if isinstance(error, OSError) and error.errno in _KEPT:
            kept.errno = error.errno
        text = f"{type(error).__name__}: {error}"
        cause: Exception | None = error
        if _redacted(store, text) != text:
            # The chain is printed with every traceback: a cause that holds a secret stays behind.
            kept.set_cause_text(_redacted(store, text))
            cause = None
        elif type(kept) in copyreg.dispatch_table and not _can_be_sent(error):
            # tblib, which Dask loads, has Python pickle an error with its cause.
            kept.set_cause_text(text)
            cause = None
        try:
            raise kept from cause
        finally:
            if cause is None:
                kept.__context__ = None
            # The traceback holds this frame, and what it holds would wait for a collection of cycles.
            del kept, failure


class called(translated):  # noqa: N801 - the same
    """A block that is one call of the store: it holds a slot, and its failures are translated."""

    __slots__ = ("_slot",)

    def __init__(self, store: Store, path: str) -> None:
        super().__init__(store, path)
        self._slot = store.limit.slot()

    def __enter__(self) -> None:
        """Wait for a slot."""
        self._slot.__enter__()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        self._slot.__exit__(kind, error, trace)
        if isinstance(error, Exception):
            self._translate(error)


def _can_be_sent(error: Exception) -> bool:
    """Whether an exception comes through a pickle."""
    try:
        pickle.loads(pickle.dumps(error))  # noqa: S301 - it was just made
    except Exception:  # noqa: BLE001 - whatever another package's exception does
        return False
    return True


def _redacted(store: Store, text: str) -> str:
    for secret in store.secrets:
        text = text.replace(secret, _HIDDEN)
    return text


def names_of(error: BaseException, package: str) -> set[str]:
    """The names of the classes of a package that an exception has. The package is not loaded for it."""
    return {kind.__name__ for kind in type(error).__mro__ if f"{kind.__module__}.".startswith(f"{package}.")}
