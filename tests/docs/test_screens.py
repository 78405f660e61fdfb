"""How the pages look: pictures of them by Chromium, and nothing that is wider than the screen."""

from __future__ import annotations

import functools
import html
import json
import re
import shutil
import subprocess
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.docs.pages import ROOT

pytestmark = pytest.mark.slow

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
SCREENS = {1280: 1600, 400: 2000}
#: Has frames of a width, each with a page, and writes down how wide the pages are once all are loaded.
MEASURE = """<!doctype html><pre id="found"></pre>FRAMES<script>
onload = () => {
  const wide = frame => [frame.getAttribute("src"), frame.contentDocument.documentElement.scrollWidth];
  const found = [...document.querySelectorAll("iframe")].map(wide);
  document.getElementById("found").textContent = JSON.stringify(found);
};
</script>"""
FRAME = '<iframe src="PAGE" style="width: WIDTHpx; height: 1000px; border: 0"></iframe>'
#: How many pages are loaded at a time.
BATCH = 12
#: A window of Chromium is at least 500 pixels wide, a frame is as wide as it is asked to be.
SHOW = FRAME.replace("1000px", "HEIGHTpx").join(['<!doctype html><body style="margin: 0">', ""])


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is inherited
        pass


@pytest.fixture(scope="module")
def served(site: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str]]:
    copy = tmp_path_factory.mktemp("served") / "site"
    shutil.copytree(site, copy)
    with ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(copy))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield copy, f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def chromium(*options: str) -> str:
    assert CHROMIUM is not None, "Debian's package chromium is needed"
    command = [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", *options]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=120).stdout


def pages_of(site: Path) -> list[str]:
    found = [file.parent.relative_to(site).as_posix() for file in sorted(site.rglob("index.html"))]
    return [f"/{name}/".replace("/./", "/") for name in found]


@pytest.mark.parametrize("width", SCREENS)
def test_no_page_is_wider_than_the_screen(served: tuple[Path, str], width: int) -> None:
    site, address = served
    pages, widths = pages_of(site), {}
    for begin in range(0, len(pages), BATCH):
        frames = "".join(FRAME.replace("PAGE", page) for page in pages[begin : begin + BATCH])
        text = MEASURE.replace("FRAMES", frames).replace("WIDTH", str(width))
        (site / "measure.html").write_text(text, encoding="utf-8")
        shown = chromium("--dump-dom", f"{address}/measure.html")
        found = re.search(r'<pre id="found">(.*?)</pre>', shown, re.DOTALL)
        assert found is not None
        widths.update(json.loads(html.unescape(found[1])))
    assert set(widths) == set(pages)
    assert {page: wide for page, wide in widths.items() if wide > width} == {}


@pytest.mark.parametrize("width", SCREENS)
@pytest.mark.parametrize("page", ["", "concepts", "drivers/s3", "performance", "troubleshooting", "api/driver"])
def test_a_picture_of_a_page_is_made(served: tuple[Path, str], page: str, width: int) -> None:
    site, address = served
    target = ROOT / "build" / "screens" / f"{page.replace('/', '-') or 'start'}-{width}.png"
    target.parent.mkdir(parents=True, exist_ok=True)
    height = SCREENS[width]
    shown = SHOW.replace("PAGE", f"/{page}/".replace("//", "/"))
    (site / "show.html").write_text(shown.replace("WIDTH", str(width)).replace("HEIGHT", str(height)))
    chromium(
        f"--window-size={width},{height}",
        f"--screenshot={target}",
        f"{address}/show.html",
    )
    assert target.read_bytes().startswith(b"\x89PNG")
