"""What ``check`` says of the root directory, and what it leaves there."""

from __future__ import annotations

import os
import uuid
from pathlib import Path
from typing import Any

import pytest

from tests.cli.invoking import Invoke
from tests.servers.azurite import AzuriteServer
from tests.servers.s3 import S3Server


def check(driver: str, parameters: dict[str, Any], *options: str, code: int = 0) -> list[dict[str, Any]]:
    given = [option for name, value in parameters.items() for option in ("--param", f"{name}={value}")]
    (record,) = Invoke(("--driver", driver, *given))("check", "--json", *options, code=code).records
    assert record["ok"] is (code == 0)
    steps: list[dict[str, Any]] = record["steps"]
    return steps


def statuses(steps: list[dict[str, Any]]) -> dict[str, str]:
    return {step["name"]: step["status"] for step in steps}


def step(steps: list[dict[str, Any]], name: str) -> dict[str, Any]:
    return next(step for step in steps if step["name"] == name)


def of(driver: str, directory: Path) -> dict[str, str]:
    return {"rootdirectory": str(directory)} if driver == "filesystem" else {"url": f"file://{directory}"}


KEEPING = pytest.mark.parametrize("driver", ["filesystem", "fsspec"])


@KEEPING
@pytest.mark.parametrize("options", [(), ("--read-only",)])
def test_a_root_directory_that_does_not_exist_is_said_and_not_made(
    tmp_path: Path, driver: str, options: tuple[str, ...]
) -> None:
    steps = check(driver, of(driver, tmp_path / "registri" / "x"), *options)
    root = step(steps, "root")
    assert root["status"] == "note"
    assert root["detail"] == f"{tmp_path}/registri/x does not exist yet"
    assert "mend its name" in root["advice"]
    found = statuses(steps)
    assert found["list"] == "ok"
    assert {found[name] for name in ("write", "upload", "move", "delete")} == {"skipped"}
    assert list(tmp_path.iterdir()) == []


@KEEPING
def test_a_root_directory_that_is_there_is_left_as_it_was(tmp_path: Path, driver: str) -> None:
    found = statuses(check(driver, of(driver, tmp_path)))
    assert "root" not in found
    assert found["write"] == found["delete"] == "ok"
    assert list(tmp_path.iterdir()) == []


def test_a_root_directory_that_cannot_be_made_is_a_failure(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (root,) = [
        step
        for step in check("filesystem", {"rootdirectory": str(tmp_path / "file" / "x")}, code=1)
        if step["name"] == "root"
    ]
    assert (root["status"], root["advice"]) == (
        "failed",
        "make the directory for this user, or mend its name in the configuration",
    )
    assert f"{tmp_path}/file is no directory" in root["detail"]
    assert (
        statuses(check("filesystem", {"rootdirectory": str(tmp_path / "file" / "x")}, "--read-only"))["root"] == "note"
    )


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_place_that_this_user_cannot_write_to_is_a_failure(tmp_path: Path) -> None:
    tmp_path.chmod(0o555)
    try:
        root = step(check("filesystem", {"rootdirectory": str(tmp_path / "x")}, code=1), "root")
    finally:
        tmp_path.chmod(0o755)
    assert "cannot be written to by this user" in root["detail"]


def test_nothing_below_the_root_directory_of_a_bucket(any_s3_server: S3Server) -> None:
    root = f"roots/{uuid.uuid4().hex}"
    steps = check("s3", any_s3_server.parameters(root))
    assert step(steps, "root")["detail"] == f"nothing is below {root} yet"
    assert statuses(steps)["write"] == "ok"
    with any_s3_server.client() as client:
        assert "Contents" not in client.list_objects_v2(Bucket=any_s3_server.parameters(root)["bucket"], Prefix=root)


def test_all_of_a_bucket_is_never_missing() -> None:
    assert "root" not in statuses(check("inmemory", {}))


def test_names_that_begin_with_a_slash_are_found(azurite: AzuriteServer) -> None:
    root = f"roots/{uuid.uuid4().hex}"
    with azurite.client() as container:
        container.upload_blob(f"/{root}/docker/registry/v2/a", b"x")
    invoke = Invoke(
        (
            "--driver",
            "azure",
            *(part for name, value in azurite.parameters(root).items() for part in ("--param", f"{name}={value}")),
        )
    )
    for options in ((), ("--read-only",)):
        shown = invoke("check", *options)
        (line,) = [line for line in shown.lines if "trimlegacyrootprefix" in line]
        assert line.startswith("note")
        assert "set trimlegacyrootprefix to false" in line
        assert shown.err == ""
    assert "set trimlegacyrootprefix to false" in invoke("ls").err
