"""The benchmarks as they are run: small, on the disk."""

from __future__ import annotations

import json
from pathlib import Path

from click.testing import CliRunner

from benchmarks.__main__ import main, page
from benchmarks.plan import PLANS
from benchmarks.servers import STORAGES
from storagedriver.bench.peers import OWN


def test_every_plan_has_a_storage() -> None:
    assert set(PLANS) == set(STORAGES)


def test_a_quick_run_writes_tables_samples_and_a_picture(tmp_path: Path) -> None:
    kept = {
        "gcs": {
            "server": "of a test",
            "subjects": {},
            "results": [],
            "when": "",
            "system": "",
            "python": "",
            "rounds": 1,
        }
    }
    (tmp_path / "results.json").write_text(json.dumps(kept))
    shown = CliRunner().invoke(main, ["--quick", "--rounds", "1", "--on", "filesystem", "--output", str(tmp_path)])
    assert shown.exit_code == 0, shown.output
    record = json.loads((tmp_path / "results.json").read_text())
    assert record["gcs"] == kept["gcs"]
    results = record["filesystem"]["results"]
    assert {result["subject"] for result in results} >= {OWN, "obstore"}
    assert [result for result in results if "error" in result] == []
    tables = (tmp_path / "results.md").read_text()
    assert "## filesystem" in tables
    assert "| write 1 MiB by 1 MiB | storagedriver |" in tables
    assert "| s3: read 1 GiB by 1 MiB, speed against curl | at least 0.9 |  | not measured |" in tables
    assert tables in shown.output
    assert (tmp_path / "filesystem.png").read_bytes().startswith(b"\x89PNG")
    assert all("samples" not in result for result in results)
    assert len((tmp_path / "results.json").read_text().splitlines()) < 2 * len(results)
    samples = json.loads((tmp_path / "samples.json").read_text())["filesystem"]["results"]
    assert [len(result["samples"]) for result in samples] == [1] * len(results)
    for name in ("results.md", "filesystem.png"):
        (tmp_path / name).unlink()
    again = CliRunner().invoke(main, ["--again", "--output", str(tmp_path)])
    assert again.exit_code == 0, again.output
    assert (tmp_path / "results.md").read_text() == tables
    assert (tmp_path / "filesystem.png").exists()


def test_the_tables_of_the_docs_are_made_from_what_is_kept() -> None:
    kept = Path(__file__).resolve().parents[2] / "docs" / "performance"
    record = json.loads((kept / "results.json").read_text(encoding="utf-8"))
    assert (kept / "results.md").read_text(encoding="utf-8") == page(record)


def test_tables_are_made_again_from_a_directory_only() -> None:
    assert CliRunner().invoke(main, ["--again"]).exit_code == 2


def test_a_storage_that_there_is_none_of_is_refused() -> None:
    assert CliRunner().invoke(main, ["--on", "nowhere"]).exit_code == 2
