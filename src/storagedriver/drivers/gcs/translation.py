"""The driver's parameters in the words of gcsfs."""

from __future__ import annotations

from typing import Any

from storagedriver.drivers.gcs.credentials import emulator, key_of, token_of
from storagedriver.drivers.gcs.parameters import GCSParameters
from storagedriver.translation import Translation, place

__all__ = ["options", "translate"]


def options(parameters: GCSParameters) -> dict[str, Any]:
    """The options of gcsfs.

    Raises
    ------
    ParameterError
        If there is a key and it is none.
    """
    # The key is checked here, where an error shows nothing of it.
    token = token_of(parameters)
    found: dict[str, Any] = {"token": token if isinstance(token, str) else key_of(parameters)}
    endpoint = parameters.endpoint.rstrip("/") or emulator()
    if endpoint:
        found["endpoint_url"] = endpoint
    return found


def translate(parameters: GCSParameters) -> Translation:
    """The URL and the options of gcsfs; a key that is none is a `ParameterError`."""
    return place("gs", parameters.bucket, parameters.prefix), options(parameters)
