"""Debian's docker-registry, each with a storage of the test's choice."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.servers.base import HOST, Server, free_ports, program
from tests.servers.run import Run


@dataclass(frozen=True)
class Registry:
    """A running registry.

    Attributes
    ----------
    address : str
        ``host:port``, as image references begin.
    endpoint : str
        The same as a URL.
    secret : str
        Its ``http.secret``, which the state of an upload is signed with.
    """

    address: str
    endpoint: str
    secret: str


class DockerRegistry(Server[Registry]):
    """A registry with the given ``storage`` section; `others` are further sections of its file."""

    name = "docker-registry"
    details = Registry
    grace = 1.0
    patience = 30.0
    secret = "of-the-tests"

    def __init__(
        self, run: Run, name: str, storage: Mapping[str, Any], others: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(run, name)
        self.storage = storage
        self.others = others or {}

    def prepare(self) -> list[str]:
        registry = program("docker-registry", "apt install docker-registry")
        (self.port,) = free_ports(1)
        sections = {
            "version": 0.1,
            "log": {"level": "info", "accesslog": {"disabled": True}},
            "storage": {"delete": {"enabled": True}, **self.storage},
            "http": {"addr": f"{HOST}:{self.port}", "secret": self.secret},
            **self.others,
        }
        config = self.directory / "config.yml"
        # JSON is YAML.
        config.write_text(json.dumps(sections))
        return [registry, "serve", str(config)]

    def environment(self) -> dict[str, str]:
        # REGISTRY_* would override the file.
        return {name: value for name, value in super().environment().items() if not name.startswith("REGISTRY_")}

    def probe(self) -> Registry:
        address = f"{HOST}:{self.port}"
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(f"http://{address}/v2/", timeout=5) as response:
            response.read()
        return Registry(address=address, endpoint=f"http://{address}", secret=self.secret)
