"""pandas and Dask on a dataset in Hive's partitions: all of it is written, read and removed."""

# mypy: disable-error-code="no-untyped-call"
# Dask has annotations for a part of its calls only.

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dask.dataframe as dd
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from storagedriver import InvalidPathError, StorageDriver, factory
from storagedriver.filesystem import StorageDriverFileSystem
from storagedriver.unnamed import UnnamedKeysError

URL = "storagedriver://sales data/täble"
#: The fixtures of the servers, but for the local disk.
SERVERS = {"s3": "seaweedfs", "azure": "azurite", "gcs": "fake_gcs", "oss": "oss", "swift": "swift"}
ALWAYS = ("filesystem", "s3")


@pytest.fixture(
    params=[pytest.param(name, marks=() if name in ALWAYS else pytest.mark.slow) for name in ("filesystem", *SERVERS)]
)
def options(request: pytest.FixtureRequest, tmp_path: Path, rootdirectory: str) -> dict[str, Any]:
    name = request.param
    if name == "filesystem":
        return {"driver": name, "parameters": {"rootdirectory": str(tmp_path / "root")}}
    server = request.getfixturevalue(SERVERS[name])
    place = ("hive",) if name == "swift" else (rootdirectory,)
    others = {"prefix": rootdirectory} if name == "swift" else {}
    return {"driver": name, "parameters": server.parameters(*place, **others)}


@pytest.fixture
def driver(options: dict[str, Any]) -> Iterator[StorageDriver]:
    """Sees every file, under the same rule as the filesystem."""
    with factory.create(options["driver"], {**options["parameters"], "names": "any"}) as driver:
        if options["driver"] == "swift":
            # The container is made at the first write.
            driver.put_content("/first", b"")
            driver.delete("/first")
        yield driver


def frame_of(years: list[int]) -> pd.DataFrame:
    cities = ["São Paulo", "a+b", "50%", "x/y", "tab\t", " ", "'=&?#"]
    rows = [(year, city, year * 100 + place) for year in years for place, city in enumerate(cities)]
    return pd.DataFrame(rows, columns=["year", "city", "n"])


def read_back(found: pd.DataFrame) -> pd.DataFrame:
    found = found.astype({"year": "int64", "city": "str"})[["year", "city", "n"]]
    return found.sort_values("n", ignore_index=True)


def test_pandas(options: dict[str, Any], driver: StorageDriver) -> None:
    frame = frame_of([2023, 2024])
    for year, part in frame.groupby("year"):
        # The second is appended to what is there.
        part.to_parquet(URL, partition_cols=["year", "city"], storage_options=options)
        assert f"/sales data/täble/year={year}" in driver.list("/sales data/täble")
    assert len(list(driver.files())) == len(frame)
    again = read_back(pd.read_parquet(URL, storage_options=options))
    assert_frame_equal(again, frame.astype({"city": "str"}), check_dtype=False)
    filters = [("year", "=", 2024), ("city", "=", "a+b")]
    assert list(pd.read_parquet(URL, filters=filters, storage_options=options)["n"]) == [202401]
    fs = StorageDriverFileSystem(**options)
    fs.mv("/sales data", "/moved=1 %2F", recursive=True)
    again = read_back(pd.read_parquet("/moved=1 %2F/täble", filesystem=fs))
    assert_frame_equal(again, frame.astype({"city": "str"}), check_dtype=False)
    fs.rm("/moved=1 %2F", recursive=True)
    for name in driver.list("/"):
        assert list(driver.files(name)) == [], "a file is left"


@pytest.mark.filterwarnings("ignore:The inplace keyword")  # it is Dask that uses it
def test_dask(options: dict[str, Any], driver: StorageDriver) -> None:
    frame = frame_of([2023, 2024, 2025])
    parts = dd.from_pandas(frame, npartitions=3)
    parts.to_parquet(URL, partition_on=["year"], write_index=False, storage_options=options)
    assert {path.rpartition("/")[2] for path in driver.list("/sales data/täble")} >= {"year=2023", "year=2025"}
    found = dd.read_parquet(URL, storage_options=options).compute()
    assert_frame_equal(read_back(found), frame.astype({"city": "str"}), check_dtype=False)
    text = parts.to_csv("storagedriver://csv files/part=*.csv", index=False, storage_options=options)
    assert text == [f"/csv files/part={number}.csv" for number in range(3)]
    found = dd.read_csv("storagedriver://csv files/part=*.csv", storage_options=options).compute()
    assert_frame_equal(read_back(found), frame.astype({"city": "str"}), check_dtype=False)
    fs = StorageDriverFileSystem(**options)
    fs.rm(["/sales data", "/csv files"], recursive=True)
    assert list(driver.files()) == []


@pytest.mark.filterwarnings("ignore:.*no path can name")
@pytest.mark.filterwarnings("ignore:The inplace keyword")  # it is Dask that uses it
def test_readers_under_the_strict_rule_raise_and_do_not_read_a_part(tmp_path: Path) -> None:
    options: dict[str, Any] = {"driver": "filesystem", "parameters": {"rootdirectory": str(tmp_path)}}
    frame = frame_of([2024])
    frame.to_parquet("storagedriver://sales", partition_cols=["year"], storage_options=options)
    frame.to_parquet("storagedriver://sales/plain.parquet", storage_options=options)
    frame.to_csv("storagedriver://sales/a b.csv", storage_options=options)
    strict = {**options, "names": "registry"}
    with pytest.raises(UnnamedKeysError, match="names: any"):
        pd.read_parquet("storagedriver://sales", storage_options=strict)
    with pytest.raises(UnnamedKeysError, match="names: any"):
        dd.read_parquet("storagedriver://sales", storage_options=strict).compute()
    with pytest.raises(UnnamedKeysError, match="names: any"):
        dd.read_csv("storagedriver://sales/*.csv", storage_options=strict).compute()
    with pytest.raises(InvalidPathError, match="names: any"):
        frame.to_parquet("storagedriver://other", partition_cols=["year"], storage_options=strict)
    assert not (tmp_path / "other").exists()
