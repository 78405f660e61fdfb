"""The registry's tree of files, read through a storage driver."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass

from storagedriver.driver import FileInfo, FileReader, StorageDriver

TOP = "/docker/registry/v2"
_PIECE = 1 << 20
_BLOB = re.compile(rf"{TOP}/blobs/sha256/(?P<two>[0-9a-f]{{2}})/(?P<hex>(?P=two)[0-9a-f]{{62}})/data")
_LINK = re.compile(rf"{TOP}/repositories/(?P<repository>.+?)/(?P<kind>_layers|_manifests)/(?P<rest>.+)/link")


@dataclass(frozen=True)
class Tree:
    """What a walk has found.

    Attributes
    ----------
    entries : mapping
        All that was visited, in that order.
    blobs : mapping
        The size of each blob by its digest.
    links : mapping
        The digest that each link file holds.
    others : tuple of str
        Files that are neither.
    """

    entries: Mapping[str, FileInfo]
    blobs: Mapping[str, int]
    links: Mapping[str, str]
    others: tuple[str, ...]


def read_tree(driver: StorageDriver) -> Tree:
    """Walk the whole tree. Every blob is read as a stream and must have the digest that its path names."""
    entries: dict[str, FileInfo] = {}

    def visit(info: FileInfo) -> None:
        assert info.path not in entries, f"{info.path} was visited twice"
        entries[info.path] = info

    driver.walk(TOP, visit)
    blobs: dict[str, int] = {}
    links: dict[str, str] = {}
    others = []
    for path, info in entries.items():
        if info.is_dir:
            continue
        if blob := _BLOB.fullmatch(path):
            hexadecimal, size = _hash(driver, path)
            assert hexadecimal == blob["hex"], f"{path} holds something else"
            assert size == info.size
            blobs[f"sha256:{hexadecimal}"] = size
        elif _LINK.fullmatch(path):
            links[path] = driver.get_content(path).decode()
        else:
            others.append(path)
    return Tree(entries, blobs, links, tuple(others))


def listed_tree(driver: StorageDriver, path: str = TOP) -> dict[str, FileInfo]:
    """The same by a list and a stat of each entry, as old registries walk."""
    found = {}
    for child in driver.list(path):
        info = found[child] = driver.stat(child)
        if info.is_dir:
            found |= listed_tree(driver, child)
    return found


def blob_path(digest: str) -> str:
    """Where the content of a blob lies."""
    algorithm, _, name = digest.partition(":")
    return f"{TOP}/blobs/{algorithm}/{name[:2]}/{name}/data"


def expected_links(repository: str, tag: str, manifest: str, blobs: Mapping[str, int]) -> dict[str, str]:
    """The link files that the push of one image leaves, with what they hold."""
    base = f"{TOP}/repositories/{repository}"
    manifests = f"{base}/_manifests"
    as_path = manifest.replace(":", "/")
    links = {f"{base}/_layers/{digest.replace(':', '/')}/link": digest for digest in blobs if digest != manifest}
    for place in (
        f"{manifests}/revisions/{as_path}",
        f"{manifests}/tags/{tag}/current",
        f"{manifests}/tags/{tag}/index/{as_path}",
    ):
        links[f"{place}/link"] = manifest
    return links


def carry(source: StorageDriver, dest: StorageDriver) -> None:
    """Copy all files from one driver to another, each from a reader into a writer."""

    def visit(info: FileInfo) -> None:
        if info.is_dir:
            return
        with source.reader(info.path) as reader, dest.writer(info.path) as writer:
            assert reader.size == info.size
            while piece := reader.read(_PIECE):
                writer.write(piece)
            assert writer.size == info.size
            writer.commit()

    source.walk(TOP, visit)


def _hash(driver: StorageDriver, path: str) -> tuple[str, int]:
    digest, size = hashlib.sha256(), 0
    reader: FileReader
    with driver.reader(path) as reader:
        while piece := reader.read(_PIECE):
            digest.update(piece)
            size += len(piece)
        assert size == reader.size
    return digest.hexdigest(), size
