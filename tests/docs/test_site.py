"""The site of the docs: it is built without a warning, and has what the pages stand for."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import pkgutil
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from storagedriver import drivers
from tests.docs.pages import ROOT
from tests.test_parameters_page import rows

DRIVERS = [module.name for module in pkgutil.iter_modules(drivers.__path__)]


class Cells(HTMLParser):
    """The first cells of the rows of all tables."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.first: list[str] = []
        self._column = 0
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        del attrs
        if tag == "tr":
            self._column = 0
        elif tag == "td":
            self._column += 1
            if self._column == 1:
                self.first.append("")

    def handle_data(self, data: str) -> None:
        if self._column == 1:
            self.first[-1] += data


def page(site: Path, name: str) -> str:
    return (site / name / "index.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("driver", DRIVERS)
def test_the_page_of_a_driver_has_all_of_its_parameters(site: Path, driver: str) -> None:
    shown = [cell.strip().removesuffix(" (ours)") for cell in Cells(page(site, f"drivers/{driver}")).first]
    declared = [row.name for row in rows(driver)]
    assert [name for name in shown if name in declared][: len(declared)] == declared


@pytest.mark.parametrize("name", [file.stem for file in sorted((ROOT / "docs" / "api").glob("*.md"))])
def test_the_api_has_all_classes_and_functions_of_its_modules(site: Path, name: str) -> None:
    shown = page(site, f"api/{name}")
    documented = re.findall(r"^::: (\S+)$", (ROOT / "docs" / "api" / f"{name}.md").read_text(), re.MULTILINE)
    assert documented
    for entry in documented:
        assert f'id="{entry}"' in shown
        module = importlib.import_module(entry) if entry.rpartition(".")[2].islower() else None
        for member in getattr(module, "__all__", ()):
            found = getattr(module, member)
            if inspect.isclass(found) or inspect.isfunction(found):
                assert f'id="{entry}.{member}"' in shown


def test_pages_have_no_link_out_of_the_site_to_this_repository(site: Path) -> None:
    for file in site.rglob("*.html"):
        for link in re.findall(r'href="([^"#]+)"', file.read_text(encoding="utf-8")):
            if "://" not in link and not link.startswith("mailto:") and file.name != "404.html":
                assert (file.parent / link).resolve().is_relative_to(site), (file, link)
                assert (file.parent / link).exists(), (file, link)


def test_code_that_is_from_a_file_says_so_and_a_fragment_does_not(site: Path) -> None:
    backend = page(site, "writing-a-backend")
    assert '<span class="filename">examples/tinystore/store.py</span>' in backend
    assert "```" not in backend
    assert "fragment" not in re.sub(r"<[^>]+>", "", page(site, "middleware").partition("<article")[2])


def test_a_driver_without_a_table_is_an_error() -> None:
    spec = importlib.util.spec_from_file_location("pages_hook", ROOT / "docs" / "hooks" / "pages.py")
    assert spec is not None
    assert spec.loader is not None
    hook = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(hook)
    assert "| `rootdirectory` |" in hook.table("filesystem")
    for name in ("nowhere", "files"):
        with pytest.raises(ValueError, match=name):
            hook.table(name)


def test_nothing_is_fetched_from_elsewhere(site: Path) -> None:
    fetched = re.compile(r"""<(?:script|img|link rel="stylesheet")[^>]+(?:src|href)="(https?:)?//""")
    for file in site.rglob("*.html"):
        assert not fetched.search(file.read_text(encoding="utf-8")), file


def test_pictures_are_readable_on_a_narrow_screen() -> None:
    pictures = sorted((ROOT / "docs" / "concepts").glob("*.svg"))
    assert pictures
    for picture in pictures:
        text = picture.read_text(encoding="utf-8")
        assert 'viewBox="0 0 400 ' in text
        assert min(int(size) for size in re.findall(r"font(?:-size)?: (\d+)px", text)) >= 13
        assert "<title" in text
        assert "<desc" in text
