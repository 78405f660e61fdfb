"""A service that stores blobs, with uploads that go on after a broken connection, ranges and conditional requests.

It keeps them on any driver::

    BLOBS_DRIVER=filesystem BLOBS_PARAMETERS='{"rootdirectory": "/srv/blobs"}' uvicorn examples.blob_service:app

An upload begins with ``POST /uploads``. Its pieces are sent by ``PATCH``, each with the offset that it begins at;
``HEAD`` says how far it is. ``PUT /blobs/NAME?upload=ID`` makes it a blob.
"""

from __future__ import annotations

import json
import os
import re
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email.utils import format_datetime
from typing import Annotated

from fastapi import FastAPI, Header, HTTPException, Request, Response
from fastapi.responses import JSONResponse, RedirectResponse, StreamingResponse

from storagedriver import (
    ConflictError,
    InvalidPathError,
    PathNotFoundError,
    PermissionDeniedError,
    StorageDriverError,
    UnavailableError,
    factory,
)
from storagedriver.aio import AsyncFileReader

#: The statuses of the errors, the narrower ones first.
STATUSES = {
    PathNotFoundError: 404,
    InvalidPathError: 400,
    ConflictError: 409,
    PermissionDeniedError: 403,
    UnavailableError: 503,
    StorageDriverError: 500,
}
#: No blob has more digits of bytes.
RANGE = re.compile(r"bytes=([0-9]{0,18})-([0-9]{0,18})")

driver = factory.create(os.environ["BLOBS_DRIVER"], json.loads(os.environ.get("BLOBS_PARAMETERS", "{}"))).aio


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[None]:
    async with driver:
        yield


app = FastAPI(lifespan=lifespan)


@app.exception_handler(StorageDriverError)
async def failed(_: Request, error: StorageDriverError) -> JSONResponse:
    status = next(status for kind, status in STATUSES.items() if isinstance(error, kind))
    return JSONResponse({"error": type(error).__name__, "detail": str(error)}, status)


@app.post("/uploads", status_code=201)
async def begin(response: Response) -> dict[str, str]:
    name = uuid.uuid4().hex
    async with driver.writer(f"/uploads/{name}"):
        pass
    response.headers["Location"] = f"/uploads/{name}"
    return {"upload": name}


@app.head("/uploads/{name}")
async def progress(name: str) -> Response:
    return Response(headers={"Upload-Offset": str(await driver.upload_size(f"/uploads/{name}"))})


@app.patch("/uploads/{name}", status_code=204)
async def send(name: str, request: Request, upload_offset: Annotated[int, Header()]) -> Response:
    async with driver.writer(f"/uploads/{name}", append=True) as writer:
        is_next = upload_offset == writer.size
        if is_next:
            # What arrives before the connection breaks is kept.
            async for piece in request.stream():
                await writer.write(piece)
        offset = str(writer.size)
    return Response(status_code=204 if is_next else 409, headers={"Upload-Offset": offset})


@app.put("/blobs/{name}", status_code=201)
async def publish(name: str, upload: str) -> Response:
    async with driver.writer(f"/uploads/{upload}", append=True) as writer:
        await writer.commit()
    await driver.move(f"/uploads/{upload}", f"/blobs/{name}")
    return Response(status_code=201)


@app.api_route("/blobs/{name}", methods=["GET", "HEAD"])
async def blob(
    request: Request,
    name: str,
    redirect: bool = False,
    asked: Annotated[str | None, Header(alias="Range")] = None,
    if_range: Annotated[str | None, Header()] = None,
    if_none_match: Annotated[str | None, Header()] = None,
) -> Response:
    path = f"/blobs/{name}"
    info = await driver.stat(path)
    if redirect and (url := await driver.redirect_url(path, request.method)):
        return RedirectResponse(url)
    tag = '"' + info.version.strip('"') + '"'
    headers = {"Accept-Ranges": "bytes", "Last-Modified": format_datetime(info.mod_time, usegmt=True), "ETag": tag}
    if {"*", tag} & {known.strip().removeprefix("W/") for known in (if_none_match or "").split(",")}:
        return Response(status_code=304, headers=headers)
    # Who has the beginning of another content gets the whole of this one. A range is for GET: RFC 9110, 14.2.
    ranged = request.method == "GET" and if_range in (None, tag)
    start, length = whole_or_part(asked if ranged else None, info.size)
    if length < info.size:
        headers["Content-Range"] = f"bytes {start}-{start + length - 1}/{info.size}"
    headers["Content-Length"] = str(length)
    if request.method == "HEAD":
        return Response(headers=headers, media_type="application/octet-stream")
    reader = await driver.reader(path, start, length)
    if reader.size != info.size:
        await reader.close()
        raise ConflictError("it was replaced in the meantime", path=path)
    return StreamingResponse(pieces(reader), 206 if length < info.size else 200, headers, "application/octet-stream")


@app.delete("/blobs/{name}", status_code=204)
async def delete(name: str) -> None:
    await driver.delete(f"/blobs/{name}")


def whole_or_part(asked: str | None, size: int) -> tuple[int, int]:
    """Where the answer begins, and how long it is. Ranges in another form are passed over: RFC 9110, 14.2."""
    match = RANGE.fullmatch(asked or "")
    if not match or match[0] == "bytes=-":
        return 0, size
    start = int(match[1]) if match[1] else max(0, size - int(match[2]))
    end = min(int(match[2]) + 1, size) if match[1] and match[2] else size
    if start >= end:
        raise HTTPException(416, headers={"Content-Range": f"bytes */{size}"})
    return start, end - start


async def pieces(reader: AsyncFileReader) -> AsyncIterator[bytes]:
    async with reader:
        async for piece in reader:
            yield piece
