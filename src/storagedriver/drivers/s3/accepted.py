"""The headers that a server may refuse, and which of them the one at hand takes.

Amazon refuses every ACL but one in a bucket whose owner owns all objects, and
wants a checksum where objects are locked. Other servers refuse what they do not
know, each in its own words.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from storagedriver.adapter.checksums import md5_header
from storagedriver.adapter.http.answer import AnswerError
from storagedriver.drivers.s3.errors import code_of, status
from storagedriver.drivers.s3.parameters import DEFAULT_ACL, DEFAULT_STORAGE_CLASS

__all__ = ["Accepted"]

T = TypeVar("T")

_CHECKSUM, _CLASS, _ACL = "x-amz-checksum-", "x-amz-storage-class", "x-amz-acl"
#: What is left out, one after the other, where the answer does not say which header it is about. Without the ACL
#: an object may be open to more people, so it goes only where nothing else helps.
_TRIED = ((_CHECKSUM,), (_CLASS,), (_ACL,), (_CHECKSUM, _CLASS), (_CHECKSUM, _CLASS, _ACL))
#: By what an answer names a header.
_NAMES = {
    _CHECKSUM: re.compile("(?i)checksum"),
    _CLASS: re.compile("(?i)storage[ -]?class"),
    _ACL: re.compile(r"(?i)\bacls?\b"),
}
_BAD_REQUEST = 400
_NOT_IMPLEMENTED = 501
#: What a server answers to a header that it does not know, where it does not pass over it.
_UNKNOWN = ("", "InvalidArgument", "InvalidRequest", "NotImplemented")
_OF_ONE = {"AccessControlListNotSupported": _ACL, "InvalidStorageClass": _CLASS}
_NO_MD5 = "MissingContentMD5"


class Accepted:
    """What the server takes; everything, until it has refused something.

    Parameters
    ----------
    demands_checksums : bool
        Whether a request is to fail rather than go without its checksums.
    """

    def __init__(self, *, demands_checksums: bool) -> None:
        self._demands_checksums = demands_checksums
        self._refused: frozenset[str] = frozenset()
        self._wants_md5 = False

    def send(self, headers: Mapping[str, str], body: memoryview | None, send: Callable[[Mapping[str, str]], T]) -> T:
        """Send a request; once more, if the server has refused a header that it can do without, or wants an MD5.

        Parameters
        ----------
        headers : mapping
            The headers of the request.
        body : memoryview or None
            Its body.
        send : callable
            Sends it with the headers that it is given.

        Raises
        ------
        AnswerError
            The first refusal, if nothing helps.
        """
        asked = self._without(self._refused, headers)
        try:
            return self._send(asked, body, send)
        except AnswerError as error:
            refusal = error
        for names in self._suspects(refusal, asked):
            try:
                answer = self._send(self._without(names, asked), body, send)
            except AnswerError as error:
                if not _is_refusal(error):
                    raise
            else:
                self._refused |= names
                return answer
        raise refusal

    def _send(self, headers: Mapping[str, str], body: memoryview | None, send: Callable[[Mapping[str, str]], T]) -> T:
        """Send it with an MD5 of the body, if the server wants one."""
        if body is None or "Content-MD5" in headers:
            return send(headers)
        if not self._wants_md5:
            try:
                return send(headers)
            except AnswerError as error:
                if not _wants_md5(error):
                    raise
        answer = send({**headers, **md5_header(body)})
        self._wants_md5 = True
        return answer

    def _suspects(self, refusal: AnswerError, headers: Mapping[str, str]) -> Sequence[frozenset[str]]:
        """Which headers are left out, one attempt after the other."""
        present = frozenset(name for name in _NAMES if self._without({name}, headers) != headers)
        if code_of(refusal) in _OF_ONE:
            return [present & {_OF_ONE[code_of(refusal)]}] if _OF_ONE[code_of(refusal)] in present else []
        if not _is_refusal(refusal):
            return []
        text = refusal.answer.content.decode(errors="replace")
        named = frozenset(name for name in present if _NAMES[name].search(text))
        tried = ([named] if len(named) == 1 else []) + [present & set(names) for names in _TRIED]
        return [names for number, names in enumerate(tried) if names and names not in tried[:number]]

    def _without(self, names: frozenset[str] | set[str], headers: Mapping[str, str]) -> Mapping[str, str]:
        """The headers less those of these names that ask for nothing more than what is done without them."""
        if not names:
            return headers
        return {name: value for name, value in headers.items() if not self._is_one_of(names, name, value)}

    def _is_one_of(self, names: frozenset[str] | set[str], name: str, value: str) -> bool:
        if name.startswith(_CHECKSUM):
            return _CHECKSUM in names and not self._demands_checksums
        return name in names and value == {_ACL: DEFAULT_ACL, _CLASS: DEFAULT_STORAGE_CLASS}.get(name)


def _is_refusal(error: AnswerError) -> bool:
    """Whether it may be an answer to a header that the server does not know."""
    code = code_of(error)
    return code in _OF_ONE or status(error) == _NOT_IMPLEMENTED or (status(error) == _BAD_REQUEST and code in _UNKNOWN)


def _wants_md5(error: AnswerError) -> bool:
    return status(error) == _BAD_REQUEST and (
        code_of(error) == _NO_MD5 or (code_of(error) in _UNKNOWN and b"content-md5" in error.answer.content.lower())
    )
