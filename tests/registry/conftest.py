"""What the tests with a registry share: an empty storage on each of the backends."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.registry.storages import S3, MakeStorage, Storage


@pytest.fixture
def storage(request: pytest.FixtureRequest, rootdirectory: str, tmp_path: Path) -> MakeStorage:
    """``storage("seaweedfs", **parameters)`` gives a storage of the test's own: the same one, however often.

    It is named by its server, of which some backends have more than one.
    """
    drivers = {**dict.fromkeys(S3, "s3"), "azurite": "azure", "fake_gcs": "gcs", "gcp_emulator": "gcs", "oss": "oss"}

    def make(name: str, **others: Any) -> Storage:
        if name == "filesystem":
            return name, {"rootdirectory": str(tmp_path / "storage"), **others}
        server = request.getfixturevalue(name)
        if name == "swift":
            # A container of its own: the registry writes a key for signed URLs to it.
            return name, server.parameters(rootdirectory.replace("/", "-"), prefix="reg", **others)
        return drivers[name], server.parameters(rootdirectory, **others)

    return make
