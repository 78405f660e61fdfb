"""An emulator is used without Google's libraries, which take longer to load than a request."""

from __future__ import annotations

import json
import subprocess
import sys

from tests.servers.gcs import GCSServer

_ROUND = """
import json, sys
from storagedriver import factory
with factory.create("gcs", json.load(sys.stdin)) as driver:
    driver.put_content("/dir/file", b"content")
    assert driver.get_content("/dir/file") == b"content"
    assert driver.list("/dir") == ["/dir/file"]
    driver.move("/dir/file", "/dir/moved")
    with driver.writer("/dir/upload") as writer:
        writer.write(bytes(300 << 10))
        writer.commit()
    assert driver.redirect_url("/dir/moved") is None
    driver.delete("/dir")
    try:
        driver.stat("/dir")
    except FileNotFoundError:
        pass
names = ("gcsfs", "aiohttp", "google.auth", "google.oauth2", "requests")
json.dump([name for name in names if name in sys.modules], sys.stdout)
"""


def test_anonymous_requests_import_no_library_of_google(gcs_server: GCSServer, root: str) -> None:
    parameters = gcs_server.parameters(root, chunksize=256 << 10)
    done = subprocess.run(
        [sys.executable, "-c", _ROUND],
        input=json.dumps(parameters).encode(),
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    assert json.loads(done.stdout) == []
