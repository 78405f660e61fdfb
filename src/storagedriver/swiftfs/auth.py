"""Tokens: who we are, the token for it, and where the account's objects are."""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

from storagedriver.adapter.http.answer import AnswerError, Signed
from storagedriver.adapter.http.client import HTTPClient
from storagedriver.adapter.limits import PerProcess
from storagedriver.errors import ParameterError

__all__ = ["Access", "Account", "Credentials"]

#: The registry's client guesses the version by the same signs (ncw/swift, Connection.Authenticate).
_VERSION = re.compile(r"/(?:auth/)?v([123])(?:\.[0-9]+)?/?\Z")
_DEFAULT_DOMAIN = "default"


@dataclass(frozen=True)
class Credentials:
    """Everything that a token can be asked for with; what is not used is empty.

    Attributes
    ----------
    auth_url : str
        Where tokens are given.
    user, key : str
        A user and the password.
    version : int
        Of the identity service: 1 (tempauth), 2 or 3 (Keystone), 0 for what
        the URL says or, failing that, the service itself.
    tenant, tenant_id : str
        The project.
    domain, domain_id : str
        The user's domain.
    tenant_domain, tenant_domain_id : str
        The project's domain; by default the user's.
    trust_id : str
        A trust of Keystone.
    application_credential_id, application_credential_name, application_credential_secret : str
        An application credential, in place of a password. The name goes with `user`.
    region : str
        The region of the object store in the catalog.
    interface : {"public", "internal", "admin"}
        Which of its addresses.
    token, storage_url : str
        A token from elsewhere, and the account's URL; such a token is not renewed.
    """

    auth_url: str = ""
    user: str = ""
    key: str = field(default="", repr=False)
    version: int = 0
    tenant: str = ""
    tenant_id: str = ""
    domain: str = ""
    domain_id: str = ""
    tenant_domain: str = ""
    tenant_domain_id: str = ""
    trust_id: str = ""
    application_credential_id: str = ""
    application_credential_name: str = ""
    application_credential_secret: str = field(default="", repr=False)
    region: str = ""
    interface: str = "public"
    token: str = field(default="", repr=False)
    storage_url: str = ""

    @property
    def known_version(self) -> int:
        """The version as far as it can be said offline; 0 if the service has to be asked."""
        if self.version:
            return self.version
        if self.application_credential_secret:
            return 3
        match = _VERSION.search(self.auth_url)
        return int(match[1]) if match else 0


@dataclass(frozen=True)
class Access:
    """What a request needs.

    Attributes
    ----------
    token : str
        For ``X-Auth-Token``.
    url : str
        The account's URL, without a ``/`` at its end.
    """

    token: str = field(repr=False)
    url: str


class Account:
    """The account at the object store, and our way into it.

    Parameters
    ----------
    credentials : Credentials
        Who we are.
    timeout : float
        Seconds to connect to the identity service, and for its answer.
    verify : bool or str
        Whether its certificate is checked, or the file of certificates to trust.
    """

    def __init__(self, credentials: Credentials, *, timeout: float, verify: bool | str = True) -> None:
        self.credentials = credentials
        self._timeout = timeout
        self._verify = verify
        self._sessions = PerProcess(self._open)

    def access(self) -> Access:
        """The token and the URL; a token is asked for if there is none that is still good.

        Raises
        ------
        keystoneauth1.exceptions.ClientException
            If there is none to be had.
        """
        if self.credentials.token:
            return Access(self.credentials.token, self.credentials.storage_url.rstrip("/"))
        return self._sessions.get().access()

    def renew(self, refused: str) -> None:
        """Forget a token that was refused, unless another thread did so already."""
        if not self.credentials.token:
            self._sessions.get().forget(refused)

    @property
    def project_id(self) -> str:
        """The project, as the user or else the identity service names it; empty if neither does."""
        if self.credentials.tenant_id or self.credentials.token:
            return self.credentials.tenant_id
        return self._sessions.get().project_id()

    def _open(self) -> _Session:
        return _Session(self.credentials, self._timeout, self._verify)


class _Session:
    """One process's session with the identity service."""

    def __init__(self, credentials: Credentials, timeout: float, verify: bool | str) -> None:
        # keystoneauth brings requests, stevedore and more: 60 ms that a user of other drivers need not wait.
        from keystoneauth1.session import Session  # noqa: PLC0415

        self._credentials = credentials
        self._session: Any = Session(timeout=timeout, verify=verify)
        if credentials.known_version == 1:
            self._session = _StrictSession(timeout, verify)
        self._lock = threading.Lock()
        self._plugin: Any = None
        self._url = ""

    def access(self) -> Access:
        with self._lock:
            if self._plugin is None:
                self._plugin = _plugin(self._credentials, self._session)
            token = self._plugin.get_token(self._session)
            if not self._url:
                self._url = self._find_store()
        return Access(token, self._url)

    def forget(self, refused: str) -> None:
        with self._lock:
            if self._plugin is not None and self._plugin.get_token(self._session) == refused:
                self._plugin.invalidate()

    def project_id(self) -> str:
        self.access()
        with self._lock:
            get = getattr(self._plugin.get_access(self._session), "project_id", None)
            return str(get or "")

    def _find_store(self) -> str:
        if self._credentials.storage_url:
            return self._credentials.storage_url.rstrip("/")
        options: dict[str, Any] = {"service_type": "object-store", "interface": self._credentials.interface}
        if self._credentials.region and self._credentials.known_version != 1:
            options["region_name"] = self._credentials.region
        url = self._plugin.get_endpoint(self._session, **options)
        if not url:
            region = f" in the region {self._credentials.region!r}" if self._credentials.region else ""
            raise ParameterError(f"the catalog has no {self._credentials.interface} object store{region}")
        return str(url).rstrip("/")


class _StrictSession:
    """What a token of version 1 is asked for with, in the place of keystoneauth's session.

    All of the answer is in its head, and a part of a URL is a URL, too. So the
    head has to be complete:
    https://docs.openstack.org/swift/latest/overview_auth.html
    """

    def __init__(self, timeout: float, verify: bool | str) -> None:
        bundle = verify if isinstance(verify, str) else None
        self._http = HTTPClient(timeout=timeout, verify=bool(verify), ca_bundle=bundle)

    def get(self, url: str, headers: Mapping[str, str], **_: Any) -> Any:
        """Send a GET, and give what the plugin reads of the answer."""
        from keystoneauth1.exceptions import HttpError  # noqa: PLC0415 - an extra

        request = Signed("GET", url, headers)
        try:
            answer = self._http.request(lambda: request)
        except AnswerError as error:
            raise HttpError(message=str(error), http_status=error.answer.status) from error
        return SimpleNamespace(status_code=answer.status, headers=answer.headers)


def _plugin(credentials: Credentials, session: Any) -> Any:
    version, url = credentials.known_version, credentials.auth_url
    if not version:
        version, url = _discover(session, url)
    if version == 1:
        try:
            from swiftclient.authv1 import PasswordPlugin  # type: ignore[import-untyped]  # noqa: PLC0415 - an extra
        except ModuleNotFoundError as error:
            detail = 'authentication of version 1 needs python-swiftclient: pip install "storagedriver[swift]"'
            raise ParameterError(detail, path=url) from error
        return PasswordPlugin(url, credentials.user, credentials.key)
    if version == 2:  # noqa: PLR2004 - a version
        from keystoneauth1.identity import v2  # noqa: PLC0415 - an extra

        return v2.Password(
            url,
            username=credentials.user,
            password=credentials.key,
            trust_id=credentials.trust_id or None,
            tenant_id=credentials.tenant_id or None,
            tenant_name=credentials.tenant or None,
        )
    return _version_3(credentials, url)


def _version_3(credentials: Credentials, url: str) -> Any:
    from keystoneauth1.identity import v3  # noqa: PLC0415 - an extra

    if not _VERSION.search(url):
        url = url.rstrip("/") + "/v3"
    user: dict[str, Any] = {"username": credentials.user or None}
    user["user_domain_name"] = credentials.domain or None
    user["user_domain_id"] = credentials.domain_id or (None if credentials.domain else _DEFAULT_DOMAIN)
    if credentials.application_credential_secret:
        if credentials.application_credential_id:
            user = {"application_credential_id": credentials.application_credential_id}
        else:
            user["application_credential_name"] = credentials.application_credential_name
        return v3.ApplicationCredential(url, credentials.application_credential_secret, **user)
    scope: dict[str, Any] = {}
    if credentials.trust_id:
        scope["trust_id"] = credentials.trust_id
    elif credentials.tenant_id:
        scope["project_id"] = credentials.tenant_id
    elif credentials.tenant:
        scope["project_name"] = credentials.tenant
        scope["project_domain_name"] = credentials.tenant_domain or None
        scope["project_domain_id"] = credentials.tenant_domain_id or None
        if not credentials.tenant_domain and not credentials.tenant_domain_id:
            scope["project_domain_name"] = user["user_domain_name"]
            scope["project_domain_id"] = user["user_domain_id"]
    return v3.Password(url, password=credentials.key, **user, **scope)


def _discover(session: Any, url: str) -> tuple[int, str]:
    """Ask the identity service for its newest version that we speak."""
    # Not keystoneauth's generic plugin: it makes "cannot be reached" a failure to discover.
    from keystoneauth1.discover import Discover  # noqa: PLC0415 - an extra

    found = Discover(session, url, authenticated=False)
    for version in (3, 2):
        versioned = found.url_for(str(version))
        if versioned:
            return version, versioned
    raise ParameterError("the identity service speaks neither version 2 nor version 3; check its URL", path=url)
