"""Drivers that are made offline, and a key."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from storagedriver import StorageDriver, factory

S3 = {
    "bucket": "registry",
    "region": "us-east-1",
    "regionendpoint": "http://s3.example:9000",
    "accesskey": "AKIDEXAMPLE",
    "secretkey": "of-the-store",
    "rootdirectory": "/some/root",
}
OSS = {
    "accesskeyid": "id",
    "accesskeysecret": "of-the-store",
    "region": "oss-cn-hangzhou",
    "bucket": "registry",
    "rootdirectory": "/some/root",
}


@pytest.fixture(scope="session")
def key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


@pytest.fixture(scope="session")
def key_file(key: rsa.RSAPrivateKey, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The key as the registry reads it."""
    file = tmp_path_factory.mktemp("key") / "pk.pem"
    file.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()))
    return file


@pytest.fixture
def s3() -> Iterator[StorageDriver]:
    with factory.create("s3", S3) as driver:
        yield driver


@pytest.fixture
def oss() -> Iterator[StorageDriver]:
    with factory.create("oss", OSS) as driver:
        yield driver
