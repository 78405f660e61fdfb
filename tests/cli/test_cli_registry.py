"""verify, usage and garbage from a shell."""

from __future__ import annotations

from pathlib import Path

import pytest

from storagedriver import factory
from storagedriver.registry import layout
from tests.cli.invoking import Invoke
from tests.registry.generated import UUID, Writer


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "storage"


@pytest.fixture
def writer(root: Path) -> Writer:
    return Writer(factory.create("filesystem", {"rootdirectory": str(root)}))


@pytest.fixture
def run(root: Path) -> Invoke:
    return Invoke(("--driver", "filesystem", "--param", f"rootdirectory={root}"))


def test_verify_shows_nothing_of_what_is_healthy(run: Invoke, writer: Writer) -> None:
    writer.image("app", "latest", layers=(b"1",))
    assert run("verify").lines == ["nothing was found"]
    assert run("verify", "--json", "--digests").records == []


def test_verify_shows_damage_and_what_mends_it(run: Invoke, writer: Writer) -> None:
    writer.image("app", "latest", layers=(b"1",))
    writer.upload("app")
    link = layout.tag_path("app", "latest")
    writer.driver.put_content(link, b"")
    shown = run("verify", code=9)
    assert [line.split()[:4] for line in shown.lines[:2]] == [
        ["damage", "link_empty", "app", link],
        [
            "note",
            "upload_unfinished",
            "app",
            layout.upload_directory("app", UUID),
        ],
    ]
    assert "link_empty (1): the link holds nothing" in shown.text
    damage, note = run("--json", "verify", code=9).records
    assert (damage["kind"], damage["repairable"], damage["path"]) == ("link_empty", True, link)
    assert note["age"] > 0


def test_verify_mends_what_is_certain(run: Invoke, writer: Writer) -> None:
    image = writer.image("app", "latest", layers=(b"1",))
    link = layout.tag_path("app", "latest")
    writer.driver.put_content(link, b"")
    (dry,) = run("verify", "--repair", "--dry-run", "--json", code=9).records
    assert dry["repaired"] is False
    assert "would be written" in run("verify", "--repair", "--dry-run", code=9).text
    assert writer.driver.get_content(link) == b""
    (done,) = run("verify", "--repair", "--json").records
    assert done["repaired"] is True
    assert writer.driver.get_content(link).decode() == image
    assert run("verify", "--repair").lines == ["nothing was found"]


def test_notes_are_no_damage(run: Invoke, writer: Writer) -> None:
    writer.upload("app")
    assert run("verify").lines[0].startswith("note")


def test_verify_refuses_what_makes_no_sense(run: Invoke, writer: Writer, tmp_path: Path) -> None:
    writer.image("app", "latest", layers=(b"1",))
    for arguments in (["--state", "x"], ["--dry-run"], ["/elsewhere"], ["--concurrency", "0"]):
        run("verify", *arguments, code=2)
    run("verify", f"{layout.REPOSITORIES}/nothing", code=3)
    (tmp_path / "state").write_text("no database " * 100)
    assert "cannot be used" in run("verify", "--digests", "--state", str(tmp_path / "state"), code=2).err
    Invoke(("--driver", "inmemory"))("verify", code=3)
    Invoke(("--driver", "inmemory"))("usage", code=3)
    Invoke(("--driver", "inmemory"))("garbage", code=3)


def test_usage_shows_repositories_and_the_sum(run: Invoke, writer: Writer) -> None:
    writer.image("small", "latest", layers=(b"1",))
    writer.image("large", "latest", layers=(b"1" * 5000,))
    shown = run("usage", "--sort", "frees", "--bytes")
    assert [line.split()[0] for line in shown.lines[:3]] == ["repository", "large", "small"]
    assert [line.split()[0] for line in run("usage").lines[1:3]] == ["large", "small"]
    *repositories, last = run("usage", "--json").records
    assert [one["repository"] for one in repositories] == ["large", "small"]
    assert last["total"]["total"] == sum(info.size for info in writer.driver.files())
    assert last["doubts"] == []


def test_what_was_not_understood_is_a_warning(run: Invoke, writer: Writer) -> None:
    image = writer.image("app", "latest", layers=(b"1",))
    writer.driver.put_content(layout.blob_path(image), b"")
    assert "not understood" in run("usage").err
    assert "not understood" in run("garbage").err
    assert "is not known" in run("garbage", "--delete", "--registry-is-read-only", code=7).err
    assert "is not known" in run("garbage", "--quarantine", code=7).err


def test_garbage_is_shown_and_deleted(run: Invoke, writer: Writer) -> None:
    writer.image("app", "latest", layers=(b"1",))
    orphan = layout.blob_path(writer.blob(b"orphan"))
    (record,) = run("garbage", "--json").records
    assert (record["kind"], record["path"], record["size"]) == ("blob", orphan, 6)
    assert run("garbage").lines[-1].split() == ["6", "B", "in", "1", "files"]
    assert "--registry-is-read-only" in run("garbage", "--delete", code=2).err
    (dry,) = run("garbage", "--delete", "--dry-run", "--json").records
    assert dry["done"] is False
    (done,) = run("garbage", "--delete", "--registry-is-read-only", "--json").records
    assert (done["action"], done["path"], done["done"]) == ("delete", orphan, True)
    assert not writer.driver.exists(orphan.rpartition("/")[0])
    assert run("garbage", "--json").records == []


def test_garbage_goes_to_the_quarantine_and_from_there(run: Invoke, writer: Writer) -> None:
    writer.image("app", "latest", layers=(b"1",))
    writer.blob(b"orphan")
    assert run("garbage", "--quarantine", "--min-age", "1h", "--json").records == []
    assert [line.split()[0] for line in run("garbage", "--quarantine").lines[:-1]] == ["move"]
    assert run("garbage", "--quarantine", "--json").records == []
    assert [one["action"] for one in run("garbage", "--quarantine", "--older-than", "0s", "--json").records] == [
        "delete"
    ]
    assert run("usage", "--json").records[-1]["total"]["orphans"] == 0


def test_garbage_refuses_what_makes_no_sense(run: Invoke, writer: Writer) -> None:
    writer.image("app", "latest", layers=(b"1",))
    for arguments in (
        ["--delete", "--quarantine"],
        ["--delete"],
        ["--registry-is-read-only"],
        ["--dry-run"],
        ["--older-than", "1h"],
        ["--quarantine", "--older-than", "5"],
        ["--quarantine", "--registry-is-read-only"],
    ):
        run("garbage", *arguments, code=2)


def test_garbage_that_cannot_be_moved_is_a_failure(run: Invoke, writer: Writer) -> None:
    layer = writer.layer("app", b"layer")
    run("garbage", "--quarantine")
    writer.image("app", "latest", layers=(b"layer",))
    writer.driver.put_content(layout.blob_path(layer), b"la")
    (record,) = run("garbage", "--quarantine", "--json", code=7).records
    assert record["done"] is False
    assert "another file" in record["error"]
