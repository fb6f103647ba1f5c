"""The page in a real browser: narrow and wide, light and dark, without errors and without the network."""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from bayes_ivgen.report import Facts, render

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
CHROMIUM = next((path for name in BROWSERS if (path := shutil.which(name))), None)
WIDTHS = (400, 1200)
POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
PROBE = """<script>
addEventListener("load", () => {
  const wide = [...document.querySelectorAll("body *")].filter(
    e => !e.closest(".scroll") && e.getBoundingClientRect().right > innerWidth + 0.5);
  parent.postMessage({
    inner: innerWidth, scroll: document.documentElement.scrollWidth, wide: wide.map(e => e.outerHTML.slice(0, 80)),
    broken: [...document.images].filter(i => !i.complete || !i.naturalWidth).length, images: document.images.length,
    ground: getComputedStyle(document.body).backgroundColor}, "*");
});
</script>"""
WINDOW = """<!DOCTYPE html><body><script>
const found = [];
addEventListener("message", e => { found.push(e.data); document.body.dataset.probe = JSON.stringify(found); });
</script>FRAMES</body>"""  # a browser window has a least width, a frame has none

needs_browser = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine; apt-get install chromium")


def probe(page: str, folder: Path, *options: str) -> dict[int, dict[str, Any]]:
    """Load a page in frames of the two widths and measure it; what it would load from elsewhere is an error."""
    page = page.replace(POLICY, f"{POLICY}; script-src 'unsafe-inline'")  # for the probe
    (folder / "page.html").write_text(page.replace("</body>", f"{PROBE}</body>"), encoding="utf-8")
    frames = "".join(f'<iframe src="page.html" width="{width}" height="800" style="border:0">' for width in WIDTHS)
    frames = frames.replace(">", "></iframe>")
    (folder / "window.html").write_text(WINDOW.replace("FRAMES", frames), encoding="utf-8")
    flags = ("--headless=new", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr", "--virtual-time-budget=2000")
    profile = f"--user-data-dir={folder / 'profile'}"
    words = [str(CHROMIUM), *flags, *options, profile, "--dump-dom", (folder / "window.html").as_uri()]
    done = subprocess.run(words, capture_output=True, text=True, timeout=120, check=True)
    assert "CONSOLE" not in done.stderr, done.stderr
    found = re.search(r'data-probe="([^"]*)"', done.stdout)
    assert found is not None, done.stderr[-2000:]
    return {item["inner"]: item for item in json.loads(html.unescape(found[1]))}


@needs_browser
def test_the_page_fits_every_window(facts: Facts, tmp_path: Path) -> None:
    found = probe(render(facts), tmp_path, "--blink-settings=preferredColorScheme=1")
    assert POLICY in render(facts)
    assert set(found) == set(WIDTHS)
    for width, page in found.items():
        assert page["scroll"] <= width
        assert page["wide"] == []
        assert page["broken"] == 0
        assert page["images"] == 8
        assert page["ground"] == "rgb(255, 255, 255)"


@needs_browser
def test_the_page_is_dark_where_the_reader_wants_it_dark(facts: Facts, tmp_path: Path) -> None:
    found = probe(render(facts), tmp_path, "--blink-settings=preferredColorScheme=0")
    assert {page["ground"] for page in found.values()} == {"rgb(21, 24, 29)"}


@needs_browser
def test_the_probe_sees_what_is_wrong(tmp_path: Path) -> None:
    head = f'<html><head><meta http-equiv="Content-Security-Policy" content="{POLICY}"></head><body>'
    found = probe(f'{head}<p style="width:900px">x</p><img src="data:image/png;base64,xx"></body></html>', tmp_path)
    assert found[400]["scroll"] > 400
    assert any("<p" in item for item in found[400]["wide"])
    assert found[400]["broken"] == 1
    for wrong in ("<script>console.error('this went wrong')</script>", '<img src="http://127.0.0.1:9/this.png">'):
        with pytest.raises(AssertionError, match="this"):
            probe(f"{head}{wrong}</body></html>", tmp_path)
