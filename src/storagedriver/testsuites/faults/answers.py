"""Answers that are none: a driver must not believe them, and must take those that are right in spite of their looks."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any, ClassVar

import pytest

from storagedriver.driver import StorageDriver
from storagedriver.errors import InvalidAnswerError, PathNotFoundError, StorageDriverError, UnavailableError
from storagedriver.testsuites.faults.actions import Answer, CutHead, WithoutLength
from storagedriver.testsuites.faults.proxy import FaultProxy
from storagedriver.testsuites.faults.suite import fixtures_of
from storagedriver.testsuites.helpers import drain, pattern, upload
from storagedriver.testsuites.streams import slow_is_on

__all__ = ["answer_suite"]

_CONTENT = pattern(100_000, 1)
_PAGE = b"<html><body>please log in</body></html>"
_XML = b"<Error><Code>InternalError</Code><Message>try again</Message></Error>"
_JSON = b'{"error": {"code": 503, "message": "try again"}}'
_NONE = {"empty": b"", "page": _PAGE, "XML error": _XML, "JSON error": _JSON, "half": b"<List", "list": b"[1]"}

#: Each is refused if no answer is one of the store.
_CALLS: dict[str, Callable[[StorageDriver], object]] = {
    "get": lambda driver: driver.get_content("/dir/file"),
    "put": lambda driver: driver.put_content("/dir/other", b"x"),
    "reader": lambda driver: drain(driver.reader("/dir/file")),
    "reader from an offset": lambda driver: drain(driver.reader("/dir/file", 10)),
    "stat": lambda driver: driver.stat("/dir/file"),
    "exists": lambda driver: driver.exists("/dir/other"),
    "list": lambda driver: driver.list("/dir"),
    "walk": lambda driver: list(driver.files("/dir")),
    "move": lambda driver: driver.move("/dir/file", "/dir/moved"),
    "copy": lambda driver: driver.copy("/dir/file", "/dir/copied"),
    "delete": lambda driver: driver.delete("/dir"),
    "append": lambda driver: upload(driver, "/dir/file", b"x", append=True),
    "write": lambda driver: upload(driver, "/dir/other", b"x"),
    "uploads": lambda driver: list(driver.uploads("/")),
}
_Proxied = tuple[Callable[[float], StorageDriver], FaultProxy]
#: The timeout of a driver whose requests succeed, in seconds.
_LONG = 30.0


class Answers:
    """The tests; `answer_suite` gives them a driver."""

    make_driver: ClassVar[Callable[..., StorageDriver]]
    endpoint: ClassVar[Callable[..., str] | str]
    timeout: ClassVar[float]

    @pytest.fixture
    def proxied(self, request: pytest.FixtureRequest) -> Iterator[_Proxied]:
        """What makes a driver with a timeout, whose requests pass a proxy; and the proxy."""
        given = fixtures_of(self.make_driver, request, skip=2)
        asked = self.endpoint
        endpoint = asked if isinstance(asked, str) else asked(**fixtures_of(asked, request))
        with FaultProxy(endpoint) as proxy, contextlib.ExitStack() as stack:

            def make(timeout: float) -> StorageDriver:
                driver = stack.enter_context(self.make_driver(proxy.endpoint, timeout, **given))
                # What a driver asks a server once is asked before the answers are bad.
                driver.put_content("/dir/file", _CONTENT)
                assert driver.list("/dir") == ["/dir/file"]
                return driver

            yield make, proxy

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """An ordinary run has the two answers that differ most."""
        if "answer" in metafunc.fixturenames:
            names = list(_NONE) if slow_is_on(metafunc.config) else ["empty", "page"]
            metafunc.parametrize("answer", names)

    def test_what_is_no_answer_of_the_store_is_an_error(self, proxied: _Proxied, answer: str) -> None:
        make, proxy = proxied
        driver = make(self.timeout)
        proxy.add(Answer(200, _NONE[answer]), times=None)
        believed = {}
        for name, call in _CALLS.items():
            with contextlib.suppress(InvalidAnswerError, UnavailableError):
                believed[name] = call(driver)
        assert believed == {}, "these calls returned"
        proxy.reset()
        assert driver.get_content("/dir/file") == _CONTENT

    def test_a_head_that_breaks_off_is_no_success(self, proxied: _Proxied) -> None:
        make, proxy = proxied
        driver = make(self.timeout)
        proxy.add(CutHead(), times=None)
        for call in _CALLS.values():
            with pytest.raises(UnavailableError):
                call(driver)

    @pytest.mark.parametrize("chunked", [True, False], ids=["chunked", "until the connection ends"])
    def test_an_answer_without_a_length_says_as_much(self, proxied: _Proxied, chunked: bool) -> None:
        make, proxy = proxied
        driver = make(_LONG)
        proxy.add(WithoutLength(chunked=chunked), times=None)
        assert driver.get_content("/dir/file") == _CONTENT
        assert driver.stat("/dir/file").size == len(_CONTENT)
        with driver.reader("/dir/file") as reader:
            assert reader.size == len(_CONTENT)
            assert drain(reader) == _CONTENT
        with driver.reader("/dir/file", 99_000) as reader:
            assert drain(reader) == _CONTENT[99_000:]
        upload(driver, "/dir/file", b"tail", append=True)
        assert driver.get_content("/dir/file") == _CONTENT + b"tail"
        assert driver.list("/dir") == ["/dir/file"]
        driver.delete("/dir")
        with pytest.raises(PathNotFoundError):
            driver.stat("/dir/file")

    def test_a_content_that_ends_with_the_connection_counts_only_if_it_is_whole(self, proxied: _Proxied) -> None:
        make, proxy = proxied
        driver = make(_LONG)
        for path in ("/file", "%2Ffile"):
            proxy.add(WithoutLength(chunked=False, cut=1), method="GET", path=path, times=None)
        for name in ("get", "reader", "reader from an offset"):
            with pytest.raises(StorageDriverError):
                _CALLS[name](driver)


def answer_suite(
    name: str,
    make_driver: Callable[..., StorageDriver],
    endpoint: Callable[..., str] | str,
    *,
    timeout: float = 0.5,
) -> type:
    """The test class of bad answers: ``TestAnswers = answer_suite("mine", make, endpoint)``.

    Parameters
    ----------
    name : str
        A label for reports.
    make_driver, endpoint
        As for `fault_suite`.
    timeout : float
        The timeout of the driver whose requests fail, in seconds.

    Returns
    -------
    type
        A class for pytest to collect.
    """
    attributes: dict[str, Any] = {
        "__doc__": f"Answers that are none, for {name}.",
        "__module__": __name__,
        "make_driver": staticmethod(make_driver),
        "endpoint": endpoint if isinstance(endpoint, str) else staticmethod(endpoint),
        "timeout": timeout,
    }
    words = "".join(letter if letter.isalnum() else " " for letter in name).split()
    return type("TestAnswers" + "".join(word[:1].upper() + word[1:] for word in words), (Answers,), attributes)
