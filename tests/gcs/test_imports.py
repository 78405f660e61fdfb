"""An emulator is used without Google's libraries, which take longer to load than a request."""

from __future__ import annotations

from tests.imported import imported
from tests.servers.gcs import GCSServer


def test_anonymous_requests_import_no_library_of_google(gcs_server: GCSServer, root: str) -> None:
    parameters = gcs_server.parameters(root, chunksize=256 << 10)
    packages = ("gcsfs", "aiohttp", "google.auth", "google.oauth2", "requests")
    assert imported("gcs", parameters, packages, signs=False) == []
