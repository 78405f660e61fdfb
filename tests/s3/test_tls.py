"""Over TLS, with a certificate that nobody has signed."""

from __future__ import annotations

import datetime as dt
import ipaddress
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from storagedriver.errors import StorageDriverError, UnavailableError
from storagedriver.testsuites.faults.proxy import FaultProxy
from tests.s3.conftest import MakeS3
from tests.servers.base import HOST
from tests.servers.plugin import StartProxy
from tests.servers.s3 import S3Server


def certificate(directory: Path) -> Path:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, HOST)])
    now = dt.datetime.now(dt.timezone.utc)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(HOST))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path = directory / "server.pem"
    path.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return path


def forward(source: socket.socket, dest: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(1 << 16):
            dest.sendall(data)
    for each in (source, dest):
        with suppress(OSError):
            each.shutdown(socket.SHUT_RDWR)


def serve(client: socket.socket, context: ssl.SSLContext, backend: tuple[str, int]) -> None:
    with (
        suppress(OSError),
        context.wrap_socket(client, server_side=True) as tls,
        socket.create_connection(backend) as server,
    ):
        back = threading.Thread(target=forward, args=(server, tls))
        back.start()
        forward(tls, server)
        back.join()


def accept(listener: socket.socket, context: ssl.SSLContext, backend: tuple[str, int]) -> None:
    with suppress(OSError):
        while True:
            client, _ = listener.accept()
            threading.Thread(target=serve, args=(client, context, backend), daemon=True).start()


@pytest.fixture
def behind_tls(moto_s3: S3Server, fault_proxy: StartProxy, tmp_path: Path) -> Iterator[tuple[str, FaultProxy]]:
    """An https endpoint, and the proxy behind it that sees its requests."""
    proxy = fault_proxy(moto_s3.endpoint)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate(tmp_path))
    backend = (HOST, urlsplit(proxy.endpoint).port or 0)
    with socket.create_server((HOST, 0)) as listener:
        threading.Thread(target=accept, args=(listener, context, backend), daemon=True).start()
        yield f"https://{HOST}:{listener.getsockname()[1]}", proxy
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)


def test_unknown_certificate_is_refused_and_says_how_to_trust_it(
    make_s3: MakeS3, moto_s3: S3Server, root: str, behind_tls: tuple[str, FaultProxy]
) -> None:
    endpoint, proxy = behind_tls
    driver = make_s3(moto_s3, root, regionendpoint=endpoint)
    with pytest.raises(StorageDriverError, match="skipverify") as caught:
        driver.put_content("/a", b"content")
    assert not isinstance(caught.value, UnavailableError)
    assert proxy.requests == []


@pytest.mark.parametrize(("payloadsigning", "signed"), [("auto", False), ("always", True), ("never", False)])
def test_skipverify_and_payloadsigning(
    make_s3: MakeS3,
    moto_s3: S3Server,
    root: str,
    behind_tls: tuple[str, FaultProxy],
    payloadsigning: str,
    signed: bool,
) -> None:
    endpoint, proxy = behind_tls
    driver = make_s3(moto_s3, root, regionendpoint=endpoint, skipverify="true", payloadsigning=payloadsigning)
    driver.put_content("/a", b"content")
    with driver.writer("/b") as writer:
        writer.write(b"content")
        writer.commit()
    assert driver.get_content("/a") == driver.get_content("/b") == b"content"
    for request in proxy.matching("PUT"):
        assert (request.headers["x-amz-content-sha256"] != "UNSIGNED-PAYLOAD") == signed
