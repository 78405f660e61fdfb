"""The servers that are measured on: those of the tests, with room for large objects."""

from __future__ import annotations

import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.servers.azurite import VERSION, Azurite
from tests.servers.base import HOST
from tests.servers.fake_gcs import FakeGCS
from tests.servers.run import Run
from tests.servers.seaweedfs import SeaweedFS
from tests.servers.swift import Swift

__all__ = ["STORAGES", "Storage"]


class _Roomy(SeaweedFS):
    """SeaweedFS with 100 GiB, and with a way to have back what was deleted."""

    volume_size = 1024

    def vacuum(self) -> None:
        """Have what was deleted removed from the disk; SeaweedFS looks for it every quarter of an hour."""
        url = f"http://{HOST}:{self.port['master']}/vol/vacuum?garbageThreshold=0.01"
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url, timeout=300) as answer:
            answer.read()


@dataclass(frozen=True)
class Storage:
    """What a driver is measured on.

    Attributes
    ----------
    parameters : mapping
        The driver's.
    server : str
        What serves it, and its version.
    tidy : callable
        Called after a case.
    """

    parameters: Mapping[str, Any]
    server: str
    tidy: Callable[[], None] = field(default=lambda: None)


def _s3(run: Run) -> Storage:
    server = _Roomy(run, _Roomy.name)
    details = server.start()
    return Storage(details.parameters("bench"), f"SeaweedFS {details.version}", server.vacuum)


class _OnDisk(Azurite):
    """azurite that keeps its blobs on disk: what was deleted stays for ten minutes, which memory is too small for."""

    def persistence(self) -> list[str]:
        """In its own directory."""
        return ["--location", str(self.directory)]


def _azure(run: Run) -> Storage:
    details = run.shared(_OnDisk)
    return Storage(details.parameters("bench"), f"azurite {VERSION}")


def _gcs(run: Run) -> Storage:
    details = run.shared(FakeGCS)
    return Storage(details.parameters("bench"), f"fake-gcs-server {details.version}")


def _swift(run: Run) -> Storage:
    details = run.shared(Swift)
    return Storage(details.parameters("bench", prefix="bench"), f"Swift {details.version}")


def _filesystem(run: Run) -> Storage:
    return Storage({"rootdirectory": str(run.directory / "filesystem")}, "the disk")


def _inmemory(_: Run) -> Storage:
    return Storage({}, "the process's own memory")


#: How the storage of each driver is had, by the driver's name.
STORAGES: Mapping[str, Callable[[Run], Storage]] = {
    "s3": _s3,
    "azure": _azure,
    "gcs": _gcs,
    "swift": _swift,
    "filesystem": _filesystem,
    "inmemory": _inmemory,
}
