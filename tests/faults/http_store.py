"""A small store that speaks HTTP, and a correct driver for it: what the fault matrix is proved with."""

from __future__ import annotations

import http.client
import io
import json
import threading
import uuid
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from storagedriver.driver import (
    Capabilities,
    FileInfo,
    FileReader,
    FileWriter,
    SkipDir,
    StopWalk,
    StorageDriver,
    UploadInfo,
    Visit,
)
from storagedriver.errors import (
    InvalidAnswerError,
    PathNotFoundError,
    PermissionDeniedError,
    StorageDriverError,
    UnavailableError,
)
from storagedriver.paths import ROOT, ancestors

PART = 1000
CAPABILITIES = Capabilities()
EPOCH = datetime.fromtimestamp(0, timezone.utc)

#: The last header of each answer of the store.
MARK = "X-From-The-Store"


@dataclass
class Held:
    """A file, or what an upload holds, and the id of the upload."""

    content: bytes
    id: str


class Service(BaseHTTPRequestHandler):
    """Every request can be made again."""

    protocol_version = "HTTP/1.1"
    files: dict[str, Held]
    uploads: dict[str, Held]
    lock: threading.Lock

    def answer(self) -> None:
        url = urlsplit(self.path)
        asked = {name: values[0] for name, values in parse_qs(url.query).items()}
        length = int(self.headers.get("Content-Length", 0))
        body = self.rfile.read(length)
        if len(body) < length:
            self.close_connection = True
            return
        with self.lock:
            status, answer = self.act(url.path[1:], asked, body)
        self.send_response(status)
        self.send_header("Content-Length", str(len(answer)))
        self.send_header(MARK, "yes")
        self.end_headers()
        self.wfile.write(answer)

    do_GET = do_PUT = do_POST = do_DELETE = answer  # noqa: N815 - as http.server names them

    def act(  # noqa: C901 - the whole protocol
        self, what: str, asked: dict[str, str], body: bytes
    ) -> tuple[int, bytes]:
        path = asked.get("path", "")
        table = self.uploads if what == "upload" else self.files
        held = table.get(path)
        match self.command, what:
            case "GET", "list":
                names = {kind: self.below(items, path) for kind, items in self.tables()}
                return 200, json.dumps(names).encode()
            case "POST", "begin":
                self.uploads[path] = Held(body, asked["id"])
            case "POST", "commit":
                ready = self.uploads.get(path)
                if ready is not None and ready.id == asked["id"]:
                    self.files[path] = self.uploads.pop(path)
                elif held is None or held.id != asked["id"]:
                    return 404, b""
            case "POST", "copy":
                if (source := self.files.get(asked["source"])) is None:
                    return 404, b""
                self.files[path] = Held(source.content, uuid.uuid4().hex)
            case "PUT", "file":
                self.files[path] = Held(body, uuid.uuid4().hex)
            case "PUT", "upload" if held is not None and held.id == asked["id"]:
                start = int(asked["offset"]) if "offset" in asked else len(held.content)
                held.content = held.content[:start] + body
            case "GET", _ if held is not None:
                return 200, held.id.encode() + held.content
            case "DELETE", _:
                table.pop(path, None)
            case _:
                return 404, b""
        return 200, b""

    def tables(self) -> list[tuple[str, dict[str, Held]]]:
        return [("files", self.files), ("uploads", self.uploads)]

    @staticmethod
    def below(table: dict[str, Held], path: str) -> list[tuple[str, int]]:
        return [(name, len(held.content)) for name, held in table.items() if name.startswith(path)]

    def log_message(self, *_: Any) -> None:
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: Any) -> None:
        """A broken connection is what the tests are about."""


@contextmanager
def serving() -> Iterator[str]:
    """A store that is empty; its ``http://host:port``."""
    attributes = {"files": {}, "uploads": {}, "lock": threading.Lock()}
    server = Server(("127.0.0.1", 0), type("OwnService", (Service,), attributes))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class HTTPReader(FileReader):
    def __init__(self, content: bytes, offset: int, length: int | None) -> None:
        super().__init__()
        self._size = len(content)
        self._stream = io.BytesIO(content[offset : None if length is None else offset + length])

    @property
    def size(self) -> int:
        return self._size

    @property
    def mod_time(self) -> datetime:
        return EPOCH

    @property
    def version(self) -> str:
        return ""

    def readinto(self, buffer: Any, /) -> int:
        return self._stream.readinto(buffer)


class HTTPWriter(FileWriter):
    def __init__(self, driver: HTTPDriver, path: str, upload_id: str, size: int) -> None:
        super().__init__()
        self.driver, self.path, self.id = driver, path, upload_id
        #: What the store has of the stream, and what it has not: one value, for an interrupt never to see a half of it.
        self.state = (size, b"")

    @property
    def size(self) -> int:
        sent, waiting = self.state
        return sent + len(waiting)

    def check(self) -> None:
        if self.closed:
            raise ValueError("the writer is closed")

    def write(self, data: Any, /) -> int:
        self.check()
        view = memoryview(data).cast("B")
        for start in range(0, len(view), PART):
            piece = bytes(view[start : start + PART])
            if len(self.state[1]) + len(piece) > PART:
                self.deliver()
            self.state = (self.state[0], self.state[1] + piece)
        return len(view)

    def deliver(self) -> None:
        sent, waiting = self.state
        if waiting:
            self.send(sent, waiting)
            self.state = (sent + len(waiting), b"")

    def send(self, offset: int, data: bytes) -> None:
        self.driver.ask("PUT", "upload", data, path=self.path, id=self.id, offset=str(offset))

    def commit(self) -> None:
        self.check()
        self.deliver()
        self.driver.ask("POST", "commit", path=self.path, id=self.id)
        super().close()

    def cancel(self) -> None:
        self.check()
        self.driver.ask("DELETE", "upload", path=self.path)
        super().close()

    def close(self) -> None:
        if self.closed:
            return
        try:
            self.deliver()
        except StorageDriverError as error:
            error.durable = self.state[0]
            raise
        super().close()

    def __del__(self) -> None:
        """As a kill: nothing is sent."""


class HTTPDriver(StorageDriver):
    """Keeps uploads beside the files, invisible."""

    writer_class = HTTPWriter

    def __init__(self, endpoint: str, timeout: float) -> None:
        self.host, self.timeout = urlsplit(endpoint).netloc, timeout

    @property
    def name(self) -> str:
        return "http"

    @property
    def capabilities(self) -> Capabilities:
        return CAPABILITIES

    def ask(self, method: str, what: str, body: bytes = b"", **asked: str) -> bytes:
        path = asked.get("path", "")
        try:
            with closing(http.client.HTTPConnection(self.host, timeout=self.timeout)) as connection:
                connection.request(method, f"/{what}?{urlencode(asked)}", body)
                answer = connection.getresponse()
                content = answer.read()
        except (OSError, http.client.HTTPException) as error:
            raise UnavailableError(str(error), driver_name=self.name, path=path) from error
        errors = {403: PermissionDeniedError, 503: UnavailableError}
        if answer.status not in errors and not self.is_from_the_store(dict(answer.headers)):
            raise InvalidAnswerError(f"HTTP {answer.status} is not from the store", driver_name=self.name, path=path)
        errors[404] = PathNotFoundError
        if answer.status != 200:
            raise errors[answer.status](driver_name=self.name, path=path)
        return content

    def is_from_the_store(self, headers: Mapping[str, str]) -> bool:
        return MARK in headers

    def names(self, path: str, kind: str = "files") -> dict[str, int]:
        below = json.loads(self.ask("GET", "list", path=path))[kind]
        return {name: size for name, size in below if name == path or name.startswith(path.rstrip("/") + "/")}

    def get_content(self, path: str) -> bytes:
        return self.ask("GET", "file", path=path)[32:]

    def put_content(self, path: str, content: Any) -> None:
        self.ask("PUT", "file", bytes(content), path=path)

    def reader(self, path: str, offset: int = 0, length: int | None = None) -> FileReader:
        return HTTPReader(self.get_content(path), offset, length)

    def writer(self, path: str, append: bool = False) -> FileWriter:
        content = b""
        if append:
            try:
                held = self.ask("GET", "upload", path=path)
            except PathNotFoundError:
                content = self.get_content(path)
            else:
                return self.writer_class(self, path, held[:32].decode(), len(held) - 32)
        upload_id = uuid.uuid4().hex
        self.ask("POST", "begin", content, path=path, id=upload_id)
        return self.writer_class(self, path, upload_id, len(content))

    def upload_size(self, path: str) -> int:
        for kind in ("uploads", "files"):
            if path in (names := self.names(path, kind)):
                return names[path]
        raise PathNotFoundError(driver_name=self.name, path=path)

    def info(self, path: str, names: dict[str, int]) -> FileInfo:
        return FileInfo(path, names.get(path, 0), EPOCH, is_dir=path not in names)

    def stat(self, path: str) -> FileInfo:
        if not (names := self.names(path)):
            raise PathNotFoundError(driver_name=self.name, path=path)
        return self.info(path, names)

    def entries(self, path: str) -> list[FileInfo]:
        names = self.names(path)
        names.pop(path, None)
        if not names:
            raise PathNotFoundError(driver_name=self.name, path=path)
        prefix = path.rstrip("/") + "/"
        paths = {*names, *(up for name in names for up in ancestors(name) if up.startswith(prefix))}
        return sorted((self.info(name, names) for name in paths), key=lambda info: info.sort_key("bytewise"))

    def list(self, path: str) -> list[str]:
        depth = path.rstrip("/").count("/") + 1
        return sorted(info.path for info in self.entries(path) if info.path.count("/") == depth)

    def walk(self, path: str, visit: Visit, start_after: str = "") -> None:
        skipped = "\n"
        for info in self.entries(path):
            if info.path.startswith(skipped) or info.path <= start_after:
                continue
            try:
                visit(info)
            except SkipDir:
                skipped = info.path + "/"
            except StopWalk:
                return

    def copy(self, source: str, dest: str) -> None:
        self.ask("POST", "copy", source=source, path=dest)

    def move(self, source: str, dest: str) -> None:
        self.copy(source, dest)
        self.ask("DELETE", "file", path=source)

    def delete(self, path: str) -> None:
        uploads, files = self.names(path, "uploads"), self.names(path)
        if not uploads and not files:
            raise PathNotFoundError(driver_name=self.name, path=path)
        for name in uploads:
            self.ask("DELETE", "upload", path=name)
        for name in files:
            self.ask("DELETE", "file", path=name)

    def redirect_url(
        self,
        path: str,  # noqa: ARG002
        method: str = "GET",  # noqa: ARG002
        expires: timedelta = timedelta(minutes=20),  # noqa: ARG002
        client_address: str | None = None,  # noqa: ARG002
    ) -> str | None:
        return None

    def uploads(self, path: str = ROOT) -> Iterator[UploadInfo]:
        found = self.names(path, "uploads")
        return iter([UploadInfo(name, name, EPOCH, size) for name, size in found.items()])
