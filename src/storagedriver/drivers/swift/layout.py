"""The registry's names in a container (registry/storage/driver/swift/swift.go in distribution 2.8).

A file ``/a/b`` is the object ``<prefix>/files/a/b``. A segment is named after
the path that it was uploaded to, which the file may have left since:
``<prefix>/segments/<3 digits>/<the other digits>/<number>``, where the digits
are the hexadecimal form of the path, 32 random bytes and the SHA-1 of nothing,
and the number has 16 decimal digits.
"""

from __future__ import annotations

import binascii
import hashlib
import secrets

from storagedriver.swiftfs.segments import number_of

__all__ = ["Layout"]

_RANDOM = 32
_NOTHING = hashlib.sha1(b"", usedforsecurity=False).digest()
_TAIL = _RANDOM + len(_NOTHING)
_HEAD_DIGITS = 3
#: The longest name that Swift takes, in bytes, and what the number takes of it.
_LONGEST = 1024 - 17


class Layout:
    """The names below one prefix.

    Parameters
    ----------
    prefix : str
        The registry's parameter.

    Attributes
    ----------
    files : str
        What stands before every key.
    """

    def __init__(self, prefix: str) -> None:
        # The registry only takes the outer slashes away.
        self.files = f"{prefix}/files/".lstrip("/")
        self._segments = f"{prefix}/segments/".lstrip("/")

    def file(self, key: str) -> str:
        """The object of a key."""
        return self.files + key

    def new_segments(self, key: str) -> str:
        """What the names of the segments of a new upload begin with, no two uploads the same.

        Of a path that is too long to go into the name, its beginning goes.
        """
        room = (_LONGEST - len(self._segments.encode()) - 1) // 2 - _TAIL
        # In whole characters, or `uploaded_to` could not read it.
        path = f"/{key}".encode()[:room].decode(errors="ignore").encode()
        digits = (path + secrets.token_bytes(_RANDOM) + _NOTHING).hex()
        return self._segments + self._split(digits)

    def segments_below(self, key: str) -> str:
        """What the names of all segments begin with that were uploaded to a path that begins so; of all for ``""``."""
        return self._segments + self._split(f"/{key}".encode().hex()) if key else self._segments

    def uploaded_to(self, segments: str) -> str | None:
        """The key that an upload was meant for; None if its segments are not named as the registry names them."""
        if not segments.startswith(self._segments):
            return None
        head, slash, rest = segments[len(self._segments) :].partition("/")
        try:
            content = bytes.fromhex(head + rest)
            path = content[:-_TAIL].decode()
        except (ValueError, binascii.Error):
            return None
        if not slash or len(head) != _HEAD_DIGITS or content[-len(_NOTHING) :] != _NOTHING or path[:1] != "/":
            return None
        return path[1:]

    def upload_of(self, name: str) -> str | None:
        """What the names of an upload's segments begin with, from the name of one of them."""
        segments = name.rpartition("/")[0]
        if number_of(segments, name) is None or self.uploaded_to(segments) is None:
            return None
        return segments

    @staticmethod
    def _split(digits: str) -> str:
        return f"{digits[:_HEAD_DIGITS]}/{digits[_HEAD_DIGITS:]}"
