"""URLs of CloudFront: signed as botocore signs them, with keys as people have them."""

from __future__ import annotations

import pickle
import sys
import time
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from botocore.signers import CloudFrontSigner
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from storagedriver import StorageDriver, factory, middleware
from storagedriver.errors import MissingExtraError, ParameterError, StorageDriverWarning
from tests.middleware.conftest import S3

NOW = 1_700_000_000
PAIR = "APKAEXAMPLE"


@pytest.fixture(autouse=True)
def _at_a_known_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "time", lambda: NOW + 0.25)


@pytest.fixture
def options(key_file: Path) -> dict[str, Any]:
    return {"baseurl": "d1.cloudfront.example", "privatekey": str(key_file), "keypairid": PAIR}


def as_botocore_signs(key: rsa.RSAPrivateKey, url: str, expires: int) -> str:
    signer = CloudFrontSigner(PAIR, lambda message: key.sign(message, PKCS1v15(), SHA1()))
    moment = datetime.fromtimestamp(expires, timezone.utc)
    signed: str = signer.generate_presigned_url(url, date_less_than=moment)
    return signed


@pytest.mark.parametrize(
    ("base", "root", "url"),
    [
        ("d1.cloudfront.example", "/some/root", "https://d1.cloudfront.example/some/root/dir/a"),
        ("https://d1.cloudfront.example/", "", "https://d1.cloudfront.example/dir/a"),
        ("http://d1.cloudfront.example:8080/p/q", "r", "http://d1.cloudfront.example:8080/p/q/r/dir/a"),
        ("https://d1.cloudfront.example/p%20q/", "é +", "https://d1.cloudfront.example/p%20q/%C3%A9%20%2B/dir/a"),
    ],
)
def test_a_url_is_the_one_that_botocore_signs(
    key: rsa.RSAPrivateKey, options: dict[str, Any], base: str, root: str, url: str
) -> None:
    below = factory.create("s3aws", {**S3, "rootdirectory": root})
    driver = middleware.create("cloudfront", below, {**options, "baseurl": base})
    assert driver.redirect_url("/dir/a") == as_botocore_signs(key, url, NOW + 1200)
    assert driver.redirect_url("/dir/a", "HEAD") == driver.redirect_url("/dir/a")


def test_the_time_is_the_duration_or_what_is_asked(
    key: rsa.RSAPrivateKey, options: dict[str, Any], s3: StorageDriver
) -> None:
    url = "https://d1.cloudfront.example/some/root/a"
    driver = middleware.create("cloudfront", s3, {**options, "duration": "1h"})
    assert driver.redirect_url("/a") == as_botocore_signs(key, url, NOW + 3600)
    assert driver.redirect_url("/a", "GET", timedelta(seconds=30)) == as_botocore_signs(key, url, NOW + 30)
    driver = middleware.create("cloudfront", s3, {**options, "duration": timedelta(minutes=1)})
    assert driver.redirect_url("/a") == as_botocore_signs(key, url, NOW + 60)


@pytest.mark.parametrize("form", [PrivateFormat.TraditionalOpenSSL, PrivateFormat.PKCS8])
def test_a_key_is_read_in_either_form_with_text_before_it(
    key: rsa.RSAPrivateKey, options: dict[str, Any], s3: StorageDriver, tmp_path: Path, form: PrivateFormat
) -> None:
    file = tmp_path / "pk.pem"
    file.write_bytes(b"Bag Attributes\n    friendlyName: x\r\n" + key.private_bytes(Encoding.PEM, form, NoEncryption()))
    driver = middleware.create("cloudfront", s3, {**options, "privatekey": str(file)})
    assert driver.redirect_url("/a") == as_botocore_signs(key, "https://d1.cloudfront.example/some/root/a", NOW + 1200)


def test_a_key_that_cannot_sign_is_refused_with_the_reason(
    key: rsa.RSAPrivateKey, options: dict[str, Any], s3: StorageDriver, tmp_path: Path
) -> None:
    other = ec.generate_private_key(ec.SECP256R1())
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    contents = {
        "encrypted": key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"hunter2")),
        "encrypted,": key.private_bytes(
            Encoding.PEM, PrivateFormat.TraditionalOpenSSL, BestAvailableEncryption(b"hunter2")
        ),
        "no RSA key": other.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
        "no key in PEM": b"",
        "no private key": key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
        "that can be read": pem[: len(pem) // 2],
    }
    file = tmp_path / "pk.pem"
    for reason, content in contents.items():
        file.write_bytes(content)
        with pytest.raises(ParameterError, match=f"cloudfront: invalid parameter: privatekey: .*{reason}") as caught:
            middleware.create("cloudfront", s3, {**options, "privatekey": str(file)})
        for line in filter(None, content.decode().splitlines()):
            assert line not in str(caught.value) + caught.value.cause_text


def test_a_key_in_place_of_its_file_is_not_shown(
    key: rsa.RSAPrivateKey, options: dict[str, Any], s3: StorageDriver
) -> None:
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    body = "".join(pem.splitlines()[1:-1])
    for given in (pem, body, body + "\0", {"key": body}):
        with pytest.raises(ParameterError, match="privatekey") as caught:
            middleware.create("cloudfront", s3, {**options, "privatekey": given})
        assert body[:20] not in str(caught.value) + caught.value.cause_text + repr(caught.value.__cause__)


def test_the_key_is_not_shown_and_goes_along_in_a_pickle(options: dict[str, Any], s3: StorageDriver) -> None:
    driver = middleware.create(
        "cloudfront", s3, {**options, "ipfilteredby": "aws", "iprangesurl": "http://127.0.0.1:9/"}
    )
    shown = repr(driver) + repr(vars(driver))
    assert "BEGIN" not in shown
    assert "of-the-store" not in shown
    again = pickle.loads(pickle.dumps(driver))
    assert again.redirect_url("/a") == driver.redirect_url("/a")


def test_other_drivers_keep_their_urls(options: dict[str, Any], oss: StorageDriver) -> None:
    with pytest.warns(StorageDriverWarning, match="cloudfront changes nothing: it cannot serve the driver oss"):
        driver = middleware.create("cloudfront", oss, options)
    assert "cloudfront" not in str(driver.redirect_url("/a"))
    assert driver.capabilities == oss.capabilities


def test_behind_another_middleware_it_changes_nothing_as_in_the_registry(
    options: dict[str, Any], s3: StorageDriver
) -> None:
    below = middleware.create("redirect", s3, {"baseurl": "https://m.example"})
    with pytest.warns(StorageDriverWarning, match="it must be the first one in the list"):
        driver = middleware.create("cloudfront", below, options)
    assert driver.redirect_url("/a") == "https://m.example/a"


def test_cryptography_is_an_extra_that_the_error_names(
    options: dict[str, Any], s3: StorageDriver, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in sys.modules if name.startswith("storagedriver.middleware.cloudfront.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "cryptography", None)
    for name in [name for name in sys.modules if name.startswith("cryptography.")]:
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(MissingExtraError, match=r"cryptography.* is needed: pip install .*storagedriver\[cloudfront\]"):
        middleware.create("cloudfront", s3, options)


@pytest.mark.parametrize(
    ("changed", "option"),
    [
        ({"baseurl": None}, "baseurl"),
        ({"baseurl": "rtmp://d1.cloudfront.example"}, "baseurl"),
        ({"baseurl": "https://d1.cloudfront.example/?a=b"}, "baseurl"),
        ({"baseurl": {}}, "baseurl"),
        ({"privatekey": None}, "privatekey"),
        ({"privatekey": "/nothing/here.pem"}, "privatekey"),
        ({"privatekey": "/"}, "privatekey"),
        ({"keypairid": None}, "keypairid"),
        ({"keypairid": "a b"}, "keypairid"),
        ({"keypairid": "a&b=c"}, "keypairid"),
        ({"duration": "20"}, "duration"),
        ({"duration": "-1s"}, "duration"),
        ({"ipfilteredby": "awsregions"}, "ipfilteredby"),
        ({"ipfilteredby": ["aws"]}, "ipfilteredby"),
        ({"ipfilteredby": "awsregion"}, "awsregion"),
        ({"ipfilteredby": "awsregion", "awsregion": " , "}, "awsregion"),
        ({"ipfilteredby": "awsregion", "awsregion": ["us-east-1"]}, "awsregion"),
        ({"updatefrequency": "0s"}, "updatefrequency"),
        ({"updatefrequency": "daily"}, "updatefrequency"),
        ({"updatefrenquency": "daily"}, "updatefrenquency"),
        ({"iprangesurl": "file:///etc/passwd"}, "iprangesurl"),
        ({"iprangesurl": "ranges.json"}, "iprangesurl"),
    ],
)
def test_bad_options_are_refused_by_name(
    options: dict[str, Any], s3: StorageDriver, changed: Mapping[str, Any], option: str
) -> None:
    with pytest.raises(ParameterError, match=f"cloudfront: invalid parameter: {option}: "):
        middleware.create("cloudfront", s3, {**options, **changed})
