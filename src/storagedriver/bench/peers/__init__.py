"""The peers that a driver is measured beside, each in a module of its own, imported when it is asked for."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

from storagedriver import factory
from storagedriver.bench.peers.driver import DriverSubject
from storagedriver.bench.subject import Subject

__all__ = ["OWN", "PEERS", "make_subject"]

#: The name of the driver itself among the subjects.
OWN = "storagedriver"

#: The module, and the class in it, of every Python peer. `go` is a program, see `storagedriver.bench.process`.
PEERS: Mapping[str, tuple[str, str]] = {
    "curl": ("curl", "Curl"),
    "s3fs": ("fsspec", "S3FS"),
    "adlfs": ("fsspec", "ADLFS"),
    "gcsfs": ("fsspec", "GCSFS"),
    "boto3": ("boto3", "Boto3"),
    "obstore": ("obstore", "Obstore"),
    "pages": ("pages", "Pages"),
    "smart_open": ("smart_open", "SmartOpen"),
}


def make_subject(name: str, driver: str, parameters: Mapping[str, Any]) -> Subject:
    """The driver itself, or a peer beside it.

    Raises
    ------
    ValueError
        If there is no such peer, or if it cannot reach the storage of the driver.
    """
    if name == OWN:
        return DriverSubject(factory.create(driver, parameters))
    if name not in PEERS:
        raise ValueError(f"there is no such peer, only {', '.join(PEERS)}")
    module, cls = PEERS[name]
    peer: type[Subject] = getattr(importlib.import_module(f"{__name__}.{module}"), cls)
    if driver not in peer.drivers:
        raise ValueError(f"it reaches the storage of {', '.join(sorted(peer.drivers))}, and not of {driver}")
    return peer(driver, parameters)
