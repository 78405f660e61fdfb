"""What the site does to the pages, which are read as plain Markdown elsewhere.

- ``folder/*`` in the navigation stands for the pages of a folder.
- ``<!-- parameters: s3 -->`` becomes the driver's table in ``parameters.md``, which the tests hold to the code.
- The file that a block of code is from, and the word ``fragment``, are taken out of the block's first line.
- Files of the repository that the pages link to are pages of the site, too; folders are shown as text.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files, InclusionLevel
from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
#: Files outside of the docs that are pages as they are.
PAGES = ("CONTRIBUTING.md", "CHANGELOG.md")

_PARAMETERS = re.compile(r"^<!-- parameters: (\w+) -->$", re.MULTILINE)
_TABLE = re.compile(r"^\| parameter \| type, default, allowed \|.*\n(?:\|.*(?:\n|\Z))+", re.MULTILINE)
_FENCE = re.compile(r"^( *```)(\w+) (\S+)$", re.MULTILINE)
_LINK = re.compile(r"\[([^\]]*)\]\(([^)#\s]+)(#[^)]*)?\)")


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Fill the folders of the navigation in."""
    config.nav = [_filled(item) for item in config.nav or []]
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the files outside of docs/ that the pages link to."""
    for name in PAGES:
        files.append(File.generated(config, name, content=(ROOT / name).read_text(encoding="utf-8")))
    for target in sorted({target for page in DOCS.rglob("*.md") for target in _outside(page)}):
        if target.suffix == ".py":
            listing = File.generated(config, _source(target), content=_listing(target))
            listing.inclusion = InclusionLevel.NOT_IN_NAV
            files.append(listing)
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Make of a page of the repository one of the site."""
    del config, files
    source = page.file.src_uri
    text = _PARAMETERS.sub(lambda found: _moved(table(found[1]), source), markdown)
    # A narrow screen shows these tables row below row.
    text = _TABLE.sub(lambda found: f'<div class="parameters" markdown>\n\n{found[0].rstrip()}\n\n</div>\n', text)
    text = _FENCE.sub(_titled, text)
    # What looks like a link in a block of code comes out as it was.
    return _LINK.sub(lambda found: _linked(found, source), text)


def table(driver: str) -> str:
    """The driver's table of parameters.

    Raises
    ------
    ValueError
        If the page of parameters has none of it.
    """
    text = (DOCS / "parameters.md").read_text(encoding="utf-8")
    _, heading, section = text.partition(f"\n## {driver}\n")
    rows = [line for line in section.partition("\n## ")[0].splitlines() if line.startswith("|")]
    if not heading or not rows:
        raise ValueError(f"parameters.md has no table of {driver}")
    return "\n".join(rows).replace("see *Names* above", "see [names](parameters.md#names)")


def _moved(text: str, source: str) -> str:
    """A text of the topmost folder, for a page elsewhere."""
    return re.sub(r"\]\(([^):#]+)", lambda found: f"]({_relative(found[1], source)}", text)


def _filled(item: Any) -> Any:
    if isinstance(item, dict):
        [(title, entries)] = item.items()
        listed = [entries] if isinstance(entries, str) else entries
        return {title: [each for entry in listed for each in _entries(entry)]}
    return item


def _entries(entry: str) -> list[str]:
    if entry.endswith("/*"):
        return [page.relative_to(DOCS).as_posix() for page in sorted((DOCS / entry[:-2]).glob("*.md"))]
    return [entry]


def _titled(found: re.Match[str]) -> str:
    fence, language, about = found.groups()
    return f"{fence}{language}" if about == "fragment" else f'{fence}{language} title="{about}"'


def _outside(page: Path) -> list[Path]:
    """The files of the repository that a page links to."""
    targets = [
        (page.parent / found[2]).resolve()
        for found in _LINK.finditer(page.read_text(encoding="utf-8"))
        if "://" not in found[2]
    ]
    return [target for target in targets if target.is_relative_to(ROOT) and not target.is_relative_to(DOCS)]


def _source(target: Path) -> str:
    return f"source/{target.relative_to(ROOT).with_suffix('.md').as_posix()}"


def _listing(target: Path) -> str:
    name = target.relative_to(ROOT).as_posix()
    return f"---\nsearch: {{exclude: true}}\n---\n# {name}\n\n~~~~python\n{target.read_text(encoding='utf-8')}~~~~\n"


def _linked(found: re.Match[str], source: str) -> str:
    text, target, anchor = found[1], found[2], found[3] or ""
    if "://" in target or source.startswith("source/"):
        return found[0]
    base = ROOT if source in PAGES else (DOCS / source).parent
    path = (base / target).resolve()
    if path.is_dir():
        return text
    if path.is_relative_to(DOCS):
        name = path.relative_to(DOCS).as_posix()
    elif path.is_relative_to(ROOT) and path.suffix == ".py":
        name = _source(path)
    elif path.parent == ROOT and path.name in PAGES:
        name = path.name
    else:
        return found[0]
    return f"[{text}]({_relative(name, source)}{anchor})"


def _relative(name: str, source: str) -> str:
    return posixpath.relpath(name, posixpath.dirname(source) or ".")
