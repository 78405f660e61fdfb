"""`SwiftFileSystem`: OpenStack Swift as an fsspec filesystem.

It needs nothing of the drivers::

    fsspec.open("swift://container/key", auth_url="https://auth.example/v3", user="me", key="secret", tenant="mine")
"""

from __future__ import annotations

import dataclasses
import errno
import secrets
import threading
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from fsspec.spec import AbstractFileSystem

from storagedriver.adapter.http.answer import AnswerError
from storagedriver.errors import BucketNotFoundError, ParameterError
from storagedriver.parameters import check_options
from storagedriver.swiftfs import owned
from storagedriver.swiftfs.auth import Account, Credentials
from storagedriver.swiftfs.client import Client
from storagedriver.swiftfs.container import LARGEST, Container, ObjectInfo
from storagedriver.swiftfs.deleting import delete
from storagedriver.swiftfs.errors import for_fsspec, status
from storagedriver.swiftfs.files import SwiftFile, TextFile
from storagedriver.swiftfs.listing import Listed, containers, heads, objects, sizes
from storagedriver.swiftfs.reading import Reader
from storagedriver.swiftfs.tempurl import TempUrls, TempUrlSettings

__all__ = ["SwiftFileSystem"]

_BLOCK = 20 << 20
_READ_AHEAD = 5 << 20
_CREATED = 201
_CREDENTIALS = {field.name for field in dataclasses.fields(Credentials)}
_OPTIONS = {*_CREDENTIALS, "block_size", "temp_url_key", "timeout", "verify"}


class SwiftFileSystem(AbstractFileSystem):  # type: ignore[misc]
    """Containers are the directories of the first level; below, directories are where names have a ``/``.

    Parameters
    ----------
    auth_url : str
        Where tokens are given: ``https://…/v3``, ``https://…/auth/v1.0``.
    user, key : str
        A user and the password.
    verify : bool or str
        Whether certificates are checked, or the file of certificates to trust.
    timeout : float
        Seconds within which a request is connected and answered.
    block_size : int, optional
        The bytes of a segment of a large object that is written. By default 20 MiB.
    temp_url_key : str
        The key for `sign`; without it one that the container or the account has.
    **options
        The other attributes of `storagedriver.swiftfs.auth.Credentials`
        (``tenant``, ``application_credential_id``, ``token``, …), and fsspec's
        own options for any filesystem. There is no cache of listings.

    Raises
    ------
    ParameterError
        If there is neither an `auth_url` nor a ``token`` with its ``storage_url``.
    TypeError
        For an option that is not known, with the nearest name that is.
    """

    protocol = "swift"
    root_marker = ""

    def __init__(
        self,
        auth_url: str = "",
        user: str = "",
        key: str = "",
        *,
        verify: bool | str = True,
        timeout: float = 15.0,
        block_size: int | None = None,
        temp_url_key: str = "",
        **options: Any,
    ) -> None:
        check_options(self.protocol, options, _OPTIONS)
        known = {name: options.pop(name) for name in _CREDENTIALS & set(options)}
        super().__init__(**options)
        self.blocksize = block_size or _BLOCK
        self._temp_urls = TempUrlSettings(key=temp_url_key)
        self._signers: dict[str, TempUrls] = {}
        self._lock = threading.Lock()
        credentials = Credentials(auth_url, user, key, **known)
        if not auth_url and not (credentials.token and credentials.storage_url):
            raise ParameterError("give auth_url, or else token and storage_url", driver_name=self.protocol)
        account = Account(credentials, timeout=timeout, verify=verify)
        self.client = Client(account, timeout=timeout, verify=verify)

    def __repr__(self) -> str:
        # Never the options: they hold secrets.
        return f"<{type(self).__name__} {self.client.account.credentials.auth_url}>"

    def container(self, name: str) -> Container:
        """A container of the account, whether it exists or not."""
        return Container(self.client, name)

    def ls(self, path: str, detail: bool = True, **_: Any) -> list[Any]:
        """The direct children; of a file, the file."""
        path = self._strip_protocol(path)
        with for_fsspec(path):
            if not path:
                entries = [self._of_container(line["name"]) for line in containers(self.client)]
            else:
                entries = self._children(path, detail=detail)
        if path and not entries:
            info = self.info(path)
            entries = [] if info["type"] == "directory" else [info]
        return entries if detail else sorted({entry["name"] for entry in entries})

    def info(self, path: str, **_: Any) -> dict[str, Any]:
        """What is at the path; of a name that is both file and directory, the file."""
        path = self._strip_protocol(path)
        if not path:
            return self._of_container("")
        name, key = self._split(path)
        container = self.container(name)
        with for_fsspec(path):
            if not key:
                container.check()
                return self._of_container(name)
            found = container.head(key)
            if found is not None and not found.content_type.startswith("application/directory"):
                return self._of_object(path, found)
            below = any(page for page in objects(container, f"{key}/", limit=1))
        if not below and found is None:
            raise FileNotFoundError(errno.ENOENT, "no such object or container", path)
        return {"name": path, "size": 0, "type": "directory"}

    def find(
        self, path: str, maxdepth: int | None = None, withdirs: bool = False, detail: bool = False, **options: Any
    ) -> Any:
        """All files below a path, by one flat listing."""
        path = self._strip_protocol(path)
        if maxdepth is not None or not path:
            return super().find(path, maxdepth=maxdepth, withdirs=withdirs, detail=detail, **options)
        name, key = self._split(path)
        container = self.container(name)
        found: dict[str, Any] = {}
        with for_fsspec(path):
            try:
                for page in objects(container, f"{key}/" if key else ""):
                    lines = sizes(container, page) if detail else ((line, line.size) for line in page)
                    for line, size in lines:
                        self._collect(found, path, self._entry(name, line, size), withdirs=withdirs)
                one = container.head(key) if key and not found else None
            except BucketNotFoundError:
                one = None
        if one is not None:
            found[path] = self._of_object(path, one)
        elif withdirs and found:
            found[path] = {"name": path, "size": 0, "type": "directory"}
        return dict(sorted(found.items())) if detail else sorted(found)

    def cat_file(self, path: str, start: int | None = None, end: int | None = None, **_: Any) -> bytes:
        """The content or a range of it; of a large object the segments are read, not the manifest."""
        path = self._strip_protocol(path)
        if (start or 0) < 0 or (end or 0) < 0:
            size = self.info(path)["size"]
            start = max(0, size + start) if start is not None and start < 0 else start
            end = max(0, size + end) if end is not None and end < 0 else end
        offset = start or 0
        name, key = self._split(path, file=True)
        reader = Reader(self.container(name))
        with for_fsspec(path):
            if not offset and end is None:
                return reader.get(key)
            return reader.read(key, offset, None if end is None else max(0, end - offset))

    def pipe_file(self, path: str, value: Any, mode: str = "overwrite", **_: Any) -> None:
        """Write a content, atomically."""
        path = self._strip_protocol(path)
        if len(value) > LARGEST:
            with self.open(path, "xb" if mode == "create" else "wb") as file:
                file.write(value)
            return
        name, key = self._split(path, file=True)
        container = self.container(name)
        with for_fsspec(path):
            if container.create(key, value, writer=secrets.token_hex(8) if mode == "create" else ""):
                return
            if mode == "create":
                raise FileExistsError(errno.EEXIST, "there is such an object", path)
            owned.replace(container, key, lambda: container.put(key, value))

    def cp_file(self, path1: str, path2: str, **_: Any) -> None:
        """Copy a file on the server. A directory needs no copy: it is in the names of what is below it."""
        path1, path2 = self._strip_protocol(path1), self._strip_protocol(path2)
        name, key = self._split(path1)
        with for_fsspec(path1):
            found = self.container(name).head(key, raw=True) if key else None
            if found is None:
                self.info(path1)
                return
            target, dest = self._split(path2, file=True)
            owned.copy(self.container(name), key, self.container(target), dest, found)

    def rm_file(self, path: str) -> None:
        """Delete a file."""
        path = self._strip_protocol(path)
        name, key = self._split(path, file=True)
        with for_fsspec(path):
            if not self._delete(name, [key]):
                raise FileNotFoundError(errno.ENOENT, "no such object", path)

    def rm(self, path: Any, recursive: bool = False, maxdepth: int | None = None) -> None:
        """Delete files, and with `recursive` what is below them, containers too."""
        paths = self.expand_path(path, recursive=recursive, maxdepth=maxdepth)
        keys: dict[str, list[str]] = {}
        for each in paths:
            name, key = self._split(each)
            keys.setdefault(name, [])
            if key:
                keys[name].append(key)
        with for_fsspec(str(path)):
            found = [self._delete(name, below) for name, below in keys.items()]
        for each in paths:
            if recursive and "/" not in each:
                self.rmdir(each)
        if not any(found) and not recursive:
            raise FileNotFoundError(errno.ENOENT, "no such object", str(path))

    def mkdir(self, path: str, create_parents: bool = True, **_: Any) -> None:
        """Make a container; a directory below one needs no making."""
        path = self._strip_protocol(path)
        name, key = self._split(path)
        if not key or create_parents:
            with for_fsspec(path):
                answer = self.client.request("PUT", name)
            if not key and answer.status != _CREATED:
                raise FileExistsError(errno.EEXIST, "there is such a container", path)

    def makedirs(self, path: str, exist_ok: bool = False) -> None:
        """Make the container of a path."""
        try:
            self.mkdir(path)
        except FileExistsError:
            if not exist_ok:
                raise

    def rmdir(self, path: str) -> None:
        """Delete an empty container; of a directory below one nothing is left when it is empty."""
        path = self._strip_protocol(path)
        name, key = self._split(path)
        if key:
            return
        with for_fsspec(path):
            try:
                self.client.request("DELETE", name)
            except AnswerError as error:
                if status(error) == 409:  # noqa: PLR2004 - HTTP
                    raise OSError(errno.ENOTEMPTY, "the container is not empty", path) from error
                raise

    def sign(self, path: str, expiration: int = 100, method: str = "GET", **_: Any) -> str:
        """A temporary URL.

        Parameters
        ----------
        path : str
            The file; whether it exists is not looked up.
        expiration : int
            For how many seconds.
        method : str
            For which HTTP method.
        """
        path = self._strip_protocol(path)
        name, key = self._split(path, file=True)
        with self._lock:
            signer = self._signers.setdefault(name, TempUrls(self.container(name), self._temp_urls))
        with for_fsspec(path):
            url = signer.sign(key, method, expiration)
        if url is None:
            message = "the cluster has no temporary URLs, or neither container nor account has a key for them"
            raise NotImplementedError(message)
        return url

    def modified(self, path: str) -> datetime:
        """When the file was last written, aware and in UTC."""
        time: datetime = self.info(path)["mtime"]
        return time

    created = modified

    def checksum(self, path: str) -> str:
        """The ETag."""
        return str(self.info(path)["etag"])

    def touch(self, path: str, truncate: bool = True, **_: Any) -> None:
        """Write an empty file, over one that is there only with `truncate`."""
        if truncate or not self.exists(path):
            self.pipe_file(path, b"")

    def open(self, path: str, mode: str = "rb", *args: Any, **options: Any) -> Any:
        """Open a file; one that is written is published when it is closed, unless an exception ends its block."""
        if "b" in mode or "r" in mode or options.get("compression"):
            return super().open(path, mode, *args, **options)
        text = {name: options.pop(name) for name in ("encoding", "errors", "newline") if name in options}
        return TextFile(super().open(path, mode.replace("t", "") + "b", *args, **options), **text)

    def _open(
        self, path: str, mode: str = "rb", block_size: int | None = None, autocommit: bool = True, **options: Any
    ) -> SwiftFile:
        name, key = self._split(path, file=True)
        if mode == "xb" and self.exists(path):
            raise FileExistsError(errno.EEXIST, "there is such a file", path)
        if mode == "rb" and "size" not in options and self.isdir(path):
            raise IsADirectoryError(errno.EISDIR, "it is a directory", path)
        size = block_size or (_READ_AHEAD if mode == "rb" else self.blocksize)
        return SwiftFile(
            self, path, self.container(name), key, mode=mode, block_size=size, autocommit=autocommit, **options
        )

    def _split(self, path: str, *, file: bool = False) -> tuple[str, str]:
        name, _, key = self._strip_protocol(path).partition("/")
        if not name or (file and not key):
            raise IsADirectoryError(errno.EISDIR, "a file has a container and a name", path)
        return name, key

    def _children(self, path: str, *, detail: bool) -> list[dict[str, Any]]:
        name, key = self._split(path)
        container = self.container(name)
        prefix = f"{key}/" if key else ""
        entries: dict[tuple[str, str], dict[str, Any]] = {}
        for page in objects(container, prefix, delimiter="/"):
            lines = [line for line in page if line.name != prefix]
            for line, size in sizes(container, lines) if detail else ((line, line.size) for line in lines):
                entry = self._entry(name, line, size)
                entries[entry["name"], entry["type"]] = entry
        return list(entries.values())

    def _delete(self, name: str, keys: Sequence[str]) -> int:
        """Delete objects with their segments, and say how many there were."""
        container = self.container(name)
        infos = heads(container, keys, raw=True)
        if infos:
            delete(self.client, [f"{name}/{key}" for key in infos])
        for key, info in infos.items():
            owned.release(container, key, info)
        return len(infos)

    @staticmethod
    def _collect(found: dict[str, Any], path: str, entry: dict[str, Any], *, withdirs: bool) -> None:
        if withdirs:
            for parent in _parents(entry["name"], path):
                found.setdefault(parent, {"name": parent, "size": 0, "type": "directory"})
        if entry["type"] == "file" or withdirs:
            found[entry["name"]] = entry

    @staticmethod
    def _entry(container: str, line: Listed, size: int) -> dict[str, Any]:
        is_dir = line.is_dir or line.is_marker or line.name.endswith("/")
        name = f"{container}/{line.name}"
        if is_dir:
            return {"name": name.rstrip("/"), "size": 0, "type": "directory"}
        return {"name": name, "size": size, "type": "file", "mtime": line.mod_time, "etag": line.etag}

    @staticmethod
    def _of_container(name: str) -> dict[str, Any]:
        return {"name": name, "size": 0, "type": "directory"}

    @staticmethod
    def _of_object(path: str, info: ObjectInfo) -> dict[str, Any]:
        return {
            "name": path,
            "size": info.size if info.size is not None else info.whole,
            "type": "file",
            "mtime": info.mod_time,
            "etag": info.etag,
            "content_type": info.content_type,
        }


def _parents(name: str, path: str) -> Iterator[str]:
    """The directories between `path` and `name`."""
    parent = name.rpartition("/")[0]
    while len(parent) > len(path):
        yield parent
        parent = parent.rpartition("/")[0]
