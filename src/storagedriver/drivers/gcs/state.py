"""The state of an unfinished upload, kept at the key itself, as the registry keeps it.

Source: `init` and `Close` of the writer in registry/storage/driver/gcs/gcs.go.
It is an object whose content is what no session has yet, the tail, and whose
metadata says which session has how much.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from storagedriver.drivers.gcs import objects
from storagedriver.drivers.gcs.bucket import STATE_TYPE, Bucket, Item
from storagedriver.drivers.gcs.deleting import delete_generation
from storagedriver.drivers.gcs.session import Session
from storagedriver.errors import StorageDriverError

__all__ = ["State", "remove", "size_of"]

_SESSION = "Session-URI"
_OFFSET = "Offset"


@dataclass(frozen=True)
class State:
    """How far an upload has come.

    Attributes
    ----------
    uri : str
        Its session, ``""`` if there is none yet; who knows it can write to the upload.
    offset : int
        The bytes that the session has.
    tail : bytes
        The bytes that come after those.
    """

    uri: str = field(repr=False)
    offset: int
    tail: bytes = field(repr=False)

    @classmethod
    def read(cls, bucket: Bucket, item: Item) -> State:
        """The state that an object keeps."""
        return cls(_uri(item), _offset(item), objects.get_generation(bucket, item))

    def write(self, bucket: Bucket, key: str, generation: str) -> Item:
        """Keep it at the key, where `generation` must still lie."""
        return objects.insert(
            bucket,
            key,
            memoryview(self.tail),
            content_type=STATE_TYPE,
            metadata={_SESSION: self.uri, _OFFSET: str(self.offset)},
            generation=generation,
        )


def size_of(item: Item) -> int:
    """The bytes of the upload."""
    return _offset(item) + item.size


def remove(bucket: Bucket, item: Item) -> None:
    """End the upload: its session first, then its state, unless that has changed meanwhile."""
    uri = _uri(item)
    if uri:
        Session(bucket, uri).delete()
    delete_generation(bucket, item.key, item.generation)


def _uri(item: Item) -> str:
    return _value(item, _SESSION)


def _offset(item: Item) -> int:
    text = _value(item, _OFFSET) or "0"
    if not text.isdecimal():
        raise StorageDriverError(f"the state of the upload is damaged: its {_OFFSET} is {text!r}")
    return int(text)


def _value(item: Item, name: str) -> str:
    """The XML API and some emulators do not keep the case of a name."""
    return next((value for key, value in item.metadata.items() if key.lower() == name.lower()), "")
