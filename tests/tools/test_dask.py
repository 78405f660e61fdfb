"""Dask on a cluster of two processes: the filesystem travels to them and makes its driver there."""

# mypy: disable-error-code="no-untyped-call"
# Dask has annotations for a part of its calls only.

from __future__ import annotations

from typing import Any

import dask.dataframe as dd
import numpy as np
import pandas as pd
import pytest
from distributed import Client
from pandas.testing import assert_frame_equal

from storagedriver.filesystem import StorageDriverFileSystem
from tests.tools.conftest import paths


@pytest.fixture
def frame() -> pd.DataFrame:
    numbers = np.arange(20_000)
    return pd.DataFrame({"n": numbers, "square": numbers**2, "name": [f"row {number}" for number in numbers]})


def computed(frame: Any) -> pd.DataFrame:
    result: pd.DataFrame = frame.compute().sort_values("n", ignore_index=True)
    return result


@pytest.mark.usefixtures("cluster")
def test_csv(frame: pd.DataFrame, options: dict[str, Any]) -> None:
    written = dd.from_pandas(frame, npartitions=4).to_csv(
        "storagedriver://out/part-*.csv", index=False, storage_options=options
    )
    assert written == [f"/out/part-{number}.csv" for number in range(4)]
    read = dd.read_csv("storagedriver://out/*.csv", blocksize=50_000, storage_options=options)
    assert read.npartitions > 4
    assert_frame_equal(computed(read), frame, check_dtype=False)


@pytest.mark.usefixtures("cluster")
def test_parquet(frame: pd.DataFrame, options: dict[str, Any]) -> None:
    dd.from_pandas(frame, npartitions=4).to_parquet("storagedriver://table", write_index=False, storage_options=options)
    read = dd.read_parquet("storagedriver://table", storage_options=options)
    assert_frame_equal(computed(read), frame, check_dtype=False)
    assert read["square"].sum().compute() == frame["square"].sum()
    one = dd.read_parquet("storagedriver://table/part.0.parquet", storage_options=options)
    assert len(one) == 5000
    dd.from_pandas(frame[:10], npartitions=1).to_parquet(
        "storagedriver://table", write_index=False, overwrite=True, storage_options=options
    )
    assert len(dd.read_parquet("storagedriver://table", storage_options=options)) == 10


def test_a_filesystem_works_in_the_workers(cluster: Client, options: dict[str, Any]) -> None:
    fs = StorageDriverFileSystem(**options)
    fs.pipe_file("/a", b"from here")

    def work(fs: StorageDriverFileSystem, name: str) -> tuple[str, bytes]:
        with fs.open(f"/{name}", "w") as file:
            file.write("from there")
        return repr(fs), fs.cat_file("/a")

    results = cluster.gather([cluster.submit(work, fs, name, pure=False) for name in ("b", "c")])
    assert results == [(repr(fs), b"from here")] * 2
    assert fs.cat(["/b", "/c"]) == {"/b": b"from there", "/c": b"from there"}


@pytest.mark.usefixtures("cluster")
def test_a_partition_that_fails_publishes_nothing(frame: pd.DataFrame, options: dict[str, Any]) -> None:
    frame.loc[15_000, "name"] = "ü"
    parts = dd.from_pandas(frame, npartitions=1)
    with pytest.raises(UnicodeEncodeError):
        parts.to_csv("storagedriver://out/*.csv", encoding="ascii", storage_options={**options, "block_size": 1000})
    assert StorageDriverFileSystem(**options).find("/") == []


@pytest.mark.usefixtures("cluster")
def test_partitions(frame: pd.DataFrame, options: dict[str, Any]) -> None:
    frame["year"] = 2023 + frame["n"] % 2
    parts = dd.from_pandas(frame, npartitions=4)
    parts.to_parquet("storagedriver://sales", partition_on=["year"], write_index=False, storage_options=options)
    assert {path.split("/")[2] for path in paths(options)} == {"year=2023", "year=2024"}
    read = dd.read_parquet("storagedriver://sales", storage_options=options)
    assert read["square"].sum().compute() == frame["square"].sum()
    more = dd.from_pandas(frame[:10].assign(year=2025), npartitions=1)
    more.to_parquet(
        "storagedriver://sales",
        partition_on=["year"],
        write_index=False,
        append=True,
        ignore_divisions=True,
        storage_options=options,
    )
    one = dd.read_parquet("storagedriver://sales", filters=[("year", "==", 2025)], storage_options=options)
    assert len(one) == 10
    StorageDriverFileSystem(**options).rm("/sales", recursive=True)
    assert paths(options) == []


@pytest.mark.usefixtures("cluster")
def test_a_directory_that_grows(frame: pd.DataFrame, options: dict[str, Any]) -> None:
    url = "storagedriver://table"
    dd.from_pandas(frame, npartitions=2).to_parquet(url, write_index=False, storage_options=options)
    more = dd.from_pandas(frame[:10], npartitions=1)
    more.to_parquet(url, write_index=False, append=True, ignore_divisions=True, storage_options=options)
    assert paths(options) == [f"/table/part.{number}.parquet" for number in range(3)]
    assert len(dd.read_parquet(url, storage_options=options)) == 20_010
