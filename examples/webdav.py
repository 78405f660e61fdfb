"""The driver ``webdav``: any WebDAV server, by webdav4's fsspec filesystem. docs/writing-a-driver.md explains it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from storagedriver.drivers.fsspec import fsspec_driver
from storagedriver.parameters import integer, number, string


@dataclass(frozen=True)
class WebdavParameters:
    url: str = string(required=True)
    username: str = string()
    password: str = string(secret=True)
    rootdirectory: str = string()
    timeout: float = number(15)
    maxthreads: int = integer(8, minimum=1)


def translate(given: WebdavParameters) -> tuple[str, dict[str, Any]]:
    auth = (given.username, given.password) if given.username else None
    return f"webdav://{given.rootdirectory.strip('/')}", {"base_url": given.url, "auth": auth, "timeout": given.timeout}


def rename(fs: Any, source: str, dest: str) -> None:
    fs.client.move(source, dest, overwrite=True)


create = fsspec_driver("webdav", WebdavParameters, translate, rename=rename)
