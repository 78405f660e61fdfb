"""The state of an unfinished upload, kept at the key itself, as the registry keeps it.

Source: `init` and `Close` of the writer in registry/storage/driver/gcs/gcs.go.
It is an object whose content is what no session has yet, the tail, and whose
metadata says which session has how much. The checksum of that and the name of
the writer are ours. The registry leaves out what it does not know.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from storagedriver.drivers.gcs import checksum, objects
from storagedriver.drivers.gcs.bucket import STATE_TYPE, Bucket, Item
from storagedriver.drivers.gcs.deleting import delete_generation
from storagedriver.drivers.gcs.session import Session
from storagedriver.errors import StorageDriverError

__all__ = ["State", "is_of", "remove", "size_of"]

_SESSION = "Session-URI"
_OFFSET = "Offset"
_CRC = "CRC32C"
_WRITER = "Writer"


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
    crc : int or None
        The CRC32C of what the session has, if it is known.
    writer : str
        A name that only one writer gives its states.
    """

    uri: str = field(repr=False)
    offset: int
    tail: bytes = field(repr=False)
    crc: int | None = None
    writer: str = ""

    @property
    def size(self) -> int:
        """The bytes of the upload."""
        return self.offset + len(self.tail)

    @classmethod
    def read(cls, bucket: Bucket, item: Item) -> State:
        """The state that an object keeps."""
        uri, offset = _uri(item), _offset(item)
        if offset and not uri:
            raise StorageDriverError(f"the state of the upload is damaged: its {_OFFSET} is {offset} without a session")
        tail = objects.get_generation(bucket, item)
        return cls(uri, offset, tail, checksum.parsed(_value(item, _CRC)), _value(item, _WRITER))

    def write(self, bucket: Bucket, key: str, generation: str) -> Item:
        """Keep it at the key, where `generation` must still lie."""
        metadata = {_SESSION: self.uri, _OFFSET: str(self.offset), _WRITER: self.writer}
        if self.uri and self.crc is not None:
            metadata[_CRC] = checksum.written(self.crc)
        return objects.insert(
            bucket,
            key,
            memoryview(self.tail),
            content_type=STATE_TYPE,
            metadata=metadata,
            generation=generation,
        )


def size_of(item: Item) -> int:
    """The bytes of the upload."""
    return _offset(item) + item.size


def is_of(item: Item, writer: str) -> bool:
    """Whether it is a state that this writer has kept."""
    return item.is_state and _value(item, _WRITER) == writer


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
