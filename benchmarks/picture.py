"""What the picture of a storage shows: the peers, and the cases of streams, small requests and walks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["GROUPS", "NAMES", "title"]

#: The cases of each group, by its heading. A quick run has some of them in another size.
GROUPS = {
    "Streams of 1 GiB": ("read 1 GiB by 1 MiB", "write 1 GiB by 1 MiB"),
    "Small requests (put, get, stat)": ("put 1 KiB", "get 1 KiB", "stat"),
    "Walks and lists": ("walk 2000 files", "list 1000", "walk 20 files"),
}
#: What the peers are called.
NAMES = {
    "curl": "curl",
    "go": "registry (Go)",
    "obstore": "obstore",
    "boto3": "boto3",
    "s3fs": "s3fs",
    "adlfs": "adlfs",
    "gcsfs": "gcsfs",
    "smart_open": "smart_open",
    "pages": "bare requests",
}


def title(name: str, part: Mapping[str, Any]) -> str:
    """The first line: what is compared, and where."""
    return f"{name}: storagedriver is this many times as fast as its peers (on {part['server']})"
