from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from tests.cli.dict_store import DictDriver
from tests.cli.invoking import Invoke


@pytest.fixture(autouse=True)
def _begun(store: DictDriver) -> None:
    now = datetime.now(timezone.utc)
    store.open_uploads.update({"/a/new": b"12", "/a/old": b"123", "/b": b""})
    store.started.update({"/a/new": now, "/a/old": now - timedelta(days=30), "/b": now - timedelta(days=2)})


def test_uploads_are_listed_below_a_path(run: Invoke) -> None:
    assert [line.split()[3] for line in run("uploads", "/a").lines] == ["/a/new", "/a/old"]


def test_uploads_json(run: Invoke, store: DictDriver) -> None:
    started = store.started["/b"].isoformat().replace("+00:00", "Z")
    assert run("uploads", "--json", "/b").records == [{"path": "/b", "id": "upload-2", "started": started, "size": 0}]


def test_purge_leaves_what_is_younger_than_a_week(run: Invoke, store: DictDriver) -> None:
    assert [record["path"] for record in run("purge", "--json").records] == ["/a/old"]
    assert set(store.open_uploads) == {"/a/new", "/b"}


def test_purge_takes_an_age(run: Invoke, store: DictDriver) -> None:
    run("purge", "--older-than", "24h")
    assert set(store.open_uploads) == {"/a/new"}


def test_a_dry_run_removes_nothing(run: Invoke, store: DictDriver) -> None:
    shown = run("purge", "--json", "--dry-run", "--older-than", "0s").records
    assert [(record["path"], record["purged"]) for record in shown] == [
        ("/a/new", False),
        ("/a/old", False),
        ("/b", False),
    ]
    assert len(store.open_uploads) == 3
