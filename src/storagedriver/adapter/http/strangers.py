"""What answers where a store was expected: web pages, redirects, a server that wants TLS, a clock that is wrong.

Such an answer is a failure whatever the store's protocol is, and what a user
has to change is known: it becomes the hint of the failure.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from email.utils import parsedate_to_datetime
from urllib.parse import urljoin, urlsplit

from storagedriver.adapter.http.answer import AnswerError
from storagedriver.adapter.store import Failure
from storagedriver.errors import (
    InvalidAnswerError,
    ParameterError,
    PermissionDeniedError,
    StorageDriverError,
    UnavailableError,
)

__all__ = ["NO_STORE", "WANTS_TLS", "advised", "is_web_page"]

#: What to do where something else answers than a store.
NO_STORE = "a console, a sign-in page or a proxy answers in place of the store: give the address of the store's API"
#: What to do where a server takes nothing but TLS.
WANTS_TLS = "the server speaks TLS there: begin the endpoint with https://"
_UNREACHED = "a proxy answers, which cannot reach the store: see whether the store runs"

_REDIRECTS = (301, 302, 303, 307, 308)
_BAD_REQUEST = 400
_FROM_A_PROXY = (502, 503, 504)
#: Of pages that a browser is meant to show. Swift describes its failures in HTML, too, without any of these.
_PAGE = re.compile(rb"<!doctype html|<(?:head|title|body|script)[\s>]", re.IGNORECASE)
_TITLE = re.compile(rb"<title[^>]*>([^<]{1,80})", re.IGNORECASE)
#: The words of Go's net/http, of nginx and of Apache.
_PLAIN = re.compile(
    rb"HTTP request to an HTTPS server|plain HTTP request was sent to HTTPS|speaking plain HTTP to an SSL"
)
#: The most that the clocks of a client and of a store may differ, by most protocols that sign requests:
#: https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html and
#: https://learn.microsoft.com/rest/api/storageservices/authorize-with-shared-key
_SKEW = timedelta(minutes=15)


def is_web_page(content: bytes) -> bool:
    """Whether it is a page for a browser."""
    start = content[:2048]
    return start.lstrip()[:1] == b"<" and _PAGE.search(start) is not None


def advised(error: AnswerError, failure: Failure) -> Failure:
    """The failure that a backend has seen in an answer, with a better reason where something else has answered.

    Parameters
    ----------
    error : AnswerError
        The answer.
    failure : Failure
        What the backend makes of it.
    """
    answer, url = error.answer, error.request.url
    if answer.status == _BAD_REQUEST and url.startswith("http://") and _PLAIN.search(answer.content):
        return Failure(ParameterError, failure.detail or str(error), WANTS_TLS)
    location = answer.headers.get("Location", "")
    if answer.status in _REDIRECTS and location and not failure.hint:
        try:
            return _redirected(error, location)
        except ValueError:  # it is no URL
            return Failure(InvalidAnswerError, f"{error}: the server redirects to what is no URL", NO_STORE)
    if failure.kind is PermissionDeniedError and (hint := _clock_hint(answer.headers)):
        return replace(failure, hint=hint)
    if failure.hint or not is_web_page(answer.content):
        return failure
    title = _TITLE.search(answer.content)
    shown = f" {' '.join(title[1].decode(errors='replace').split())!r}" if title else ""
    detail = f"{failure.detail or error} with a web page{shown}"
    if failure.kind is UnavailableError:
        return Failure(failure.kind, detail, _UNREACHED if answer.status in _FROM_A_PROXY else "")
    if failure.kind in (PermissionDeniedError, StorageDriverError):
        return Failure(failure.kind, detail, NO_STORE)
    return failure


def _redirected(error: AnswerError, location: str) -> Failure:
    """What a redirect means, by where it leads: the same path elsewhere, or something else."""
    source = urlsplit(error.request.url)
    target = urlsplit(urljoin(error.request.url, location))
    host = target.netloc.rpartition("@")[2]
    # A query may hold credentials.
    shown = "".join(letter if letter.isprintable() else "?" for letter in f"{target.scheme}://{host}{target.path}")
    detail = f"{error}: the server redirects to {shown}"
    asked, found = source.path.rstrip("/"), target.path.rstrip("/")
    # A bucket that was in the path may be in the host there.
    bucket = f"{asked.removesuffix(found).strip('/')}."
    is_same = asked == found or host.startswith(bucket) or bool(asked and found and found.endswith(asked))
    is_elsewhere = (target.scheme, host) != (source.scheme, source.netloc)
    if not (is_same and is_elsewhere and target.scheme in ("http", "https")):
        return Failure(InvalidAnswerError, detail, NO_STORE)
    above = found.removesuffix(asked) if asked and found.endswith(asked) else ""
    hint = f"set the endpoint to {target.scheme}://{host.removeprefix(bucket)}{above}"
    if target.hostname != source.hostname:
        hint += ", or the region to that of the bucket"
    return Failure(ParameterError, detail, hint)


def _clock_hint(headers: Mapping[str, str]) -> str:
    """What to do about the clock of this machine, if it differs from the store's by more than requests may."""
    try:
        moment = parsedate_to_datetime(headers.get("Date", "")).timestamp()
    except (ValueError, TypeError, OverflowError):
        return ""
    skew = time.time() - moment
    if abs(skew) <= _SKEW.total_seconds():
        return ""
    shown = timedelta(seconds=round(abs(skew)))
    return f"set the clock of this machine: it is {shown} {'ahead of' if skew > 0 else 'behind'} the store's"
