"""The code of docs/writing-a-backend.md is that of the example."""

from __future__ import annotations

import importlib
import re
import textwrap
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "writing-a-backend.md"
TEXT = PAGE.read_text(encoding="utf-8")
_BLOCK = re.compile(r"^```(\w+)(?: (\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    """A block of code of the page, with the file that it says it is from."""

    language: str
    file: str
    code: str

    def __str__(self) -> str:
        return f"{self.file}: {self.code.splitlines()[0]}"

    def is_in(self, text: str) -> bool:
        """Whether the text has these lines, one after the other, all of them indented by the same."""
        return any(f"\n{textwrap.indent(self.code, indent)}" in f"\n{text}" for indent in ("", " " * 4))


def blocks_of(text: str) -> list[Block]:
    """The blocks of code of a page."""
    return [Block(*found) for found in _BLOCK.findall(text)]


BLOCKS = blocks_of(TEXT)
FROM_FILES = [block for block in BLOCKS if block.file]


@pytest.mark.parametrize("block", FROM_FILES, ids=str)
def test_the_code_of_a_file_is_in_the_file(block: Block) -> None:
    text = (ROOT / block.file).read_text(encoding="utf-8")
    assert block.is_in(text), f"{block.file} has no longer:\n{block.code}"


def test_code_that_differs_is_found_out() -> None:
    text = "class A:\n    def f(self):\n        return 1\n"
    assert Block("python", "", "def f(self):\n    return 1\n").is_in(text)
    for code in ("def f(self):\n    return 2\n", "def f(self):\nreturn 1\n", "f(self):\n    return 1\n"):
        assert not Block("python", "", code).is_in(text)


def test_every_block_of_python_is_from_a_file() -> None:
    assert [block.code for block in BLOCKS if block.language == "python" and not block.file] == []
    assert {block.file for block in FROM_FILES} >= {
        "examples/tinystore/__init__.py",
        "examples/tinystore/requests.py",
        "examples/tinystore/store.py",
        "tests/examples/test_conformance.py",
        "tests/examples/test_faults.py",
    }
    assert TEXT.count("```") == 2 * len(BLOCKS)


@pytest.mark.parametrize("link", sorted(set(re.findall(r"\]\(([^)]+)\)", TEXT))))
def test_links_lead_somewhere(link: str) -> None:
    assert (PAGE.parent / link.partition("#")[0]).exists()


@pytest.mark.parametrize("name", sorted(set(re.findall(r"`((?:reading|document)\.\w+)`", TEXT))))
def test_functions_that_are_named_are_there(name: str) -> None:
    module, _, function = name.partition(".")
    assert hasattr(importlib.import_module(f"storagedriver.adapter.http.{module}"), function)


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md"])
def test_the_page_is_found(page: str) -> None:
    assert "docs/writing-a-backend.md" in (ROOT / page).read_text(encoding="utf-8")
