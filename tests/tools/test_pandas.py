"""pandas by URL, with nothing but ``storage_options``."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from storagedriver.filesystem import StorageDriverFileSystem
from tests.tools.conftest import paths


@pytest.fixture
def frame() -> pd.DataFrame:
    numbers = np.arange(5000)
    return pd.DataFrame({"n": numbers, "square": numbers**2, "name": [f"row {number}" for number in numbers]})


def test_parquet(frame: pd.DataFrame, options: dict[str, Any]) -> None:
    frame.to_parquet("storagedriver://data/x.parquet", storage_options=options)
    assert paths(options) == ["/data/x.parquet"]
    assert_frame_equal(pd.read_parquet("storagedriver://data/x.parquet", storage_options=options), frame)
    some = pd.read_parquet("storagedriver://data/x.parquet", columns=["n"], storage_options=options)
    assert_frame_equal(some, frame[["n"]])
    frame.to_parquet("storagedriver://data/y.parquet", storage_options=options)
    both = pd.read_parquet("storagedriver://data", storage_options=options)
    assert len(both) == 10_000


@pytest.mark.parametrize("suffix", ["csv", "csv.gz", "csv.xz", "csv.zip"])
def test_csv(frame: pd.DataFrame, options: dict[str, Any], suffix: str) -> None:
    url = f"storagedriver://data/x.{suffix}"
    frame.to_csv(url, index=False, storage_options=options)
    assert paths(options) == [f"/data/x.{suffix}"]
    assert_frame_equal(pd.read_csv(url, storage_options=options), frame)
    pieces = list(pd.read_csv(url, chunksize=1000, storage_options=options))
    assert_frame_equal(pd.concat(pieces), frame)


def test_csv_can_be_appended_to(frame: pd.DataFrame, options: dict[str, Any]) -> None:
    url = "storagedriver://data/x.csv"
    frame[:2000].to_csv(url, index=False, storage_options=options)
    frame[2000:].to_csv(url, index=False, mode="a", header=False, storage_options=options)
    assert_frame_equal(pd.read_csv(url, storage_options=options), frame)


def test_json_and_pickle(frame: pd.DataFrame, options: dict[str, Any]) -> None:
    frame.to_json("storagedriver://x.json", orient="records", lines=True, storage_options=options)
    assert_frame_equal(pd.read_json("storagedriver://x.json", lines=True, storage_options=options), frame)
    frame.to_pickle("storagedriver://x.pickle", storage_options=options)
    assert_frame_equal(pd.read_pickle("storagedriver://x.pickle", storage_options=options), frame)


class Unwritable:
    def __str__(self) -> str:
        raise RuntimeError("it has no text")

    __repr__ = __str__


@pytest.mark.parametrize("rows", [1, 50_000])
@pytest.mark.parametrize("suffix", ["csv", "csv.gz"])
def test_a_frame_that_cannot_be_written_replaces_nothing(options: dict[str, Any], suffix: str, rows: int) -> None:
    url = f"storagedriver://data/x.{suffix}"
    before = pd.DataFrame({"a": [1]})
    before.to_csv(url, index=False, storage_options=options)
    broken = pd.DataFrame({"a": [*map(str, range(rows)), Unwritable()]}, dtype=object)
    with pytest.raises(RuntimeError, match="no text"):
        broken.to_csv(url, index=False, storage_options={**options, "block_size": 1000})
    assert_frame_equal(pd.read_csv(url, storage_options=options), before)
    assert paths(options) == [f"/data/x.{suffix}"]


def test_what_is_not_there(options: dict[str, Any]) -> None:
    for read in (pd.read_csv, pd.read_parquet):
        with pytest.raises(FileNotFoundError):
            read("storagedriver://none", storage_options=options)


def test_inmemory_lasts_as_long_as_the_process(frame: pd.DataFrame) -> None:
    frame.to_parquet("storagedriver://x.parquet", storage_options={"driver": "inmemory"})
    assert_frame_equal(pd.read_parquet("storagedriver://x.parquet", storage_options={"driver": "inmemory"}), frame)


def test_partitions(frame: pd.DataFrame, options: dict[str, Any]) -> None:
    frame["year"] = 2023 + frame["n"] % 2
    frame.to_parquet("storagedriver://sales", partition_cols=["year"], index=False, storage_options=options)
    assert [path.split("/")[2] for path in paths(options)] == ["year=2023", "year=2024"]
    read = pd.read_parquet("storagedriver://sales", storage_options=options)
    assert read["square"].sum() == frame["square"].sum()
    one = pd.read_parquet("storagedriver://sales", filters=[("year", "==", 2024)], storage_options=options)
    assert set(one["year"]) == {2024}
    assert len(one) == 2500
    more = frame[:10].assign(year=2025)
    more.to_parquet("storagedriver://sales", partition_cols=["year"], index=False, storage_options=options)
    assert len(pd.read_parquet("storagedriver://sales", storage_options=options)) == 5010
    fs = StorageDriverFileSystem(**options)
    fs.rm("/sales/year=2023", recursive=True)
    assert len(pd.read_parquet("storagedriver://sales", storage_options=options)) == 2510
    fs.rm("/sales", recursive=True)
    assert paths(options) == []
