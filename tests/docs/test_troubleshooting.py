"""docs/troubleshooting.md quotes messages that the code has."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docs" / "troubleshooting.md").read_text(encoding="utf-8")
QUOTED = re.findall(r"^### `(.*)`$", TEXT, re.MULTILINE)
GAP = "…"


def templates(tree: ast.AST) -> Iterator[str]:
    """The texts of a module, with a gap in the place of each value."""
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            yield "".join(str(part.value) if isinstance(part, ast.Constant) else GAP for part in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


@pytest.fixture(scope="module")
def messages() -> str:
    sources = sorted((ROOT / "src" / "storagedriver").rglob("*.py"))
    return "\n".join(text for source in sources for text in templates(ast.parse(source.read_text(encoding="utf-8"))))


@pytest.mark.parametrize("quoted", QUOTED)
def test_a_quoted_message_is_one_of_the_code(quoted: str, messages: str) -> None:
    assert quoted in messages


def test_a_message_that_is_none_is_found_out(messages: str) -> None:
    for message in ("it is required, always", "… cannot be the name of a parameter"):
        assert message not in messages


def test_every_entry_says_what_to_do() -> None:
    entries = re.split(r"^##.*$", TEXT, flags=re.MULTILINE)[1:]
    empty = [entry for entry in entries if not entry.strip()]
    # A chapter begins with its first message.
    assert len(empty) == len(re.findall(r"^## ", TEXT, re.MULTILINE))
    assert len(QUOTED) == len(set(QUOTED)) == TEXT.count("\n### ")
