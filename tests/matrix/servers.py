"""The servers of the tests: their versions, and what they ignore or get wrong."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

from tests.servers import azurite, fake_gcs, keystone
from tests.servers.base import program

__all__ = ["SERVERS", "Server", "version_of"]


@dataclass(frozen=True)
class Server:
    """A server as the page shows it.

    Attributes
    ----------
    title : str
        Its name, the same for fixtures that are one program.
    protocol : str
        What the tests speak with it.
    checks : str
        What it checks of who asks.
    ignored : tuple of (str, str)
        What it does not check, so that a pass on it proves nothing there; and
        what proves it instead.
    wrong : tuple of str
        What else it does otherwise than the store it stands for.
    """

    title: str
    protocol: str
    checks: str
    ignored: tuple[tuple[str, str], ...] = ()
    wrong: tuple[str, ...] = ()


_RESOLUTION = "Times have a resolution of one second, so a put in the same second as an upload looks like it."
_HEAD = "HEAD of a missing bucket is a bare 404 as that of a missing key (as on Amazon)."

_AZURITE = Server(
    "Azurite",
    "Azure Blob Storage",
    "The account's key and signed URLs.",
    (
        (
            (
                "It keeps uncommitted blocks after a put and a copy, where Azure drops them. That a put ends the "
                "uploads of its path passes because of the ETag's hash in the blocks' names, not because they are gone."
            ),
            "Nothing here; on Azure the blocks are gone as well, which is the easier case.",
        ),
        (
            "It takes an empty block and deletes a blob that has uncommitted blocks only; Azure refuses both.",
            "The driver does neither: its marker has one byte, and a cancel commits before it deletes.",
        ),
    ),
    (
        "No Put Block From URL, no user delegation key; a batch of deletions sometimes answers 400.",
        "A copy of a missing blob is 404 CannotVerifyCopySource.",
        "A put replaces a blob of another type; Azure answers 409.",
        "Copies are done at once: that a pending one is waited for is tested with changed answers.",
    ),
)

_SWIFT_IGNORED = (
    (
        "There is one replica, and no listing is ever late: what is done about late ones is never needed here.",
        "Nothing here.",
    ),
)
_SWIFT = ("Times have a resolution of one second.",)

_OSS_IGNORED = (
    (
        "It knows of OSS what its authors have read in Alibaba's documents: what is misread there is misread twice.",
        "Alibaba's SDK oss2 and the registry's own Go driver run against the same server.",
    ),
)

#: By fixture. The order is that of the page.
SERVERS: dict[str, Server] = {
    "seaweedfs": Server(
        "SeaweedFS",
        "S3",
        "Signatures of requests and URLs, and the rights of users.",
        (
            (
                "Completing an upload twice is 200: that a repeated complete is no failure passes by itself.",
                "Swift and moto know the upload no longer.",
            ),
            (
                "Completing with the ETag of a part that was sent again later succeeds.",
                "Nothing here; the driver does not rely on it.",
            ),
        ),
        (
            (
                "A flat listing comes in the order of a tree, and StartAfter is right in that order only; after a name "
                "that is both file and directory it skips the directory. `driver.walk_order` says `tree`, and the "
                "cases of the walk hold it to that."
            ),
            "An emptied directory shows in listings with a delimiter for up to two minutes: the driver looks into it.",
            "`a//b` becomes `a/b`.",
            (
                "It completes no upload at a path that other files lie below: the histories run with either a file or "
                "a directory at a name."
            ),
            (
                "ListMultipartUploads has no NextKeyMarker and no order; a part that was sent twice is listed twice; "
                "completing without parts is 404."
            ),
            _RESOLUTION,
            _HEAD,
        ),
    ),
    "swift_s3": Server(
        "OpenStack Swift",
        "S3, by its s3api",
        "Signatures of requests and URLs.",
        (),
        (
            "No encryption, and no storage class but STANDARD: what is sent of these is looked at on the wire.",
            "Empty markers where ListMultipartUploads is truncated.",
            "It deletes the objects of a batch one after the other.",
            _RESOLUTION,
            _HEAD,
        ),
    ),
    "moto_s3": Server(
        "moto",
        "S3",
        "Nothing.",
        (
            (
                (
                    "No authentication at all: a request or a URL with any signature, or none, is served. All areas "
                    "pass whatever the driver signs, and the area `refused` cannot be run."
                ),
                "The same cases on SeaweedFS and Swift, which check every signature.",
            ),
        ),
        (
            "An upload's `Initiated` is always 2010-11-10, so the age of an upload is that of its newest part.",
            "A part for an upload that is gone is answered 500.",
            _HEAD,
        ),
    ),
    "azurite": _AZURITE,
    "azurite_tls": Server(
        "Azurite",
        "Azure Blob Storage over TLS, with tokens",
        "The account's key; of a token its times, issuer and audience.",
        (
            (
                "It does not look at the signature of a token: any token of the right form is served.",
                "Nothing here. The tokens come from a service of the tests, which checks the client's secret.",
            ),
        ),
        ("The same as over HTTP.",),
    ),
    "fake_gcs": Server(
        "fake-gcs-server",
        "Google's JSON API",
        "Nothing.",
        (
            (
                "No authentication: any token, or none. The area `refused` is about the token service alone.",
                "Requests are looked at on the wire: which token they carry, and that it is renewed once.",
            ),
            (
                "Signed URLs are served whatever their signature: the area `urls` proves the address alone.",
                "tests/gcs/test_signing.py compares the URLs with those that Google's own library signs.",
            ),
            (
                "`ifGenerationMatch` is ignored: `concurrency` passes because the driver looks at the key first.",
                "That the precondition is sent is looked at on the wire (tests/gcs/test_sessions.py).",
            ),
            (
                "Any offset and any size of a chunk is taken, and data after the session was deleted.",
                "gcp-storage-emulator answers 400 to a wrong offset; sizes and offsets are looked at on the wire.",
            ),
        ),
        (
            "Asking a session for its status (`bytes */*`) publishes it.",
            "A chunk that is sent again at its offset is appended twice.",
            "An old session overwrites a newer object.",
        ),
    ),
    "gcp_emulator": Server(
        "gcp-storage-emulator",
        "Google's JSON API",
        "Nothing.",
        (
            (
                "No authentication, and no signatures of URLs.",
                "As for fake-gcs-server.",
            ),
            (
                "`ifGenerationMatch` is ignored.",
                "As for fake-gcs-server.",
            ),
            (
                "All of a listing comes on one page, so that no listing goes on.",
                "fake-gcs-server has pages.",
            ),
            (
                "The deletion of a session is answered 501, which counts as done: a cancel passes without one.",
                "fake-gcs-server deletes sessions; the request is looked at on the wire.",
            ),
        ),
        (
            "No HEAD (501), no moveTo (501), no 416; an empty upload of media breaks the connection.",
            "It does not say which generation it sends: the driver asks for a piece at a time, and compares.",
            "An old session overwrites a newer object.",
            "It answers one request at a time.",
        ),
    ),
    "oss": Server(
        "OSS server of the tests", "OSS", "Signatures of versions 1 and 4, of requests and URLs; rights.", _OSS_IGNORED
    ),
    "own_oss": Server(
        "OSS server of the tests",
        "OSS, one of a worker's own",
        "Signatures of versions 1 and 4, of requests and URLs; rights.",
        _OSS_IGNORED,
    ),
    "swift": Server("OpenStack Swift", "Swift, with tempauth", "Tokens, and temporary URLs.", _SWIFT_IGNORED, _SWIFT),
    "keystone": Server(
        "OpenStack Keystone and Swift",
        "Keystone v3, and Swift with its tokens",
        "Passwords, application credentials, trusts and tokens.",
        (
            (
                "Swift remembers for five seconds that a token is good: a revoked one is served that long.",
                "The tests of revoked tokens wait for it.",
            ),
            *_SWIFT_IGNORED,
        ),
        _SWIFT,
    ),
    "sftp": Server(
        "OpenSSH",
        "SFTP",
        "Keys; rights are those of the system's user.",
        (
            (
                "The tests take any key of the host: who the server is, is paramiko's and its options' business.",
                "Nothing here.",
            ),
        ),
    ),
    "ftp": Server(
        "pyftpdlib",
        "FTP",
        "A name and a password.",
    ),
    "registry": Server(
        "docker-registry",
        "the registry's HTTP API",
        "The state of an upload (an HMAC).",
        (
            (
                (
                    "It has the drivers filesystem, inmemory, s3 and swift, and not azure, gcs and oss: that "
                    "a registry shares a store is not tested for azure and gcs."
                ),
                "For oss the registry's own Go driver is built from its sources.",
            ),
        ),
    ),
}


def version_of(fixture: str, server: Any) -> str:
    """The exact version of the server behind a fixture, ``"unknown"`` where it does not tell."""
    if fixture in ("azurite", "azurite_tls"):
        return azurite.VERSION
    if fixture in ("oss", "own_oss"):
        return f"of this revision; oss2 {version('oss2')} beside it"
    try:
        if fixture == "keystone":
            return _keystone()
        if fixture == "registry":
            return _output(program("docker-registry", ""), "--version").split()[-1]
        if fixture == "fake_gcs":
            return f"{_fake_gcs()} (in its Python package {server.version})"
    except (OSError, LookupError, subprocess.SubprocessError):
        return "unknown"
    return str(server.version)


def _output(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    return done.stdout.strip()


def _keystone() -> str:
    program = "from importlib.metadata import version as of; print('Keystone', of('keystone') + ', Swift', of('swift'))"
    return _output(keystone._python(), "-c", program)


def _fake_gcs() -> str:
    """What the Go compiler has left of the version in the binary."""
    with open(fake_gcs._binary(), "rb") as binary:  # noqa: PTH123 - a name is what there is
        found = re.search(rb"mod\tgithub\.com/fsouza/fake-gcs-server\t(v[0-9.]+)", binary.read())
    if found is None:
        raise LookupError("the binary has no version")
    return found[1].decode()
