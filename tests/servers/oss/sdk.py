"""The plain SDK as the tests use it: it leaves no connection open behind it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import oss2


class Session(oss2.Session):  # type: ignore[misc]
    """A session that reads each answer at once: the SDK leaves some unread, and with them their connections."""

    def do_request(self, req: Any, timeout: Any) -> Any:
        response = super().do_request(req, timeout)
        _ = response.response.content
        return response

    def close(self) -> None:
        self.session.close()


@contextmanager
def bucket(auth: Any, endpoint: str, name: str, **options: Any) -> Iterator[Any]:
    """An `oss2.Bucket` until the end of the block."""
    session = Session()
    try:
        yield oss2.Bucket(auth, endpoint, name, session=session, connect_timeout=30, **options)
    finally:
        session.close()
