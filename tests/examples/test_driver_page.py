"""The code of docs/writing-a-driver.md is that of the example and of its test."""

from __future__ import annotations

import dataclasses
import inspect
import re

import pytest

from storagedriver.drivers.fsspec import Traits, fsspec_driver
from tests.examples.test_page import ROOT, Block, blocks_of

PAGE = ROOT / "docs" / "writing-a-driver.md"
TEXT = PAGE.read_text(encoding="utf-8")
BLOCKS = blocks_of(TEXT)
CODE = [block for block in BLOCKS if block.language == "python"]


@pytest.mark.parametrize("block", CODE, ids=str)
def test_the_code_is_in_its_file(block: Block) -> None:
    assert block.file, f"it is from no file:\n{block.code}"
    assert block.is_in((ROOT / block.file).read_text(encoding="utf-8")), f"{block.file} has no longer:\n{block.code}"


def test_the_page_has_all_of_the_example_but_its_imports() -> None:
    shown = "\n".join(block.code for block in CODE if block.file == "examples/webdav.py")
    code = (ROOT / "examples/webdav.py").read_text(encoding="utf-8").partition("import integer, number, string\n")[2]
    assert [line for line in code.splitlines() if line and line not in shown.splitlines()] == []


def test_every_trait_is_explained() -> None:
    rows = re.findall(r"^\| `(\w+)` \|", TEXT, re.MULTILINE)
    assert sorted(rows) == sorted(field.name for field in dataclasses.fields(Traits))
    assert set(rows) <= set(inspect.signature(fsspec_driver).parameters)


@pytest.mark.parametrize("link", sorted(set(re.findall(r"\]\((?!http)([^)]+)\)", TEXT))))
def test_links_lead_somewhere(link: str) -> None:
    assert (PAGE.parent / link.partition("#")[0]).exists()


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md"])
def test_the_page_is_found(page: str) -> None:
    assert "docs/writing-a-driver.md" in (ROOT / page).read_text(encoding="utf-8")
