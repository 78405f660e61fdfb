"""pyarrow's datasets over the filesystem."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest

from storagedriver.filesystem import StorageDriverFileSystem
from tests.tools.conftest import Options, paths


def table(numbers: list[int], years: list[int]) -> Any:
    # The type that pyarrow finds in the names of partitions.
    return pa.table({"n": numbers, "year": pa.array(years, pa.int32())})


TABLE = table(list(range(100)), [2023, 2024] * 50)
DIRECTORIES = ds.partitioning(pa.schema([("year", pa.int32())]))


@pytest.fixture
def fs(options: Options) -> StorageDriverFileSystem:
    return StorageDriverFileSystem(**options)


def dataset(fs: StorageDriverFileSystem, partitioning: Any) -> Any:
    return ds.dataset("/sales", filesystem=fs, format="parquet", partitioning=partitioning)


def test_one_file(fs: StorageDriverFileSystem) -> None:
    pq.write_table(TABLE, "/x.parquet", filesystem=fs)
    assert pq.read_table("/x.parquet", filesystem=fs).equals(TABLE)
    assert pq.read_table("/x.parquet", columns=["year"], filesystem=fs).num_columns == 1
    with pytest.raises(FileNotFoundError):
        pq.read_table("/none.parquet", filesystem=fs)


@pytest.mark.parametrize("partitioning", [DIRECTORIES, "hive"], ids=["directories", "hive"])
def test_partitions(fs: StorageDriverFileSystem, options: Options, partitioning: Any) -> None:
    written = ds.partitioning(DIRECTORIES.schema, flavor="hive") if partitioning == "hive" else partitioning

    def write(rows: Any, behavior: str) -> None:
        ds.write_dataset(
            rows, "/sales", filesystem=fs, format="parquet", partitioning=written, existing_data_behavior=behavior
        )

    write(TABLE, "error")
    assert dataset(fs, partitioning).to_table().sort_by("n").select(["n", "year"]).equals(TABLE)
    assert dataset(fs, partitioning).to_table(filter=ds.field("year") == 2024).num_rows == 50
    write(table([100], [2025]), "overwrite_or_ignore")
    assert dataset(fs, partitioning).count_rows() == 101
    write(table([1], [2024]), "delete_matching")
    assert dataset(fs, partitioning).count_rows() == 52
    assert len(paths(options)) == 3
    fs.rm("/sales", recursive=True)
    assert paths(options) == []


def test_a_dataset_is_not_written_over_another_one(fs: StorageDriverFileSystem) -> None:
    ds.write_dataset(TABLE, "/sales", filesystem=fs, format="parquet")
    with pytest.raises(pa.ArrowInvalid, match="not empty"):
        ds.write_dataset(TABLE, "/sales", filesystem=fs, format="parquet")
    assert dataset(fs, None).to_table().equals(TABLE)
