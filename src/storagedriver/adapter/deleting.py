"""What is left of a deletion of many keys of which some failed."""

from __future__ import annotations

from collections.abc import Mapping

from storagedriver.adapter.store import Failure
from storagedriver.errors import (
    BucketNotFoundError,
    ConflictError,
    PermissionDeniedError,
    StorageDriverError,
    UnavailableError,
)

__all__ = ["DeleteError"]

_SHOWN = 10
#: What many failures are together: the first of these that is among them.
_ORDER = (BucketNotFoundError, PermissionDeniedError, UnavailableError, ConflictError)


class DeleteError(Exception):
    """Some of the keys that were to be deleted were not.

    Parameters
    ----------
    failed : mapping
        The keys, and for each what happened.
    total : int
        How many were to be deleted.
    """

    def __init__(self, failed: Mapping[str, Failure], total: int) -> None:
        super().__init__(failed, total)
        self.failed = failed
        self.total = total

    def __str__(self) -> str:
        shown = [f"{key!r} ({failure.detail})" for key, failure in list(self.failed.items())[:_SHOWN]]
        more = len(self.failed) - len(shown)
        rest = f" and {more} more" if more else ""
        return f"{len(self.failed)} of {self.total} keys were not deleted: {', '.join(shown)}{rest}"

    @property
    def failure(self) -> Failure:
        """What they mean together."""
        kinds = [failure.kind for failure in self.failed.values()]
        for kind in _ORDER:
            if any(issubclass(found, kind) for found in kinds):
                return Failure(kind, str(self))
        return Failure(StorageDriverError, str(self))
