"""Who asks: a service account's key, the default credentials, or no credentials."""

from __future__ import annotations

import json
import os
from functools import cache
from pathlib import Path
from typing import Any

from storagedriver.drivers.gcs.parameters import GCSParameters
from storagedriver.errors import ParameterError

__all__ = ["emulator", "is_anonymous", "key_of", "secrets_of", "token_of"]

#: What the registry asks for as well.
_SCOPES = ("https://www.googleapis.com/auth/devstorage.full_control",)
#: What Google's own libraries assume where a key does not say it.
_TOKEN_URI = "https://oauth2.googleapis.com/token"  # noqa: S105 - an address
_SECRET = ("private_key", "private_key_id")


@cache
def _account_class() -> Any:
    from google.oauth2 import service_account  # noqa: PLC0415 - slow to load, and most emulators need none

    class Account(service_account.Credentials):
        """A service account that waits for its token no longer than for anything else.

        google-auth would wait for two minutes.
        """

        patience = 15.0

        def refresh(self, request: Any) -> None:
            """Get a new token."""

            def timely(*args: Any, **options: Any) -> Any:
                return request(*args, **{"timeout": self.patience, **options})

            super().refresh(timely)  # type: ignore[no-untyped-call]

    return Account


def emulator() -> str:
    """The endpoint that the environment names, ``""`` if it names none."""
    host = os.environ.get("STORAGE_EMULATOR_HOST", "")
    if host in ("", "default"):
        return ""
    return (host if "://" in host else f"http://{host}").rstrip("/")


def token_of(parameters: GCSParameters) -> Any:
    """What gcsfs takes as its ``token``.

    A plain http endpoint is an emulator's: where no key is given, no user is
    looked for in the environment to be sent over it.

    Raises
    ------
    ParameterError
        If there is a key and it is none.
    """
    info = key_of(parameters)
    if info is None:
        return "anon" if is_anonymous(parameters) else "google_default"
    where = "keyfile" if parameters.keyfile else "credentials"
    try:
        account = _account_class().from_service_account_info(info, scopes=_SCOPES)
    except (ValueError, TypeError, AttributeError):
        # Its cause might show the key.
        detail = "it is no key of a service account: private_key cannot be read, or client_email is missing"
        raise ParameterError(detail, path=where) from None
    account.patience = parameters.timeout
    return account


def is_anonymous(parameters: GCSParameters) -> bool:
    """Whether requests carry no token."""
    keyless = not parameters.keyfile and parameters.credentials is None
    return keyless and (parameters.endpoint or emulator()).startswith("http://")


def secrets_of(parameters: GCSParameters) -> list[str]:
    """The texts that must not appear anywhere, the longest first."""
    info = key_of(parameters) or {}
    found = [str(info[name]) for name in _SECRET if info.get(name)]
    return sorted(found, key=len, reverse=True)


def key_of(parameters: GCSParameters) -> dict[str, Any] | None:
    """The key as a map. Of a file and a map the file is taken, as the registry does."""
    if parameters.keyfile:
        info = _read(parameters.keyfile)
    elif parameters.credentials is not None:
        info = dict(parameters.credentials)
    else:
        return None
    if info.get("type", "service_account") != "service_account":
        where = "keyfile" if parameters.keyfile else "credentials"
        detail = f"{info['type']!r} is not supported, only the key of a service account; leave it out for others"
        raise ParameterError(detail, path=where)
    key = str(info.get("private_key", ""))
    if "\n" not in key.strip():
        # An environment variable often holds the line ends as they stand in JSON.
        info["private_key"] = key.replace("\\n", "\n")
    return {"token_uri": _TOKEN_URI, **info}


def _read(keyfile: str) -> dict[str, Any]:
    try:
        info = json.loads(Path(keyfile).read_bytes())
    except OSError as error:
        raise ParameterError(f"{keyfile!r} cannot be read: {error.strerror}", path="keyfile") from None
    except ValueError:
        raise ParameterError(f"{keyfile!r} is no JSON", path="keyfile") from None
    if not isinstance(info, dict):
        raise ParameterError(f"{keyfile!r} holds no key", path="keyfile")
    return info
