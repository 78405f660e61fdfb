"""The requests of multipart uploads, as S3 defined them and the stores that follow it.

Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/mpuoverview.html
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Generic, TypeVar
from xml.etree import ElementTree as ET

from storagedriver.adapter.http.answer import Answer
from storagedriver.adapter.http.bucket import Bucket
from storagedriver.adapter.http.document import Document, is_cut, time_of, with_document
from storagedriver.adapter.http.reading import etag_of, quoted_etag, with_etag, without_content
from storagedriver.adapter.multipart import OpenUpload, Part
from storagedriver.adapter.store import Entry
from storagedriver.errors import InvalidAnswerError

__all__ = ["NO_SUCH_UPLOAD", "Dialect", "MultipartRequests"]

B = TypeVar("B", bound=Bucket)

#: The code for an upload that does not exist.
NO_SUCH_UPLOAD = "NoSuchUpload"
#: How many parts or uploads are listed by one request.
_PAGE = 1000


@dataclass(frozen=True)
class Dialect:
    """In what the requests of one store differ from those of another.

    Attributes
    ----------
    own : str
        What the names of the store's own headers begin with.
    code_of : callable
        Gives the store's code for a failure.
    creating, completing : mapping
        The headers of the requests that begin and that complete an upload.
    namespace : str
        That of the documents that are sent; ``""`` for none.
    decode : callable or None
        Reads a key that the store has quoted. None: keys are not asked for in
        the url encoding.
    """

    own: str
    code_of: Callable[[BaseException], str]
    creating: Mapping[str, str]
    completing: Mapping[str, str] = field(default_factory=dict)
    namespace: str = ""
    decode: Callable[[str], str] | None = None


class MultipartRequests(ABC, Generic[B]):
    """The requests of multipart uploads of one bucket.

    A backend derives from it where its store has more to say; the methods with
    an underscore are for that.

    Parameters
    ----------
    bucket : Bucket
        The bucket.
    dialect : Dialect
        How the store is spoken to.
    """

    def __init__(self, bucket: B, dialect: Dialect) -> None:
        self._bucket = bucket
        self._dialect = dialect

    def is_no_such_upload(self, error: BaseException) -> bool:
        """Whether the store says that the upload does not exist."""
        return self._dialect.code_of(error) == NO_SUCH_UPLOAD

    def create(self, key: str) -> str:
        """Begin an upload and return its id."""
        # Sent twice it would begin two uploads, and a resume might take the empty one.
        return self._bucket.requests.ask(
            "InitiateMultipartUploadResult",
            "POST",
            self._bucket.full(key),
            {"uploads": ""},
            headers=self._dialect.creating,
            repeat="unsent",
        ).needed("UploadId")

    def put_part(self, key: str, upload_id: str, number: int, data: memoryview) -> Part:
        """Send a part."""
        answer = self._put({"partNumber": number, "uploadId": upload_id}, self._bucket.full(key), data)
        return self._made(Part(number, len(data), etag_of(answer)), answer)

    def copy_part(self, key: str, upload_id: str, number: int, source: Entry, first: int, size: int) -> Part:
        """Make a part of `size` bytes of `source` from the byte `first` on."""
        own, full = self._dialect.own, self._bucket.full(key)
        headers = {**self._bucket.source(source.key), f"{own}copy-source-range": f"bytes={first}-{first + size - 1}"}
        if source.version:
            headers[f"{own}copy-source-if-match"] = source.version
        answer = self._bucket.requests.send(
            "PUT",
            full,
            {"partNumber": number, "uploadId": upload_id},
            headers,
            interpret=with_document("CopyPartResult", f"PUT of {full}"),
            extra_time=self._copy_time(size),
        )
        return self._made(Part(number, size, quoted_etag(answer.document.needed("ETag"))), answer)

    def list_parts(self, key: str, upload_id: str) -> list[Part]:
        """All parts, as the store lists them. Some list one that was sent twice, twice.

        Raises
        ------
        InvalidAnswerError
            If the list is cut and does not go on.
        """
        found: list[Part] = []
        marker = 0
        while True:
            query = {"uploadId": upload_id, "max-parts": _PAGE, "part-number-marker": marker or None}
            answer = self._bucket.requests.ask("ListPartsResult", "GET", self._bucket.full(key), query)
            page = [self._listed(answer, item) for item in answer.elements("Part")]
            found += page
            if not is_cut(answer):
                return found
            # Some servers leave the marker out, or say 0.
            following = int(answer.text("NextPartNumberMarker") or 0) or max((part.number for part in page), default=0)
            if following <= marker:
                raise InvalidAnswerError(f"the store's list of the parts of an upload does not go on after {marker}")
            marker = following

    def complete(
        self, key: str, upload_id: str, parts: Sequence[Part], condition: Mapping[str, str] | None = None
    ) -> Answer:
        """Publish an upload of these parts, under the condition in some headers.

        If the reply is lost it is sent again, and may then find no such upload:
        the caller has to look whether the object is there.
        """
        full = self._bucket.full(key)
        return self._bucket.requests.send(
            "POST",
            full,
            {"uploadId": upload_id},
            {**self._dialect.completing, **(condition or {})},
            body=self._named(parts),
            interpret=with_document("CompleteMultipartUploadResult", f"POST of {full}"),
            extra_time=self._complete_time(parts),
        )

    def abort(self, key: str, upload_id: str) -> None:
        """Give the upload up; one that is gone is no error."""
        try:
            self._bucket.requests.send(
                "DELETE", self._bucket.full(key), {"uploadId": upload_id}, interpret=without_content
            )
        except Exception as error:
            if not self.is_no_such_upload(error):
                raise

    def list_uploads(self, prefix: str) -> Iterator[OpenUpload]:
        """All open uploads of keys that begin with `prefix`.

        Raises
        ------
        InvalidAnswerError
            If the list is cut and does not go on.
        """
        full = self._bucket.full(prefix)
        encoding = {"encoding-type": "url"} if self._dialect.decode else {}
        seen: set[tuple[str, str]] = set()
        markers: dict[str, str] = {}
        while True:
            query = {"uploads": "", "prefix": full, "max-uploads": _PAGE, **encoding, **markers}
            answer = self._bucket.requests.ask("ListMultipartUploadsResult", "GET", "", query)
            page = self._uploads(answer)
            new = [upload for upload in page if upload not in seen]
            for key, upload_id in new:
                # Some servers answer a prefix `a/` with the uploads of `a` as well.
                if key.startswith(full):
                    yield OpenUpload(self._bucket.relative(key), upload_id, page[key, upload_id])
            if not is_cut(answer):
                return
            if not new:
                raise InvalidAnswerError("the store's list of unfinished uploads does not go on")
            seen.update(new)
            markers = self._markers(answer, new[-1])

    @abstractmethod
    def consists_of(self, key: str, parts: Sequence[Part]) -> bool:
        """Whether the object at the key is the one that these parts make, by the store's own checksum of it."""

    def _put(self, query: Mapping[str, object], full: str, data: memoryview) -> Answer:
        """Send a part, with what protects it."""
        headers = self._bucket.checking(data)
        return self._bucket.requests.send("PUT", full, query, headers, body=data, interpret=with_etag)

    def _copy_time(self, size: int) -> float:
        """The seconds that the store may take for a part of `size` bytes, on top of the timeout."""
        del size
        return 0.0

    def _complete_time(self, parts: Sequence[Part]) -> float:
        """The seconds that the store may take to put parts together, on top of the timeout."""
        del parts
        return 0.0

    def _made(self, part: Part, answer: Answer) -> Part:
        """A part that a request has made, with what the answer says of it."""
        del answer
        return part

    def _listed(self, answer: Document, item: ET.Element) -> Part:
        """A part of a list."""
        return Part(
            answer.number(item, "PartNumber"),
            answer.number(item, "Size"),
            quoted_etag(answer.required(item, "ETag")),
            time_of(item.findtext(answer.space + "LastModified")),
        )

    def _markers(self, answer: Document, last: tuple[str, str]) -> dict[str, str]:
        """Where the next page of uploads begins: by both markers, or behind the last key and id of this one."""
        key, upload_id = self._decoded(answer, answer.text("NextKeyMarker")), answer.text("NextUploadIdMarker")
        if not key or not upload_id:
            key, upload_id = last
        return {"key-marker": key, "upload-id-marker": upload_id}

    def _uploads(self, answer: Document) -> dict[tuple[str, str], datetime]:
        """When the uploads of a page were begun, by their keys and ids."""
        initiated = answer.space + "Initiated"
        return {
            (self._decoded(answer, answer.required(item, "Key")), answer.required(item, "UploadId")): time_of(
                item.findtext(initiated)
            )
            for item in answer.elements("Upload")
        }

    def _decoded(self, answer: Document, key: str) -> str:
        decode = self._dialect.decode
        return decode(key) if decode and answer.text("EncodingType") == "url" else key

    def _named(self, parts: Sequence[Part]) -> memoryview:
        """The body that names the parts of an upload."""
        namespace = {"xmlns": self._dialect.namespace} if self._dialect.namespace else {}
        root = ET.Element("CompleteMultipartUpload", namespace)
        for part in parts:
            element = ET.SubElement(root, "Part")
            ET.SubElement(element, "PartNumber").text = str(part.number)
            ET.SubElement(element, "ETag").text = part.etag
        return memoryview(ET.tostring(root))
