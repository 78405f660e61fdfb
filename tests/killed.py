"""Writers that are left as a kill would leave them."""

from __future__ import annotations

from storagedriver.adapter.writer import UploadWriter
from storagedriver.driver import FileWriter


def kill(writer: FileWriter) -> None:
    """Stop a writer without a request, and without the warning that garbage collection gives."""
    assert isinstance(writer, UploadWriter)
    writer._upload.abandon()
    FileWriter.close(writer)
