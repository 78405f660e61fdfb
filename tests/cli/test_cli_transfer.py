from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from storagedriver.registry import layout
from tests.cli.dict_store import DictDriver
from tests.cli.invoking import Invoke
from tests.transfer.generated import Generated

SECRET = "s3cr3t-0123"


@pytest.fixture
def made(store: DictDriver) -> Generated:
    made = Generated()
    made.fill(1, 1, (1000,))
    store.contents = dict(made.files)
    return made


@pytest.fixture
def to(tmp_path: Path) -> tuple[str, ...]:
    return "--to-driver", "filesystem", "--to-param", f"rootdirectory={tmp_path / 'to'}"


def files(root: Path) -> dict[str, bytes]:
    return {f"/{path.relative_to(root)}": path.read_bytes() for path in root.rglob("*") if path.is_file()}


def test_a_registry_is_transferred_and_the_outcome_shown(
    run: Invoke, made: Generated, to: tuple[str, ...], tmp_path: Path
) -> None:
    shown = run("transfer", *to)
    assert files(tmp_path / "to") == made.files
    assert shown.lines[-1] == "complete: the destination equals what the source listed"
    assert "copied" in shown.text
    (record,) = run("transfer", *to, "--json").records
    assert record["report"]["equal"]
    assert record["report"]["present"]["files"] == len(made.files)


def test_the_destination_is_that_of_a_file_and_variables_are_of_the_source(
    run: Invoke, made: Generated, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    new = tmp_path / "new.yml"
    new.write_text(f"version: 0.1\nstorage:\n  filesystem:\n    rootdirectory: {tmp_path / 'new'}\n")
    monkeypatch.setenv("REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY", str(tmp_path / "other"))
    run("transfer", "--to", str(new))
    assert files(tmp_path / "new") == made.files
    assert not (tmp_path / "other").exists()


def test_a_dry_run_shows_each_file(run: Invoke, made: Generated, to: tuple[str, ...], tmp_path: Path) -> None:
    shown = run("transfer", *to, "--dry-run")
    assert sum(line.startswith("copied") for line in shown.lines) == len(made.files)
    assert "would be copied" in shown.text
    assert files(tmp_path / "to") == {}


def test_what_was_not_transferred_is_shown_with_its_reason(
    run: Invoke, made: Generated, store: DictDriver, to: tuple[str, ...]
) -> None:
    path = next(path for path in made.files if path.endswith("/current/link"))
    store.contents[path] = b""
    shown = run("transfer", *to, code=1)
    assert shown.err == f"storagedriver: wrong: {path}: the link is empty\n"
    assert "incomplete" in shown.lines[-1]
    shown = run("--json", "transfer", *to, code=1)
    assert json.loads(shown.err) == {"problem": "wrong", "path": path, "reason": "the link is empty"}
    assert shown.records[-1]["report"]["wrong"] == 1


def test_a_refusal_is_a_mistake_of_the_command_line(
    run: Invoke, made: Generated, to: tuple[str, ...], tmp_path: Path
) -> None:
    (tmp_path / "to").mkdir()
    (tmp_path / "to" / "file").write_bytes(b"")
    assert "holds files" in run("transfer", *to, code=2).err
    assert files(tmp_path / "to") == {"/file": b""}
    assert made.files
    run("transfer", *to, "--merge")


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("--to", "x.yml", "--to-driver", "filesystem"),
        ("--to", "x.yml", "--to-param", "a=b"),
        ("--to-driver", "filesystem", "--repository", "A"),
        ("--to-driver", "filesystem", "--bandwidth", "0"),
        ("--to-driver", "filesystem", "--repository", "a", "/b"),
    ],
)
def test_bad_options_are_refused(run: Invoke, arguments: tuple[str, ...]) -> None:
    assert run("transfer", *arguments, code=2).err.count("\n") == 1


def test_secrets_of_the_destination_are_hidden(run: Invoke) -> None:
    shown = run("--debug", "transfer", "--to-driver", "s3", "--to-param", f"secretkey={SECRET}", code=2)
    assert SECRET not in shown.err


def listed(directory: Path) -> list[str]:
    try:
        return [path.name for path in directory.iterdir()]
    except FileNotFoundError:
        return []


def test_an_interrupt_shows_what_was_done(tmp_path: Path) -> None:
    made = Generated()
    made.layer("a", os.urandom(6 << 20))
    for path, content in made.files.items():
        file = tmp_path / "from" / path[1:]
        file.parent.mkdir(parents=True)
        file.write_bytes(content)
    options = ["--driver", "filesystem", "--param", f"rootdirectory={tmp_path / 'from'}", "--json", "transfer"]
    to = ["--to-driver", "filesystem", "--to-param", f"rootdirectory={tmp_path / 'to'}", "--bandwidth", "1MiB"]
    command = [sys.executable, "-m", "storagedriver", *options, *to]
    staged = tmp_path / "to" / ".storagedriver-transfer"
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        while not any(name.startswith("sha256-") for name in listed(staged)):
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        out, err = process.communicate()
    assert process.returncode == 130
    assert json.loads(err)["error"]["message"] == "interrupted"
    assert json.loads(out)["report"]["interrupted"]
    assert not (tmp_path / "to" / layout.BLOBS[1:]).exists()
