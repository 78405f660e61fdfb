"""The requests: each with the account's token."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, TypeVar
from urllib.parse import quote, urlencode, urlsplit

from storagedriver.adapter.http.answer import Answer, AnswerError, HTTPBody, Signed
from storagedriver.adapter.http.client import HTTPClient
from storagedriver.adapter.http.document import with_json
from storagedriver.adapter.http.reading import without_content
from storagedriver.adapter.store import Entry
from storagedriver.swiftfs.auth import Account

__all__ = ["Client", "quoted"]

T = TypeVar("T")

#: From here on an answer says nothing of what the cluster can do.
_PASSING = 408
#: Statuses that may pass: those by which HTTP says so, and 422 for a content that was damaged on its way.
_AGAIN = frozenset({408, 422, 429, 500, 502, 503, 504})


def quoted(name: str) -> str:
    """A name of a container and an object for a URL.

    A component ``.`` or ``..`` is a name like others to Swift, but an HTTP
    client would take it for a direction.
    """
    parts = (part.replace(".", "%2E") if part in (".", "..") else quote(part, safe="") for part in name.split("/"))
    return "/".join(parts)


class Client:
    """The connection to one account.

    Parameters
    ----------
    account : Account
        The account and our token for it.
    timeout : float
        Seconds within which a request is connected and answered.
    verify : bool or str
        Whether the server's certificate is checked, or the file of certificates to trust.
    """

    def __init__(self, account: Account, *, timeout: float, verify: bool | str = True) -> None:
        self.account = account
        self.timeout = timeout
        bundle = verify if isinstance(verify, str) else None
        self._http = HTTPClient(timeout=timeout, verify=bool(verify), ca_bundle=bundle, is_passing=_may_pass)
        self._info: dict[str, Any] | None = None

    def request(
        self,
        method: str,
        name: str = "",
        *,
        query: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        body: Any = None,
        **options: Any,
    ) -> Answer:
        """Send a request and read the whole answer.

        Every request of Swift is idempotent: it says what shall be, not what
        shall change.

        Parameters
        ----------
        method : str
            The HTTP method.
        name : str
            ``container/object``, ``container``, or nothing for the account.
        query, headers : mapping, optional
            Those of the request.
        body : bytes-like, optional
            What is sent.
        **options
            As for `HTTPClient.request`.

        Raises
        ------
        AnswerError
            For a status that is not expected.
        """
        if method == "DELETE":
            options.setdefault("interpret", without_content)
        signer = _Signer(self.account, method, name, query, headers)
        return self._http.request(signer.sign, body=body, refresh=signer.refresh, **options)

    def ask(self, kind: type[T], method: str, name: str = "", **options: Any) -> T:
        """Send a request whose answer is JSON, a `dict` or a `list`; the options are those of `request`."""
        read = with_json(kind, f"{method} of {name or 'the account'}")
        found: T = self.request(method, name, interpret=read, **options).document
        return found

    def stream(
        self,
        name: str,
        entry: Callable[[Answer], Entry],
        *,
        query: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> HTTPBody:
        """Send a GET and give its content as a stream; parameters as for `request`."""
        signer = _Signer(self.account, "GET", name, query, headers)
        return self._http.stream(signer.sign, entry, refresh=signer.refresh)

    def info(self) -> Mapping[str, Any]:
        """What the cluster says that it can do; empty where it does not say it.

        https://docs.openstack.org/swift/latest/api/discoverability.html
        """
        if self._info is None:
            parts = urlsplit(self.account.access().url)
            # An account's path is /v1/ACCOUNT; some gateways put their own prefix before it.
            root = parts.path.rpartition("/v1")[0]
            request = Signed("GET", f"{parts.scheme}://{parts.netloc}{root}/info")
            try:
                self._info = json.loads(self._http.request(lambda: request).content)
            except AnswerError as error:
                if error.answer.status >= _PASSING:
                    return {}
                self._info = {}
            except ValueError:
                self._info = {}
        return self._info or {}

    def close(self) -> None:
        """Close the connections of this process. Another request would open new ones."""
        self._http.close()


def _may_pass(answer: Answer) -> bool:
    return answer.status in _AGAIN


class _Signer:
    """Makes one request; anew for each attempt, as its token may have been renewed."""

    def __init__(
        self,
        account: Account,
        method: str,
        name: str,
        query: Mapping[str, Any] | None,
        headers: Mapping[str, str] | None,
    ) -> None:
        self._account = account
        self._method = method
        self._target = (f"/{quoted(name)}" if name else "") + (f"?{urlencode(query, quote_via=quote)}" if query else "")
        self._headers = headers or {}
        self._token = ""

    def sign(self) -> Signed:
        access = self._account.access()
        self._token = access.token
        return Signed(self._method, access.url + self._target, {**self._headers, "X-Auth-Token": access.token})

    def refresh(self) -> None:
        self._account.renew(self._token)
