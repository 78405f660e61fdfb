"""The examples of docs/tools, each page run as it stands, with the place of a test in the place of the bucket."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.tools.conftest import options_of, paths

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted((ROOT / "docs" / "tools").glob("*.md"))
OVERVIEW = (ROOT / "docs" / "pandas-and-dask.md").read_text(encoding="utf-8")
OPTIONS = '{"driver": "s3", "parameters": {"bucket": "data", "region": "eu-west-1"}}'
SCHEDULER = "tcp://scheduler:8786"
#: A file that is there in the end.
LEFT = {
    "dask": "/logs/part-0.csv",
    "duckdb": "/numbers.parquet",
    "fsspec": "/notes/today.txt",
    "pandas": "/log.csv",
    "polars": "/sales.csv",
    "pyarrow": "/sold.parquet",
    "universal-pathlib": "/reports/2024/june.txt",
    "xarray": "/weather.zarr/zarr.json",
    "zarr": "/weather.zarr/zarr.json",
}


@pytest.mark.filterwarnings("ignore:UPath 'storagedriver' filesystem not explicitly:UserWarning")
@pytest.mark.parametrize("store", ["filesystem", pytest.param("s3", marks=pytest.mark.slow)])
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_examples_of_a_page_run(page: Path, store: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    if page.stem in ("xarray", "zarr"):
        pytest.importorskip("zarr", minversion="3", reason="zarr 3 needs Python 3.11")
    text = page.read_text(encoding="utf-8")
    options = options_of(store, request, tmp_path)
    code = "\n".join(re.findall(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL))
    assert code.count(OPTIONS) == 1
    if SCHEDULER in code:
        address = request.getfixturevalue("cluster").scheduler.address
        code = code.replace(SCHEDULER, address)
    exec(compile(code.replace(OPTIONS, repr(options)), str(page), "exec"), {})
    assert LEFT[page.stem] in paths(options)


def test_every_page_is_found() -> None:
    assert {page.stem for page in PAGES} == set(LEFT)
    for page in PAGES:
        assert f"(tools/{page.name})" in OVERVIEW


@pytest.mark.parametrize("page", [*PAGES, ROOT / "docs" / "pandas-and-dask.md"], ids=lambda page: page.stem)
def test_links_lead_somewhere(page: Path) -> None:
    for link in re.findall(r"\]\(([^)]+)\)", page.read_text(encoding="utf-8")):
        assert link.startswith("https://") or (page.parent / link.partition("#")[0]).exists(), link
