from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from storagedriver.errors import (
    BucketNotFoundError,
    ParameterError,
    PermissionDeniedError,
    StorageDriverError,
    UnavailableError,
)
from tests.cli.dict_store import DictDriver
from tests.cli.invoking import Invoke, Shown


def statuses(shown: Shown) -> dict[str, str]:
    (record,) = shown.records
    return {step["name"]: step["status"] for step in record["steps"]}


def advice(shown: Shown) -> Any:
    (record,) = shown.records
    return next(step["advice"] for step in record["steps"] if step["status"] == "failed")


def test_everything_works(run: Invoke, store: DictDriver) -> None:
    store.contents["/kept"] = b"1"
    shown = run("check", "--json")
    assert statuses(shown) == {
        "parameters": "ok",
        "reach": "ok",
        "bucket": "ok",
        "list": "ok",
        "write": "ok",
        "read": "ok",
        "sign": "skipped",
        "upload": "ok",
        "move": "ok",
        "delete": "ok",
    }
    (record,) = shown.records
    assert record["ok"] is True
    assert record["driver"] == "dict"
    assert store.contents == {"/kept": b"1"}
    assert not store.open_uploads


def test_people_see_one_line_a_step(run: Invoke) -> None:
    lines = run("check").lines
    assert [line.split()[:2] for line in lines[:4]] == [
        ["ok", "parameters"],
        ["ok", "reach"],
        ["ok", "bucket"],
        ["ok", "list"],
    ]


def test_what_to_mend_stands_below_what_failed(run: Invoke, store: DictDriver) -> None:
    store.faults["put_content"] = PermissionDeniedError("AccessDenied", driver_name="dict", path="/x")
    lines = run("check", code=4).lines
    at = next(number for number, line in enumerate(lines) if line.startswith("failed"))
    assert "dict: permission denied: /x: AccessDenied" in lines[at]
    assert lines[at + 1].strip().startswith("-> check the access key")
    assert "write objects" in lines[at + 1]


def test_a_bad_parameter(run: Invoke, store: DictDriver) -> None:
    store.faults["create"] = ParameterError("it is required", driver_name="dict", path="bucket")
    shown = run("check", "--json", code=2)
    assert statuses(shown) == {"parameters": "failed"}
    assert "mend this parameter" in advice(shown)


def test_no_storage_at_all(invoke: Invoke) -> None:
    assert statuses(invoke("check", "--json", code=2)) == {"parameters": "failed"}


def test_a_store_that_cannot_be_reached_is_asked_once(run: Invoke, store: DictDriver) -> None:
    store.faults["stat"] = UnavailableError("connection refused", driver_name="dict")
    shown = run("check", "--json", code=6)
    assert statuses(shown) == {"parameters": "ok", "reach": "failed", "bucket": "skipped"}
    assert "endpoint" in advice(shown)


def test_a_missing_bucket(run: Invoke, store: DictDriver) -> None:
    store.faults["stat"] = BucketNotFoundError(driver_name="dict", path="b")
    shown = run("check", "--json", code=5)
    assert statuses(shown) == {"parameters": "ok", "reach": "ok", "bucket": "failed"}
    assert "make the bucket" in advice(shown)


def test_a_bucket_that_refuses_to_be_listed_is_tried_on(run: Invoke, store: DictDriver) -> None:
    refusal = PermissionDeniedError(driver_name="dict", path="/")
    store.faults.update({"stat": refusal, "list": refusal})
    found = statuses(run("check", "--json", code=4))
    assert found["bucket"] == found["list"] == "failed"
    assert found["write"] == found["read"] == "ok"
    assert not store.contents


def test_steps_that_need_a_failed_one_are_skipped(run: Invoke, store: DictDriver) -> None:
    store.faults["put_content"] = StorageDriverError("disk full", driver_name="dict")
    found = statuses(run("check", "--json", code=1))
    assert {found[name] for name in ("read", "sign", "upload", "move", "delete")} == {"skipped"}


def test_an_error_outside_the_contract_is_a_failed_step(run: Invoke, store: DictDriver) -> None:
    store.faults["move"] = TypeError("oops")
    found = statuses(run("check", "--json", code=1))
    assert found["move"] == "failed"
    assert found["delete"] == "ok"


def test_it_cleans_up_after_an_interrupt(run: Invoke, store: DictDriver) -> None:
    store.faults["move"] = KeyboardInterrupt()
    run("check", code=130)
    assert not store.contents
    assert not store.open_uploads


def test_what_is_left_behind_is_named(run: Invoke, store: DictDriver) -> None:
    store.faults["delete"] = PermissionDeniedError(driver_name="dict")
    last = run("check", code=4).lines[-1]
    assert "is left behind" in last
    assert next(iter(store.contents)).rpartition("/")[0] in last


@pytest.mark.parametrize("files", [{}, {"/a/b": b"1"}])
def test_read_only_writes_nothing(run: Invoke, store: DictDriver, files: dict[str, bytes]) -> None:
    store.contents.update(files)
    for call in ("put_content", "writer", "move", "delete"):
        store.faults[call] = AssertionError("it wrote")
    found = statuses(run("check", "--read-only", "--json"))
    assert {found[name] for name in ("write", "upload", "move", "delete")} == {"skipped"}
    assert found["read"] == ("ok" if files else "skipped")


@pytest.fixture
def served(store: DictDriver) -> Iterator[None]:
    """The store's own URLs, served."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            content = store.contents.get(self.path.partition("?")[0])
            self.send_response(404 if content is None or "sign" in store.faults else 200)
            self.end_headers()
            self.wfile.write(content or b"")

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    store.base_url = f"http://127.0.0.1:{server.server_port}"
    yield
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.usefixtures("served")
def test_a_signed_url_is_fetched(run: Invoke) -> None:
    assert statuses(run("check", "--json"))["sign"] == "ok"


@pytest.mark.usefixtures("served")
def test_a_signed_url_that_gives_nothing_fails_without_showing_it(run: Invoke, store: DictDriver) -> None:
    store.faults["sign"] = StorageDriverError()
    shown = run("check", "--json", code=1)
    assert statuses(shown)["sign"] == "failed"
    assert "expires=" not in shown.text
