"""Signed URLs, against Google's own signer, with a made-up key. All offline."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from google.cloud.storage._signing import generate_signed_url_v4
from google.oauth2 import service_account

from storagedriver import factory
from storagedriver.drivers.gcs.signing import signed_url
from storagedriver.errors import ParameterError
from tests.gcs.tokens import key_info

GOOGLE = "https://storage.googleapis.com"
MOMENT = datetime(2026, 2, 3, 4, 5, 6, tzinfo=timezone.utc)


@pytest.mark.parametrize("endpoint", [GOOGLE, "http://127.0.0.1:4443", "https://private.p.googleapis.com"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("resource", ["/bucket/a", "/bucket/root/a.b-c_d/data", "/my.bucket-1/a%20b/~c"])
def test_url_is_the_one_that_google_signs(endpoint: str, method: str, resource: str) -> None:
    credentials = service_account.Credentials.from_service_account_info(key_info())  # type: ignore[no-untyped-call]
    expected = generate_signed_url_v4(
        credentials,
        resource,
        1200,
        api_access_endpoint=endpoint,
        method=method,
        _request_timestamp="20260203T040506Z",
    )
    assert signed_url(credentials, endpoint, resource, method, 1200, MOMENT) == expected


def test_life_of_a_url(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("STORAGE_EMULATOR_HOST", raising=False)
    driver = factory.create("gcs", {"bucket": "b", "credentials": key_info()})
    assert "&X-Goog-Expires=1200&" in str(driver.redirect_url("/a"))
    assert "&X-Goog-Expires=604800&" in str(driver.redirect_url("/a", expires=timedelta(days=7)))
    with pytest.raises(ParameterError, match="7 days"):
        driver.redirect_url("/a", expires=timedelta(days=7, seconds=1))
