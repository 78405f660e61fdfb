"""What the contract of a driver excludes, and what happens in its place.

Each is told in docs/pandas-and-dask.md. fsspec's suites in test_abstract.py
run without exception, so here is what they do not ask for.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from storagedriver import InvalidPathError, StorageDriverWarning
from storagedriver.filesystem import StorageDriverFileSystem
from tests.filesystem.dictionary import DictionaryDriver


@pytest.mark.parametrize("name", ["a b.csv", "ü.csv", "year=2024", "a+b", "12:30", "a@b", "~"])
def test_names_outside_the_path_rule_are_refused_before_anything_is_written(
    any_fs: StorageDriverFileSystem, name: str
) -> None:
    for path in (f"/{name}", f"/d/{name}", f"/{name}/x"):
        with pytest.raises(InvalidPathError, match="invalid path"):
            any_fs.open(path, "wb")
        with pytest.raises(ValueError, match="invalid path"):
            any_fs.pipe_file(path, b"")
    assert any_fs.ls("/") == []


def test_hive_partitions_are_refused_with_the_way_out(local: StorageDriverFileSystem) -> None:
    frame = pd.DataFrame({"year": [2024, 2025], "x": [1, 2]})
    with pytest.raises(ValueError, match=r"invalid path: '/sales/year=202.*A-Z.*names: any"):
        frame.to_parquet("/sales", partition_cols=["year"], filesystem=local)


def test_partitions_by_directory_are_the_way_out(local: StorageDriverFileSystem) -> None:
    dataset = pytest.importorskip("pyarrow.dataset")
    pa = pytest.importorskip("pyarrow")
    table = pa.table({"year": [2024, 2025], "x": [1, 2]})
    partitioning = dataset.partitioning(pa.schema([("year", pa.int64())]))
    dataset.write_dataset(table, "/sales", filesystem=local, format="parquet", partitioning=partitioning)
    assert [info["name"] for info in local.ls("/sales")] == ["/sales/2024", "/sales/2025"]
    again = dataset.dataset("/sales", filesystem=local, format="parquet", partitioning=partitioning).to_table()
    assert again.sort_by("x").select(["year", "x"]).equals(table)


def test_files_that_no_path_can_name_are_left_out_of_one_list_with_a_warning(
    local: StorageDriverFileSystem, tmp_path: Path
) -> None:
    local.pipe_file("/d/a.csv", b"")
    (tmp_path / "root" / "d" / "a b.csv").write_bytes(b"")
    with pytest.warns(StorageDriverWarning, match="1 key below /d .*a b.csv"):
        assert local.ls("/d", detail=False) == ["/d/a.csv"]


def test_a_directory_goes_with_its_last_file_where_the_store_keeps_none(fs: StorageDriverFileSystem) -> None:
    fs.makedirs("/d/e")
    assert not fs.exists("/d/e")
    fs.pipe_file("/d/e/f", b"")
    assert fs.isdir("/d/e")
    fs.rm("/d/e/f")
    assert not fs.exists("/d")


def test_a_directory_stays_where_the_store_keeps_it(local: StorageDriverFileSystem) -> None:
    local.makedirs("/d/e")
    local.pipe_file("/d/e/f", b"")
    local.rm("/d/e/f")
    assert local.isdir("/d/e")


def test_create_is_not_atomic(fs: StorageDriverFileSystem, driver: DictionaryDriver) -> None:
    # Both looked before either published: the last one to close looks once more and loses.
    first, second = fs.open("/a", "xb"), fs.open("/a", "xb")
    first.write(b"1")
    second.write(b"2")
    first.close()
    with pytest.raises(FileExistsError):
        second.close()
    assert driver.contents == {"/a": b"1"}
