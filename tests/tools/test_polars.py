"""polars, as far as it takes fsspec: open files, and pyarrow's datasets. Its own readers of URLs know no fsspec."""

from __future__ import annotations

import polars as pl
import pyarrow.dataset as ds
import pytest
from polars.testing import assert_frame_equal

from storagedriver.filesystem import StorageDriverFileSystem
from tests.tools.conftest import Options, paths

FRAME = pl.DataFrame({"n": range(1000), "year": [2023, 2024] * 500})


@pytest.fixture
def fs(options: Options) -> StorageDriverFileSystem:
    return StorageDriverFileSystem(**options)


def test_open_files(fs: StorageDriverFileSystem) -> None:
    with fs.open("/x.parquet", "wb") as file:
        FRAME.write_parquet(file)
    with fs.open("/x.csv", "wb") as file:
        FRAME.write_csv(file)
    with fs.open("/lazy.parquet", "wb") as file:
        FRAME.lazy().filter(pl.col("year") == 2024).sink_parquet(file)
    with fs.open("/x.parquet") as file:
        assert_frame_equal(pl.read_parquet(file), FRAME)
    with fs.open("/x.csv") as file:
        assert_frame_equal(pl.read_csv(file), FRAME)
    with fs.open("/lazy.parquet") as file:
        assert pl.scan_parquet(file).select(pl.len()).collect().item() == 500


def test_a_url_through_pyarrow(fs: StorageDriverFileSystem, options: Options) -> None:
    with fs.open("/x.parquet", "wb") as file:
        FRAME.write_parquet(file)
    read = pl.read_parquet("storagedriver://x.parquet", use_pyarrow=True, storage_options=options)
    assert_frame_equal(read, FRAME)


def test_a_dataset_of_pyarrow(fs: StorageDriverFileSystem) -> None:
    for year in (2023, 2024):
        with fs.open(f"/sales/{year}.parquet", "wb") as file:
            FRAME.filter(pl.col("year") == year).write_parquet(file)
    lazy = pl.scan_pyarrow_dataset(ds.dataset("/sales", filesystem=fs, format="parquet"))
    assert lazy.filter(pl.col("year") == 2024).select(pl.len()).collect().item() == 500


def test_partitions(fs: StorageDriverFileSystem, options: Options) -> None:
    FRAME.write_parquet("/sales", use_pyarrow=True, pyarrow_options={"filesystem": fs, "partition_cols": ["year"]})
    assert len(paths(options)) == 2
    lazy = pl.scan_pyarrow_dataset(ds.dataset("/sales", filesystem=fs, format="parquet", partitioning="hive"))
    assert lazy.filter(pl.col("year") == 2024).select(pl.len()).collect().item() == 500


def test_a_frame_that_cannot_be_written_replaces_nothing(fs: StorageDriverFileSystem) -> None:
    fs.pipe_file("/x.csv", b"before")
    with pytest.raises(pl.exceptions.ComputeError), fs.open("/x.csv", "wb") as file:
        pl.DataFrame({"a": [[1]]}).write_csv(file)
    assert fs.cat_file("/x.csv") == b"before"
