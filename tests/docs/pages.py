"""The pages of the docs, and what their code is run with."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from storagedriver import StorageDriver, factory
from tests.gcs.tokens import key_info
from tests.registry.generated import Writer, random_registry

ROOT = Path(__file__).resolve().parents[2]
_FENCE = re.compile(r"^```(\w+)(?: (\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_CONFIG = "/etc/docker/registry/config.yml"


@dataclass(frozen=True)
class Block:
    """A block of code of a page: its language, the file that it is from or ``fragment``, and its text."""

    language: str
    about: str
    text: str


def text_of(page: str) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


def blocks_of(page: str) -> list[Block]:
    return [Block(*found) for found in _FENCE.findall(text_of(page))]


@dataclass(frozen=True)
class Setting:
    """What the code of a page finds when it is run.

    Attributes
    ----------
    replaced : mapping
        Texts of the page, and what stands in their place.
    names : mapping
        Names that the code uses and does not make.
    modules : mapping
        Modules that it imports.
    """

    replaced: Mapping[str, str] = field(default_factory=dict)
    names: Mapping[str, Any] = field(default_factory=dict)
    modules: Mapping[str, ModuleType] = field(default_factory=dict)


def _nothing(_: Path) -> Setting:
    return Setting()


def _disk(place: Path) -> Setting:
    return Setting({"/srv/blobs": str(place)})


def _registry(place: Path) -> Setting:
    """A registry with something in it, and its configuration."""
    root = place / "registry"
    with factory.create("filesystem", {"rootdirectory": str(root)}) as driver:
        writer = Writer(driver)
        random_registry(writer, 1)
        digest = writer.layer("library/broken", b"content")
        driver.put_content(f"/docker/registry/v2/blobs/sha256/{digest[7:9]}/{digest[7:]}/data", b"")
    config = place / "config.yml"
    config.write_text(json.dumps({"version": 0.1, "storage": {"filesystem": {"rootdirectory": str(root)}}}))
    return Setting({_CONFIG: str(config)})


def _storage(place: Path) -> Setting:
    return Setting({"/var/lib/registry": str(place / "registry")} if _registry(place) else {})


def _configuration(place: Path) -> Setting:
    """The configuration that the page shows."""
    config = place / "config.yml"
    [shown] = [block.text for block in blocks_of("docs/configuration.md") if block.language == "yaml"]
    config.write_text(shown.replace("secretkey: 0123", "secretkey: 0123\n    accesskey: key"))
    return Setting({_CONFIG: str(config)})


def _key(place: Path) -> Setting:
    file = place / "key.json"
    file.write_text(json.dumps(key_info()))
    return Setting({"/etc/registry/key.json": str(file)})


def _account(_: Path) -> Setting:
    return Setting({'"..."': '"c2VjcmV0"'})


def _tables(place: Path) -> Setting:
    """Files that are read on the page of all tools, on the disk in place of the bucket."""
    root = place / "data"
    config = place / "config.yml"
    config.write_text(json.dumps({"version": 0.1, "storage": {"filesystem": {"rootdirectory": str(root)}}}))
    options = {"driver": "filesystem", "parameters": {"rootdirectory": str(root)}}
    import pandas as pd  # noqa: PLC0415 - slow to load

    frame = pd.DataFrame({"year": [2023, 2024], "sold": [1, 2]})
    frame.to_parquet("storagedriver://sales/2024.parquet", storage_options=options)
    frame.to_csv("storagedriver://x.csv", storage_options=options)
    shown = '{"driver": "s3", "parameters": {"bucket": "data", "region": "eu-west-1"}}'
    # Partitions go where no other file is.
    replaced = {shown: repr(options), _CONFIG: str(config), '"storagedriver://sales"': '"storagedriver://by-year"'}
    return Setting(replaced, {"rows": ["a,b\n"]})


def _mine(_: Path) -> Setting:
    """A driver of another package, by the names that the pages use."""
    from storagedriver.testsuites import faults  # noqa: PLC0415 - pytest and hypothesis
    from storagedriver.testsuites.faults import actions  # noqa: PLC0415 - the same

    mine = ModuleType("mine")
    vars(mine).update(
        MyDriver=lambda parameters: factory.create("inmemory", dict.fromkeys(parameters, "")),
        make_driver=lambda: factory.create("inmemory"),
        CAPABILITIES=factory.create("inmemory").capabilities,
    )
    names = {name: getattr(faults, name) for name in faults.__all__}
    names.update(Answer=actions.Answer, Iterator=Iterator, StorageDriver=StorageDriver, pytest=pytest, uuid=uuid)
    return Setting(names={**names, **vars(mine), "server": "http://127.0.0.1:1"}, modules={"mine": mine})


def _front(place: Path) -> Setting:
    import dask.dataframe as dd  # noqa: PLC0415 - slow to load
    import pandas as pd  # noqa: PLC0415 - the same

    root = place / "data"
    config = place / "config.yml"
    config.write_text(json.dumps({"version": 0.1, "storage": {"filesystem": {"rootdirectory": str(root)}}}))
    options = {"driver": "filesystem", "parameters": {"rootdirectory": str(root)}}
    frame = pd.DataFrame({"year": [2023, 2024]})
    frame.to_parquet("storagedriver://data/x.parquet", storage_options=options)
    frame.to_csv("storagedriver://data/x.csv", storage_options=options)
    replaced = {
        'factory.create("s3", {"bucket": "registry", "region": "eu-west-1", "rootdirectory": "prod"})': (
            'factory.create("inmemory")'
        ),
        '{"driver": "s3", "parameters": {"bucket": "registry", "region": "eu-west-1"}}': repr(options),
        _CONFIG: str(config),
    }
    inmemory = factory.create("inmemory")
    names = {
        "pd": pd,
        "dd": dd,
        "first_half": bytes(1 << 20),
        "second_half": bytes(1 << 20),
        "make_driver": lambda: inmemory,
        "capabilities": inmemory.capabilities,
    }
    return Setting(replaced, names)


def _two(_: Path) -> Setting:
    """Two storages, one of them with a registry."""
    source, dest = factory.create("inmemory"), factory.create("inmemory")
    writer = Writer(source)
    writer.image("library/app", "latest", layers=(b"content",))
    return Setting(names={"source": source, "dest": dest})


#: The pages whose code is run by this folder's tests.
RUN: Mapping[str, Callable[[Path], Setting]] = {
    "README.md": _front,
    "docs/index.md": _disk,
    "docs/configuration.md": _configuration,
    "docs/middleware.md": _nothing,
    "docs/pandas-and-dask.md": _tables,
    "docs/registry.md": _storage,
    "docs/testing-a-driver.md": _mine,
    "docs/fault-matrix.md": _mine,
    "docs/transfer.md": _two,
    "docs/drivers/azure.md": _account,
    "docs/drivers/filesystem.md": _disk,
    "docs/drivers/fsspec.md": _nothing,
    "docs/drivers/gcs.md": _key,
    "docs/drivers/inmemory.md": _nothing,
    "docs/drivers/oss.md": _nothing,
    "docs/drivers/s3.md": _nothing,
    "docs/drivers/swift.md": _nothing,
    "docs/recipes/errors-to-http.md": _nothing,
    "docs/recipes/find-what-is-broken.md": _registry,
    "docs/recipes/pandas-on-a-registry.md": _registry,
}
#: The pages whose code other tests run, and those tests.
RUN_ELSEWHERE = {
    "docs/asyncio.md": "tests/aio/test_page.py",
    "docs/tools/": "tests/tools/test_pages.py",
    "docs/telemetry.md": "tests/telemetry/test_page.py",
}
#: The languages of what is no program: output, configuration, commands.
OTHER = {"console", "json", "promql", "sh", "text", "toml", "yaml"}
