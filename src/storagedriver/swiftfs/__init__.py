"""OpenStack Swift as an fsspec filesystem. It needs nothing of the drivers.

It needs the packages of the extra ``storagedriver[swift]``.
"""

from __future__ import annotations

from storagedriver.errors import importing_extra

with importing_extra("swift"):
    from storagedriver.swiftfs.filesystem import SwiftFileSystem

__all__ = ["SwiftFileSystem"]
