"""The store of the swift driver: what the adapter asks for, and who does it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from contextlib import closing
from datetime import timedelta
from typing import Any

from storagedriver.adapter.prefetch import Listing
from storagedriver.adapter.skipping import skip_after
from storagedriver.adapter.store import Body, Entry, Failure, Store, Upload, too_long
from storagedriver.driver import Capabilities, UploadInfo
from storagedriver.drivers.swift.layout import Layout
from storagedriver.drivers.swift.parameters import SwiftParameters
from storagedriver.drivers.swift.releasing import Releaser
from storagedriver.drivers.swift.translation import options
from storagedriver.drivers.swift.uploads import SwiftUploads
from storagedriver.errors import PathNotFoundError
from storagedriver.parameters import secrets
from storagedriver.swiftfs import SwiftFileSystem, errors
from storagedriver.swiftfs.container import Container, ObjectInfo
from storagedriver.swiftfs.listing import Listed, objects, page, sizes
from storagedriver.swiftfs.reading import Reader
from storagedriver.swiftfs.segments import copy_pieces, dynamic_segments, pieces, remove_segments
from storagedriver.swiftfs.tempurl import TempUrls

__all__ = ["SwiftStore"]

#: Swift itself has no limit; this is further than anybody plans.
_LONGEST_URL = timedelta(days=36500)
_PARAMETERS = errors.Options("authurl", "authversion", "region", "endpointtype", "insecureskipverify")


class SwiftStore(Store):
    """One container and prefix.

    Parameters
    ----------
    name : str
        The driver's name.
    parameters : SwiftParameters
        Checked by `storagedriver.drivers.swift.parameters.load`.
    """

    extra = "swift"
    capabilities = Capabilities(
        unfinished="shown",
        multiprocess=True,
        key_and_prefix=True,
        empty_directories=False,
        conflicts_detected="always",
        server_side_copy=True,
        signs_urls=True,
        walk_order="bytewise",
    )
    #: Swift takes 5 GiB in one request, but a body is in memory as a whole and
    #: is sent again as a whole.
    put_limit = 64 << 20
    max_expires = _LONGEST_URL

    def __init__(self, name: str, parameters: SwiftParameters) -> None:
        super().__init__(name, secrets=secrets(parameters))
        self._parameters = parameters
        self.read_concurrency = parameters.readconcurrency
        self.root_directory = parameters.prefix.strip("/")
        self._fs = SwiftFileSystem(**options(parameters), skip_instance_cache=True)
        self._container = Container(self._fs.client, parameters.container, checks=parameters.checksums == "always")
        self._layout = Layout(parameters.prefix)
        self._reader = Reader(self._container, self._layout.files)
        self._releaser = Releaser(self._container, self._layout)
        self._urls = TempUrls(self._container, parameters.temp_urls)
        self._uploads = SwiftUploads(
            self._container,
            self._layout,
            self._releaser,
            chunk_size=parameters.chunksize,
            concurrency=parameters.uploadconcurrency,
        )

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.name, self._parameters)

    @property
    def filesystem(self) -> Any:
        """The `SwiftFileSystem`, rooted where the files are."""
        return self.rooted(self._fs, self._container.name, self._layout.files)

    def refuses(self, key: str, /) -> str:
        """1024 bytes, if the server is not configured otherwise: https://docs.openstack.org/api-ref/object-store/."""
        return too_long(self._layout.file(key), 1024)

    def classify(self, error: Exception, /) -> Failure:
        """Say what an exception of a request means."""
        return errors.classify(error, _PARAMETERS)

    def head(self, key: str, /) -> Entry | None:
        """The object, None if there is none or no such container."""
        info = self._container.head(self._layout.file(key))
        if info is None:
            return None
        return Entry(key, self._size(info), info.mod_time, version=info.etag)

    def get(self, key: str, /) -> bytes:
        """The whole content."""
        return self._reader.get(key)

    def stream(self, key: str, offset: int, length: int | None, version: str, /) -> Body:
        """Open the content; of a dynamic large object the segments themselves."""
        return self._reader.open(key, offset, length, version)

    def put(self, key: str, content: memoryview, /) -> None:
        """Write the content atomically; the segments of what it replaces go."""
        name = self._layout.file(key)
        if self._container.create(name, content):
            return
        before = self._container.head(name, raw=True)
        self._container.put(name, content)
        self._release(name, before)

    def pages(
        self,
        prefix: str,
        *,
        recursive: bool,
        start_after: str = "",
        limit: int = 0,
        skipped: AbstractSet[str] = frozenset(),
    ) -> Iterator[Sequence[Entry]]:
        """List, a request at a time; only a flat listing asks for the sizes of large objects."""
        whole = self._layout.file(prefix)

        def fetch(marker: str, wanted: int) -> tuple[list[Entry], str | None]:
            after = skip_after(marker[len(self._layout.files) :], skipped) if recursive else ""
            start = self._layout.file(after) if after else marker
            lines, following = page(self._container, whole, "" if recursive else "/", start, wanted)
            return self._entries(lines, recursive=recursive and not limit), following

        return Listing(fetch, self._layout.file(start_after) if start_after and recursive else "", limit=limit)

    def copy(self, source: str, dest: str, /) -> None:
        """Copy an object on the server; a large one gets segments of its own."""
        name, target = self._layout.file(source), self._layout.file(dest)
        info = self._source(name)
        before = self._container.head(target, raw=True)
        if not info.is_large:
            self._container.copy(name, target, size=info.size or 0, headers={"If-Match": info.etag})
        else:
            parts = pieces(self._container, name, info)
            segments = self._layout.new_segments(dest)
            copied = copy_pieces(self._container, parts, segments)
            manifest = f"{self._container.name}/{segments}"
            if copied:
                self._container.put_manifest(target, manifest, sum(part.size for part in copied))
            else:
                self._container.put(target, b"")
        self._release(target, before)

    def move(self, source: str, dest: str, /) -> None:
        """Move an object; the segments of a large one stay where they are, under another manifest."""
        name, target = self._layout.file(source), self._layout.file(dest)
        info = self._source(name)
        before = self._container.head(target, raw=True)
        if info.manifest:
            self._container.put_manifest(target, info.manifest, info.whole)
        else:
            conditions = {} if info.static else {"If-Match": info.etag}
            self._container.copy(name, target, size=info.size or 0, raw=info.static, headers=conditions)
        self._container.request("DELETE", name, expected={200, 202, 204, 404})
        if before is not None and before.manifest != info.manifest:
            self._release(target, before)

    def delete(self, keys: Sequence[str], /) -> None:
        """Delete objects, with their segments where no other file has them."""
        self._releaser.delete(Listed(self._layout.file(key)) for key in keys)

    def delete_tree(self, key: str, /) -> bool:
        """Delete the object and everything below it.

        Uploads that were closed are objects like others. Of those that were
        killed the segments stay until `purge_uploads`: to say that no file has
        them, all files would have to be looked at.
        """
        found = False
        with closing(self.prefetcher.pages(objects(self._container, self._layout.file(key) + "/"))) as listing:
            for lines in listing:
                if lines:
                    found = True
                    self._releaser.delete(lines)
        name = self._layout.file(key)
        info = self._container.head(name, raw=True)
        if info is not None:
            found = True
            self._releaser.delete_found([name], {name: info})
        return found

    def sign(self, key: str, method: str, expires: timedelta, /) -> str | None:
        """A temporary URL."""
        return self._urls.sign(self._layout.file(key), method, expires.total_seconds())

    def begin(self, key: str, /) -> Upload:
        """Begin an upload."""
        return self._uploads.begin(key)

    def resume(self, key: str, /) -> Upload:
        """Go on where the content at the path ends."""
        return self._uploads.resume(key)

    def uploads(self, key: str, /) -> Iterator[UploadInfo]:
        """The segments that no manifest has."""
        return self._releaser.orphans(key)

    def abort(self, upload: UploadInfo, /) -> None:
        """Delete the segments of an upload."""
        remove_segments(self._container, upload.id)

    def close(self) -> None:
        """Close the connections of this process."""
        self._fs.client.close()

    def _source(self, name: str) -> ObjectInfo:
        info = self._container.head(name, raw=True)
        if info is None:
            self._container.check()
            raise PathNotFoundError
        return info

    def _release(self, name: str, before: ObjectInfo | None) -> None:
        if before is not None and before.manifest:
            self._releaser.release(name, before.manifest)

    def _size(self, info: ObjectInfo) -> int:
        """The size; of a large object for which the headers do not settle it, the segments say it."""
        settled = info.size == info.whole if info.whole is not None else bool(info.size)
        if not info.manifest or settled:
            return info.size or 0
        segments = dynamic_segments(self._container, info)
        segments.check()
        return segments.size

    def _entries(self, page: Sequence[Listed], *, recursive: bool) -> list[Entry]:
        start = len(self._layout.files)
        lines = sizes(self._container, page) if recursive else ((line, line.size) for line in page)
        return [
            Entry(
                line.name[start:].removesuffix("/") if line.is_dir else line.name[start:],
                size,
                line.mod_time,
                line.is_dir,
                # A listing has the hash of nothing for a dynamic large object.
                "" if line.may_be_manifest else line.etag,
            )
            for line, size in lines
        ]
