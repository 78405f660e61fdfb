"""The code of the docs: each block is run, or is from a file, or says that it is a fragment."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from tests.docs.pages import OTHER, ROOT, RUN, RUN_ELSEWHERE, blocks_of, text_of

PAGES = sorted(path.relative_to(ROOT).as_posix() for path in [*(ROOT / "docs").rglob("*.md"), ROOT / "README.md"])


@pytest.mark.filterwarnings("ignore::storagedriver.StorageDriverWarning")
@pytest.mark.parametrize("page", RUN)
def test_the_code_of_a_page_runs(
    page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    setting = RUN[page](tmp_path)
    blocks = blocks_of(page)
    code = "\n".join(block.text for block in blocks if block.language == "python" and not block.about)
    for old, new in setting.replaced.items():
        assert old in code
        code = code.replace(old, new)
    for name, module in setting.modules.items():
        monkeypatch.setitem(sys.modules, name, module)
    monkeypatch.chdir(tmp_path)
    names = dict(setting.names)
    exec(compile(code, page, "exec"), names)
    printed = "".join(block.text for block in blocks if block.language == "text")
    assert not printed or capsys.readouterr().out == printed


@pytest.mark.parametrize("page", PAGES)
def test_code_is_run_or_says_what_it_is(page: str) -> None:
    blocks = blocks_of(page)
    assert {block.language for block in blocks} <= {"python", *OTHER}
    # A block within a list, or one that is not closed, would be found by no test.
    assert len(re.findall(r"^ *```", text_of(page), re.MULTILINE)) == 2 * len(blocks)
    unmarked = [block for block in blocks if block.language == "python" and not block.about]
    if unmarked:
        assert page in RUN or any(page.startswith(begin) for begin in RUN_ELSEWHERE)
    for block in blocks:
        assert block.about in ("", "fragment") or (ROOT / block.about).exists()


def test_what_runs_elsewhere_is_there() -> None:
    assert all((ROOT / test).exists() for begin, test in RUN_ELSEWHERE.items() if (ROOT / begin).exists())
    assert set(RUN) <= set(PAGES)


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page: str) -> None:
    text = re.sub(r"```.*?```", "", text_of(page), flags=re.DOTALL)
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        if "://" not in link:
            target = ((ROOT / page).parent / link.partition("#")[0]).resolve()
            assert not link.partition("#")[0] or target.exists(), link
