"""DuckDB, which takes an fsspec filesystem by ``register_filesystem``."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import pytest

from storagedriver.filesystem import StorageDriverFileSystem
from tests.tools.conftest import Options, paths

#: A new directory is listed as soon as it is made. A store without directories has none to list, unless this is said.
INTO_A_DIRECTORY = "format parquet, overwrite_or_ignore"
ROWS = "select range as n, 2023 + range % 2 as year from range(1000)"


@pytest.fixture
def fs(options: Options) -> StorageDriverFileSystem:
    return StorageDriverFileSystem(**options)


@pytest.fixture
def connection(fs: StorageDriverFileSystem) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        connection.register_filesystem(fs)
        yield connection


def value(connection: duckdb.DuckDBPyConnection, query: str) -> object:
    found = connection.execute(query).fetchone()
    assert found is not None
    return found[0]


@pytest.mark.parametrize("kind", ["parquet", "csv", "json"])
def test_files(connection: duckdb.DuckDBPyConnection, options: Options, kind: str) -> None:
    connection.execute(f"copy ({ROWS}) to 'storagedriver://out/a.{kind}' (format {kind})")
    connection.execute(f"copy ({ROWS}) to 'storagedriver://out/b.{kind}' (format {kind})")
    assert paths(options) == [f"/out/a.{kind}", f"/out/b.{kind}"]
    assert value(connection, f"select sum(n) from 'storagedriver://out/a.{kind}'") == 499500
    assert value(connection, f"select sum(n) from 'storagedriver://out/*.{kind}'") == 999000


def test_a_directory_of_files(connection: duckdb.DuckDBPyConnection, options: Options) -> None:
    for _ in range(2):
        connection.execute(f"copy ({ROWS}) to 'storagedriver://table' ({INTO_A_DIRECTORY}, per_thread_output)")
        assert value(connection, "select count(*) from 'storagedriver://table/*.parquet'") == 1000
    connection.execute(f"copy ({ROWS}) to 'storagedriver://table' (format parquet, append, per_thread_output)")
    assert value(connection, "select count(*) from 'storagedriver://table/*.parquet'") == 2000
    before = paths(options)
    with pytest.raises(duckdb.Error, match="not empty"):
        connection.execute(f"copy ({ROWS}) to 'storagedriver://table' (format parquet, per_thread_output)")
    assert paths(options) == before


def test_what_is_not_there(connection: duckdb.DuckDBPyConnection) -> None:
    with pytest.raises(duckdb.Error, match="none"):
        connection.execute("select * from 'storagedriver://none.parquet'")


def test_partitions(connection: duckdb.DuckDBPyConnection, fs: StorageDriverFileSystem, options: Options) -> None:
    connection.execute(f"copy ({ROWS}) to 'storagedriver://sales' ({INTO_A_DIRECTORY}, partition_by (year))")
    assert {path.split("/")[2] for path in paths(options)} == {"year=2023", "year=2024"}
    read = "read_parquet('storagedriver://sales/*/*.parquet', hive_partitioning = true)"
    assert value(connection, f"select count(*) from {read} where year = 2024") == 500
    more = "select 1000 as n, 2025 as year"
    connection.execute(f"copy ({more}) to 'storagedriver://sales' (format parquet, partition_by (year), append)")
    assert value(connection, f"select count(*) from {read}") == 1001
    fs.rm("/sales", recursive=True)
    assert paths(options) == []
