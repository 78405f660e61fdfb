"""Who has signed a request, in which of the two versions ever."""

from __future__ import annotations

from tests.servers.oss import signature_v1, signature_v4
from tests.servers.oss.failures import OSSError
from tests.servers.oss.identities import Identity
from tests.servers.oss.request import Request


def authenticate(request: Request, now: float) -> Identity:
    """Who has signed the request, in a header or in the URL.

    Parameters
    ----------
    request : Request
        The request.
    now : float
        The time, in seconds of the epoch.

    Raises
    ------
    OSSError
        If nobody has, or not rightly.
    """
    authorization = request.headers.get("authorization", "")
    if authorization.startswith(signature_v1.SCHEME):
        return signature_v1.by_header(request, authorization, now)
    if authorization.startswith(signature_v4.SCHEME):
        return signature_v4.by_header(request, authorization, now)
    if authorization:
        raise OSSError("InvalidArgument", "Authorization header is invalid.")
    if "Signature" in request.query:
        return signature_v1.by_url(request, now)
    if "x-oss-signature" in request.query:
        return signature_v4.by_url(request, now)
    raise OSSError("AccessDenied", "Anonymous access is forbidden for this operation.")
