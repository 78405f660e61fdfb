"""Which packages a process imports that uses a driver from the first call to the last."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["imported"]

_ROUND = """
import json, sys
from storagedriver import factory
asked = json.load(sys.stdin)
with factory.create(asked["driver"], asked["parameters"]) as driver:
    driver.put_content("/dir/file", b"content")
    assert driver.get_content("/dir/file") == b"content"
    assert driver.list("/dir") == ["/dir/file"]
    driver.move("/dir/file", "/dir/moved")
    with driver.writer("/dir/upload") as writer:
        writer.write(bytes(300 << 10))
        writer.commit()
    assert (driver.redirect_url("/dir/moved") is not None) == asked["signs"]
    driver.delete("/dir")
    try:
        driver.stat("/dir")
    except FileNotFoundError:
        pass
json.dump([name for name in asked["packages"] if name in sys.modules], sys.stdout)
"""


def imported(driver: str, parameters: Mapping[str, Any], packages: Sequence[str], *, signs: bool) -> list[str]:
    """Which of some packages are imported; `signs` says whether the driver can sign a URL."""
    asked = {"driver": driver, "parameters": dict(parameters), "packages": list(packages), "signs": signs}
    done = subprocess.run(
        [sys.executable, "-c", _ROUND], input=json.dumps(asked).encode(), capture_output=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr.decode()
    found: list[str] = json.loads(done.stdout)
    return found
