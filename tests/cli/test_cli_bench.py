from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.invoking import Invoke

SMALL = ("--size", "1MiB", "--piece", "1MiB", "--concurrency", "1", "--files", "20", "--repeat", "3", "--rounds", "2")


@pytest.fixture
def filesystem(tmp_path: Path) -> Invoke:
    return Invoke(("--driver", "filesystem", "--param", f"rootdirectory={tmp_path / 'root'}"))


def test_bench_shows_a_table(filesystem: Invoke) -> None:
    lines = filesystem("bench", *SMALL, "--case", "write*", "--case", "stat").lines
    assert [line.split()[0] for line in lines] == ["subject", "write", "storagedriver", "stat", "storagedriver"]
    assert "MB/s" in lines[2]
    assert "s/GiB" in lines[2]


def test_bench_json_and_files(filesystem: Invoke, tmp_path: Path) -> None:
    output, plot = tmp_path / "results.json", tmp_path / "plot.png"
    shown = filesystem("bench", "--json", *SMALL, "--case", "read*", "--output", str(output), "--plot", str(plot))
    (record,) = shown.records
    assert (record["case"], record["subject"], len(record["samples"])) == ("read 1 MiB by 1 MiB", "storagedriver", 2)
    kept = json.loads(output.read_text())
    assert kept["results"] == [record]
    assert kept["driver"] == "filesystem"
    assert plot.read_bytes().startswith(b"\x89PNG")


def test_bench_beside_a_peer_that_does_the_same_by_its_own_program(filesystem: Invoke, tmp_path: Path) -> None:
    program = tmp_path / "program"
    program.write_text(f"#!/bin/sh\nexec {__import__('sys').executable} -m storagedriver.bench.worker\n")
    program.chmod(0o700)
    # It answers as it is asked: as the peer "go", which a Python process is not.
    shown = filesystem("bench", *SMALL, "--vs", "go", "--go", str(program), "--case", "stat", code=1)
    assert "go: there is no such peer" in shown.err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--size", "1 potato"], "is no size such as"),
        (["--size", "0"], "is no size such as"),
        (["--case", "nothing*"], "No case is called so"),
        (["--vs", "go"], "--vs go needs the program"),
        (["--vs", "nobody"], "is not one of"),
        (["--rounds", "0"], "--rounds"),
    ],
)
def test_a_wrong_option_is_refused_before_anything_is_measured(
    filesystem: Invoke, options: list[str], message: str
) -> None:
    assert message in filesystem("bench", *options, code=2).err


def test_a_peer_that_cannot_reach_the_storage_is_an_error_in_one_line(filesystem: Invoke) -> None:
    (line,) = filesystem("bench", *SMALL, "--vs", "boto3", code=1).err.splitlines()
    assert "boto3" in line
    assert "and not of filesystem" in line
