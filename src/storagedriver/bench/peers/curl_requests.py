"""The requests that `curl` sends: for each driver the URL of an object, and the headers that open it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from typing import Any, Literal
from urllib.parse import quote

from storagedriver.bench.peers.libraries import needing
from storagedriver.bench.peers.places import GOOGLE, azure_account, gcs_bearer, gcs_place, s3_client, swift_place
from storagedriver.drivers.oss.parameters import load as load_oss
from storagedriver.drivers.s3.parameters import load as load_s3
from storagedriver.errors import ParameterError

__all__ = ["REQUESTS", "Request"]

#: How long a signed URL is good for, in seconds.
_SECONDS = 24 * 60 * 60


@dataclass(frozen=True)
class Request:
    """A request that writes or reads an object.

    Attributes
    ----------
    url : str
        Its URL, which may be signed.
    headers : tuple of str
        Its headers, each a line.
    method : str
        The method where it is neither PUT for writing nor GET for reading.
    insecure : bool
        Whether any certificate is taken.
    """

    url: str
    headers: tuple[str, ...] = ()
    method: str = ""
    insecure: bool = False


#: Gives the request for a path.
Make = Callable[[Literal["PUT", "GET"], str], Request]


def _s3(driver: str, parameters: Mapping[str, Any]) -> Make:
    parsed = load_s3(driver, parameters)
    if parsed.forcepathstyle is None and not parsed.accelerate:
        # botocore would sign for a host that new regions answer with a redirect.
        parsed = replace(parsed, forcepathstyle=True)
    client = s3_client(parsed)
    calls = {"PUT": "put_object", "GET": "get_object"}

    def make(method: Literal["PUT", "GET"], path: str) -> Request:
        place = {"Bucket": parsed.bucket, "Key": parsed.prefix + path.lstrip("/")}
        url = client.generate_presigned_url(calls[method], Params=place, ExpiresIn=_SECONDS)
        return Request(url, insecure=parsed.skipverify)

    return make


def _azure(driver: str, parameters: Mapping[str, Any]) -> Make:
    parsed, account = azure_account(driver, parameters)
    if account.type != "shared_key":
        raise ParameterError("curl needs it for a signature", driver_name=driver, path="accountkey")
    from azure.storage.blob import BlobSasPermissions, generate_blob_sas  # noqa: PLC0415 - slow to load

    expiry = datetime.now(timezone.utc) + timedelta(seconds=_SECONDS)
    headers = {"PUT": ("x-ms-blob-type: BlockBlob",), "GET": ()}

    def make(method: Literal["PUT", "GET"], path: str) -> Request:
        name = parsed.prefix + path.lstrip("/")
        signature = generate_blob_sas(
            account.name,
            parsed.container,
            name,
            account_key=account.key,
            permission=BlobSasPermissions(read=True, write=True, create=True),
            expiry=expiry,
        )
        url = f"{account.url}/{parsed.container}/{quote(name, safe='/~')}?{signature}"
        return Request(url, headers[method], insecure=parsed.skipverify)

    return make


def _gcs(driver: str, parameters: Mapping[str, Any]) -> Make:
    parsed, endpoint, who = gcs_place(driver, parameters)
    host = endpoint or GOOGLE
    bearer = gcs_bearer(who)

    def make(method: Literal["PUT", "GET"], path: str) -> Request:
        name = quote(parsed.prefix + path.lstrip("/"), safe="")
        headers = tuple(f"{name}: {value}" for name, value in bearer().items())
        if method == "GET":
            return Request(f"{host}/storage/v1/b/{parsed.bucket}/o/{name}?alt=media", headers)
        url = f"{host}/upload/storage/v1/b/{parsed.bucket}/o?uploadType=media&name={name}"
        return Request(url, headers, method="POST")

    return make


def _swift(driver: str, parameters: Mapping[str, Any]) -> Make:
    parsed, account, layout = swift_place(driver, parameters)

    def make(_: Literal["PUT", "GET"], path: str) -> Request:
        access = account.access()
        name = quote(f"{parsed.container}/{layout.file(path.lstrip('/'))}", safe="/~")
        return Request(f"{access.url}/{name}", (f"X-Auth-Token: {access.token}",), insecure=parsed.insecureskipverify)

    return make


def _oss(driver: str, parameters: Mapping[str, Any]) -> Make:
    with needing("oss2"):
        import oss2  # noqa: PLC0415 - slow to load

    parsed = load_oss(driver, parameters)
    kind = oss2.AuthV4 if parsed.signs_v4 else oss2.Auth
    bucket = oss2.Bucket(
        kind(parsed.accesskeyid, parsed.accesskeysecret),
        parsed.url,
        parsed.bucket,
        is_cname=parsed.style == "cname",
        is_path_style=parsed.style == "path",
        region=parsed.region_id,
    )
    return lambda method, path: Request(
        bucket.sign_url(method, parsed.prefix + path.lstrip("/"), _SECONDS, slash_safe=True)
    )


REQUESTS: Mapping[str, Callable[[str, Mapping[str, Any]], Make]] = {
    "s3": _s3,
    "s3aws": _s3,
    "azure": _azure,
    "gcs": _gcs,
    "swift": _swift,
    "oss": _oss,
}
