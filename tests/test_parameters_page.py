"""docs/parameters.md has every parameter of every driver, and no other."""

from __future__ import annotations

import dataclasses
import pkgutil
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from storagedriver import drivers
from storagedriver.drivers.azure.parameters import AzureParameters, _Credentials
from storagedriver.drivers.filesystem import FilesystemParameters
from storagedriver.drivers.fsspec.parameters import FsspecParameters
from storagedriver.drivers.gcs.parameters import GCSParameters
from storagedriver.drivers.inmemory import InMemoryParameters
from storagedriver.drivers.oss.parameters import OSSParameters
from storagedriver.drivers.s3.parameters import S3Parameters
from storagedriver.drivers.swift.parameters import SwiftParameters

DECLARED: dict[str, Any] = {
    "filesystem": FilesystemParameters,
    "inmemory": InMemoryParameters,
    "s3": S3Parameters,
    "azure": AzureParameters,
    "gcs": GCSParameters,
    "swift": SwiftParameters,
    "oss": OSSParameters,
    "fsspec": FsspecParameters,
}
_PAGE = Path(__file__).resolve().parents[1] / "docs" / "parameters.md"
_UNITS = {"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "s": 1, "ms": 1e-3}


@dataclasses.dataclass(frozen=True)
class Row:
    """A line of a table: what is said of a parameter."""

    name: str
    kind: str
    effect: str


def rows(driver: str) -> list[Row]:
    """The table in a driver's section."""
    sections = re.split(r"^## ", _PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    [section] = [section for section in sections if section.startswith(f"{driver}\n")]
    found = []
    for line in section.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split(" | ")]
        if line.startswith("| `"):
            assert len(cells) == 3, line
            name = re.fullmatch(r"`([a-z0-9_.]+)`( \(ours\))?", cells[0])
            assert name is not None, line
            found.append(Row(name[1], cells[1], cells[2]))
    return found


def default(kind: str) -> str:
    """The default in the words of the page, ``""`` where there is none."""
    found = re.search(r"default ((?:`[^`]*`(?:, )?)+|[^;,]+)", kind)
    return found[1].replace("`", "") if found else ""


def test_every_driver_is_compared() -> None:
    assert set(DECLARED) == {module.name for module in pkgutil.iter_modules(drivers.__path__)}


def test_the_page_has_a_section_for_each_driver_and_no_other() -> None:
    found = re.findall(r"^## (.*)$", _PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert found == list(DECLARED)


@pytest.mark.parametrize("driver", DECLARED)
def test_every_parameter_is_there_once_and_no_other(driver: str) -> None:
    named = [row.name for row in rows(driver) if "." not in row.name]
    assert sorted(named) == sorted(field.name for field in dataclasses.fields(DECLARED[driver]))


def test_the_map_of_azures_credentials_is_there_too() -> None:
    named = [row.name for row in rows("azure") if "." in row.name]
    assert named == [f"credentials.{field.name}" for field in dataclasses.fields(_Credentials)]


@pytest.mark.parametrize("driver", DECLARED)
def test_every_parameter_says_its_type_and_what_it_does(driver: str) -> None:
    for row in rows(driver):
        assert re.match(r"(string|boolean|integer|number|word|list|map|duration|object)\b", row.kind), row
        assert row.effect.endswith("."), row


@pytest.mark.parametrize("driver", DECLARED)
def test_defaults_are_those_declared(driver: str) -> None:
    declared = {field.name: field for field in dataclasses.fields(DECLARED[driver])}
    for row in rows(driver):
        if "." in row.name:
            continue
        field = declared[row.name]
        assert bool(re.search(r"; required(;|$)", row.kind)) is (field.metadata["required"] is True), row
        said, value = default(row.kind), field.default
        if isinstance(value, bool):
            assert said == str(value).lower(), row
        elif isinstance(value, tuple):
            assert tuple(said.split(", ")) == value, row
        elif isinstance(value, (int, float, timedelta)):
            number, _, unit = said.partition(" ")
            seconds = value.total_seconds() if isinstance(value, timedelta) else value
            assert float(number) * _UNITS.get(unit, 1) == seconds, row
        else:
            assert said == (value or ""), row


@pytest.mark.parametrize("driver", DECLARED)
def test_words_that_are_allowed_are_all_named(driver: str) -> None:
    allowed = {field.name: field.metadata["allowed"] for field in dataclasses.fields(DECLARED[driver])}
    for row in rows(driver):
        words = allowed.get(row.name, "")
        if words.startswith("one of "):
            missing = [word for word in words.removeprefix("one of ").split(", ") if f"`{word}`" not in row.kind]
            assert missing == [], row
