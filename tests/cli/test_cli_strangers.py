"""What ``check`` says where something else than a store answers, or the way to the store is wrong: one advice each."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.cli.invoking import Invoke, Shown
from tests.servers.azurite import KEY

HOST = "127.0.0.1"
NO_STORE = "a console, a sign-in page or a proxy answers in place of the store: give the address of the store's API"
PAGE = b"<!DOCTYPE html><html><head><title>MinIO Console</title></head><body></body></html>"
DENIED = b"<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>"


@dataclass
class Stranger:
    """A server that gives one answer to every request."""

    port: int
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    content: bytes = b""
    raw: bytes = b""
    date: datetime | None = None

    @property
    def place(self) -> str:
        return f"{HOST}:{self.port}"


@contextmanager
def serving(context: ssl.SSLContext | None = None) -> Iterator[Stranger]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            if made.raw:
                self.wfile.write(made.raw)
                self.close_connection = True
                return
            self.send_response_only(made.status)
            self.send_header("Date", format_datetime(made.date or datetime.now(timezone.utc)))
            for name, value in made.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(made.content)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(made.content)

        def __getattr__(self, name: str) -> Any:
            if name.startswith("do_"):
                return self.answer
            raise AttributeError(name)

        def log_message(self, *_: Any) -> None:
            pass

    class Quiet(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: Any) -> None:
            pass

    server = Quiet((HOST, 0), Handler)
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    made = Stranger(server.server_port)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield made
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def stranger() -> Iterator[Stranger]:
    with serving() as made:
        yield made


def parameters(driver: str, url: str) -> dict[str, str]:
    """The parameters of a driver whose store is to be at a URL."""
    found = {
        "s3": {"bucket": "bucket", "regionendpoint": url, "accesskey": "key", "secretkey": "of-a-test"},
        "azure": {"container": "bucket", "accountname": "acct", "accountkey": KEY, "serviceurl": url},
        "gcs": {"bucket": "bucket", "endpoint": url},
        "oss": {
            "bucket": "bucket",
            "endpoint": url,
            "region": "oss-cn-hangzhou",
            "accesskeyid": "key",
            "accesskeysecret": "of-a-test",
        },
    }
    return {**found[driver], "timeout": "3"}


def check(driver: str, url: str, code: int, **more: str) -> tuple[str, str, str]:
    """The first step of ``check`` that fails, its detail and its advice."""
    given = {**parameters(driver, url), **more}
    options = [option for name, value in given.items() for option in ("--param", f"{name}={value}")]
    shown: Shown = Invoke(("--driver", driver, *options))("check", "--json", code=code)
    (record,) = shown.records
    failed = [step for step in record["steps"] if step["status"] == "failed"]
    assert "of-a-test" not in shown.text
    assert failed[0]["advice"] not in failed[0]["detail"]
    return failed[0]["name"], failed[0]["detail"], failed[0]["advice"]


DRIVERS = pytest.mark.parametrize("driver", ["s3", "azure", "gcs", "oss"])


@DRIVERS
def test_a_web_page_with_status_200(stranger: Stranger, driver: str) -> None:
    stranger.headers, stranger.content = {"Content-Type": "text/html"}, PAGE
    step, _, advice = check(driver, f"http://{stranger.place}", 1)
    assert (step, advice) == ("reach", NO_STORE)


@DRIVERS
@pytest.mark.parametrize(("status", "code"), [(401, 4), (403, 4), (404, 1), (405, 1)])
def test_a_web_page_with_a_failure(stranger: Stranger, driver: str, status: int, code: int) -> None:
    stranger.status, stranger.content = status, PAGE
    _, detail, advice = check(driver, f"http://{stranger.place}", code)
    assert "web page 'MinIO Console'" in detail
    assert advice == NO_STORE


@DRIVERS
def test_a_proxy_without_its_store(stranger: Stranger, driver: str) -> None:
    stranger.status, stranger.content = 502, b"<html><head><title>502 Bad Gateway</title></head></html>"
    step, detail, advice = check(driver, f"http://{stranger.place}", 6, timeout="1")
    assert step == "reach"
    assert "502 Bad Gateway" in detail
    assert advice == "a proxy answers, which cannot reach the store: see whether the store runs"


@DRIVERS
@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_to_https(stranger: Stranger, driver: str, status: int) -> None:
    stranger.status = status
    path = {"s3": "/bucket/", "azure": "/bucket", "gcs": "/storage/v1/b/bucket/o", "oss": "/bucket/"}[driver]
    stranger.headers = {"Location": f"https://{HOST}:8443{path}?X-Amz-Signature=of-a-test"}
    step, detail, advice = check(driver, f"http://{stranger.place}", 2)
    assert step == "reach"
    assert f"the server redirects to https://{HOST}:8443{path}" in detail
    assert advice == f"set the endpoint to https://{HOST}:8443"


@DRIVERS
@pytest.mark.parametrize(
    "location",
    [
        "/login?next=of-a-test",
        "https://sso.example.com/auth?state=of-a-test",
        "https://key:of-a-test@sso.example.com/x",
    ],
)
def test_a_redirect_to_a_sign_in_page(stranger: Stranger, driver: str, location: str) -> None:
    stranger.status, stranger.headers = 302, {"Location": location}
    step, detail, advice = check(driver, f"http://{stranger.place}", 1)
    assert step == "reach"
    assert location.partition("?")[0].replace("key:of-a-test@", "") in detail
    assert advice == NO_STORE


def test_a_redirect_to_what_is_no_url(stranger: Stranger) -> None:
    stranger.status, stranger.headers = 302, {"Location": "http://[::of-a-test"}
    assert check("s3", f"http://{stranger.place}", 1)[2] == NO_STORE


def test_a_redirect_to_the_host_of_the_bucket(stranger: Stranger) -> None:
    stranger.status, stranger.headers = 307, {"Location": "http://bucket.s3.eu-west-1.example.com/?list-type=2"}
    _, detail, advice = check("s3", f"http://{stranger.place}", 2)
    assert "redirects to http://bucket.s3.eu-west-1.example.com/" in detail
    assert advice == "set the endpoint to http://s3.eu-west-1.example.com, or the region to that of the bucket"


@pytest.mark.parametrize("status", [301, 400])
def test_another_region(stranger: Stranger, status: int) -> None:
    code = "PermanentRedirect" if status == 301 else "AuthorizationHeaderMalformed"
    stranger.status, stranger.headers = status, {"x-amz-bucket-region": "eu-west-1"}
    stranger.content = f"<Error><Code>{code}</Code><Message>m</Message></Error>".encode()
    _, detail, advice = check("s3", f"http://{stranger.place}", 2)
    assert "the bucket is in the region 'eu-west-1'" in detail
    assert advice == "set region to 'eu-west-1'"


@DRIVERS
@pytest.mark.parametrize(
    "content",
    [
        b"Client sent an HTTP request to an HTTPS server.\n",
        b"<html><head><title>400 The plain HTTP request was sent to HTTPS port</title></head></html>",
        b"<html><head><title>400</title></head><body>speaking plain HTTP to an SSL-enabled server port.</body></html>",
    ],
)
def test_http_to_a_server_of_https(stranger: Stranger, driver: str, content: bytes) -> None:
    stranger.status, stranger.content = 400, content
    step, _, advice = check(driver, f"http://{stranger.place}", 2)
    assert (step, advice) == ("reach", "the server speaks TLS there: begin the endpoint with https://")


@DRIVERS
def test_http_to_a_server_that_answers_with_an_alert_of_tls(stranger: Stranger, driver: str) -> None:
    stranger.raw = b"\x15\x03\x01\x00\x02\x02\x46"
    step, _, advice = check(driver, f"http://{stranger.place}", 2)
    assert (step, advice) == ("reach", "the server speaks TLS there: begin the endpoint with https://")


@pytest.mark.parametrize("driver", ["s3", "azure", "oss"])
def test_https_to_a_server_of_http(stranger: Stranger, driver: str) -> None:
    step, detail, advice = check(driver, f"https://{stranger.place}", 1)
    assert step == "reach"
    assert "skipverify" not in detail + advice
    assert advice == "the server speaks no TLS there: begin the endpoint with http://, or name its TLS port"


@DRIVERS
def test_a_port_where_nothing_listens(driver: str, refused_endpoint: str) -> None:
    step, _, advice = check(driver, refused_endpoint, 6, timeout="1")
    assert (step, advice) == (
        "reach",
        "nothing listens there: start the store, or mend host and port of the endpoint",
    )


@DRIVERS
def test_a_host_without_an_address(driver: str) -> None:
    step, _, advice = check(driver, "http://store.invalid", 6, timeout="1")
    assert (step, advice) == (
        "reach",
        "the host has no address: mend its name in the endpoint, or the region, or see to DNS",
    )


@DRIVERS
@pytest.mark.parametrize(("hours", "expected"), [(-2, "ahead of"), (2, "behind")])
def test_a_wrong_clock(stranger: Stranger, driver: str, hours: int, expected: str) -> None:
    stranger.status, stranger.content = 403, b"" if driver == "gcs" else DENIED
    stranger.date = datetime.now(timezone.utc) + timedelta(hours=hours)
    _, _, advice = check(driver, f"http://{stranger.place}", 4)
    assert advice.startswith("set the clock of this machine: it is ")
    assert expected in advice


def test_a_clock_that_is_right_is_not_blamed(stranger: Stranger) -> None:
    stranger.status, stranger.content = 403, DENIED
    stranger.date = datetime.now(timezone.utc) + timedelta(minutes=10)
    assert "clock of this machine" not in check("s3", f"http://{stranger.place}", 4)[2]


# --- certificates

Certify = Callable[..., ssl.SSLContext]


@pytest.fixture
def certified(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Stranger]]:
    """``certified(name, days=...)`` gives a server with a certificate for a name, which is trusted by its issuer."""
    with ExitStack() as stack:

        def make(name: str, days: tuple[int, int] = (-1, 1), *, trusted: bool = True) -> Stranger:
            key = ec.generate_private_key(ec.SECP256R1())
            subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
            now = datetime.now(timezone.utc)
            builder = x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(key.public_key())
            builder = builder.serial_number(x509.random_serial_number())
            builder = builder.not_valid_before(now + timedelta(days=days[0]))
            builder = builder.not_valid_after(now + timedelta(days=days[1]))
            builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
            certificate = builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
            private = key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
            (tmp_path / "both.pem").write_bytes(private + certificate)
            (tmp_path / "certificate.pem").write_bytes(certificate)
            monkeypatch.delenv("AWS_CA_BUNDLE", raising=False)
            monkeypatch.delenv("REQUESTS_CA_BUNDLE", raising=False)
            monkeypatch.delenv("CURL_CA_BUNDLE", raising=False)
            if trusted:
                monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "certificate.pem"))
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(tmp_path / "both.pem")
            return stack.enter_context(serving(context))

        yield make


def test_a_certificate_for_another_name(certified: Callable[..., Stranger]) -> None:
    stranger = certified("store.example.com")
    _, detail, advice = check("s3", f"https://localhost:{stranger.port}", 1)
    assert "ostname mismatch" in detail
    assert advice == "the certificate is for another name: give that one in the endpoint"


@pytest.mark.parametrize("days", [(-2, -1), (1, 2)])
def test_a_certificate_that_is_out_of_date(certified: Callable[..., Stranger], days: tuple[int, int]) -> None:
    stranger = certified("localhost", days)
    _, _, advice = check("s3", f"https://localhost:{stranger.port}", 1)
    assert advice == "the certificate is out of date: renew it, or set the clock of this machine"


def test_a_certificate_that_is_not_trusted(certified: Callable[..., Stranger]) -> None:
    stranger = certified("localhost", trusted=False)
    _, _, advice = check("s3", f"https://localhost:{stranger.port}", 1)
    assert advice == "name the certificates to trust in REQUESTS_CA_BUNDLE, or set skipverify"


def test_the_certificates_that_a_variable_of_the_sdk_names_go_first(
    certified: Callable[..., Stranger], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stranger = certified("localhost")
    other = tmp_path / "other.pem"
    other.write_bytes((tmp_path / "certificate.pem").read_bytes())
    certified("localhost")
    monkeypatch.setenv("AWS_CA_BUNDLE", str(tmp_path / "certificate.pem"))
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(other))
    _, _, advice = check("s3", f"https://localhost:{stranger.port}", 1)
    assert advice == "name the certificates to trust in AWS_CA_BUNDLE, or set skipverify"


def test_that_advice_is_right(certified: Callable[..., Stranger]) -> None:
    stranger = certified("localhost")
    stranger.status, stranger.content = 403, DENIED
    assert "the clock" in check("s3", f"https://localhost:{stranger.port}", 4)[2]
    stranger = certified("localhost", trusted=False)
    stranger.status, stranger.content = 403, DENIED
    assert "the clock" in check("s3", f"https://localhost:{stranger.port}", 4, skipverify="true")[2]
