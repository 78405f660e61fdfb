"""Names that a container has and a driver does not show: those with a ``/`` at their beginning, or those without."""

from __future__ import annotations

from storagedriver.drivers.azure.client import Client

__all__ = ["hidden_names"]

_SHOWN = 60


def hidden_names(client: Client) -> str:
    """Say that there are names of the other kind below the root directory; ``""`` if there are none.

    Up to 2.8 a registry left the ``/`` at the beginning of its paths in the blobs' names.
    """
    prefix = client.prefix
    is_legacy = prefix.startswith("/")
    other = prefix[1:] if is_legacy else f"/{prefix}"
    query = {"restype": "container", "comp": "list", "prefix": other, "delimiter": "/", "maxresults": "100"}
    listed = client.ask("EnumerationResults", "GET", None, query)
    names = [listed.required(element, "Name") for element in listed.elements("Blobs/*")]
    found = next((name for name in names if name.startswith("/") is not is_legacy), "")
    if not found:
        return ""
    if is_legacy:
        what, value = "do not begin with a /, as a registry from 3.0 on writes them", "true"
    else:
        what, value = "begin with a /, as a registry up to 2.8 wrote them", "false"
    return (
        f"names in the container {what} ({found[:_SHOWN]!r} for one), and this configuration does not show them:"
        f" set trimlegacyrootprefix to {value} if it should"
    )
