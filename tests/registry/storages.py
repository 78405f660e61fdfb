"""The storages that a registry and our drivers share, or that images are carried to."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from storagedriver import factory
from storagedriver.driver import StorageDriver
from tests.variants import is_slow

#: A storage as the registry's file has it, and as the factory takes it: a name and its parameters.
Storage = tuple[str, dict[str, Any]]
MakeStorage = Callable[..., Storage]

S3 = ["seaweedfs", "swift_s3", "moto_s3"]
#: A registry and a driver share keys and S3's own uploads: on one server, or with ``--slow`` on each.
CHOSEN_S3 = S3 if is_slow() else S3[:1]
#: Those that Debian's registry has a driver for.
SHARED = ["filesystem", *CHOSEN_S3, "swift"]


@contextmanager
def opened(storage: Storage) -> Iterator[StorageDriver]:
    """Our driver on a storage."""
    with factory.create(*storage) as driver:
        yield driver


def as_registry_has_it(storage: Storage) -> dict[str, Any]:
    """The storage as a registry's file names it."""
    name, parameters = storage
    return {name: parameters}
