"""The page: what it says, its structure for those who do not see it, and that it needs nothing else."""

from __future__ import annotations

import base64
import re
import threading
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree

import pytest
from matplotlib import pyplot as plt

from bayes_ivgen.errors import StorageError
from bayes_ivgen.report import Facts, render, write_page

VOID = {"meta", "link", "img", "br", "hr", "input"}


class Page(HTMLParser):
    """Elements in order; unclosed or crossing tags are an error."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str], list[str]]] = []
        self.texts: list[tuple[str, str]] = []
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}, list(self._open)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if data.strip() and self._open[-1] != "style":
            self.texts.append((self._open[-1], data.strip()))

    def all(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes, _ in self.elements if name == tag]

    @property
    def words(self) -> str:
        return " ".join(text for _, text in self.texts)


@pytest.fixture(scope="module")
def text(facts: Facts) -> str:
    return render(facts)


@pytest.fixture(scope="module")
def page(text: str) -> Page:
    return Page(text)


def test_all_that_the_facts_hold_is_on_the_page(page: Page) -> None:
    for said in (
        "How much?",
        "By 1,234 (80 % interval 1,220 to 1,251).",
        "1,550 rows in 3 regimes",
        "web=9 is above",
        "radio: no answer. not identified",
        "1 of these answers is not supported by the data",
        "The fit misses it for web. Look at the graph.",
        "The rows show some: Two actions may share a cause.",
        "Invariance: failed (p = 0.001)",
        "Additivity: not testable",
        "The chains did not mix well.",
        "The prior has a say in 1 of 1 answers: web=9.",
        "no regime leaves it alone",
        "No row can contradict it.",
        "web (km/h & more)",
        "1 of the 2 effects below",
        "< 1e-16",
    ):
        assert said in page.words
    cells = [text for tag, text in page.texts if tag in ("td", "th")]
    at = cells.index("<b>&'=3")
    assert cells[at : at + 5] == ["<b>&'=3", "1,234", "1,220", "1,251", "yes"]


def test_names_of_the_user_are_text_and_nothing_else(text: str, page: Page) -> None:
    assert "script" not in {tag for tag, _, _ in page.elements}
    assert "b" not in {tag for tag, _, _ in page.elements}
    assert "<script" not in text
    assert "sales $\\oops$ <script>alert(1)</script>" in page.words
    assert any("<b>&'" in image["alt"] for image in page.all("img"))


def test_the_page_needs_nothing_else(text: str, page: Page) -> None:
    for tag, attributes, _ in page.elements:
        for name in ("src", "href", "srcset", "action", "data", "poster"):
            assert attributes.get(name, "#")[:5] in ("#", "data:") or attributes[name].startswith("#"), tag
        assert not any(name.startswith("on") for name in attributes)
    style = re.search(r"<style>(.*?)</style>", text, flags=re.S)
    assert style is not None
    assert "url(" not in style[1]
    assert "@import" not in style[1]
    assert len(text) < 3e6
    policy = next(meta["content"] for meta in page.all("meta") if meta.get("http-equiv") == "Content-Security-Policy")
    assert policy.startswith("default-src 'none'; img-src data:")


def test_pictures_are_drawings_that_follow_the_scheme_and_have_words(page: Page) -> None:
    images = page.all("img")
    assert len(images) == 8  # forest, regimes, graph, two curves, one bias, outcome, residuals
    for image in images:
        assert len(image["alt"]) > 20
        assert int(image["width"]) < 400
        drawing = base64.b64decode(image["src"].removeprefix("data:image/svg+xml;base64,")).decode()
        ElementTree.fromstring(drawing)
        assert "@media screen and (prefers-color-scheme:dark){" in drawing
        assert "var(--ink)" in drawing
        assert not re.search(r"(fill|stroke): #(000000|1f2328|ffffff)", drawing)
        assert "http" not in re.sub(r"http://www\.w3\.org/[^\"]*", "", drawing)
    assert any("0 at 0, 10 at 10" in image["alt"] for image in images)


def test_the_structure_is_clear_without_the_looks(page: Page) -> None:
    assert page.all("html")[0]["lang"] == "en"
    assert any(meta.get("name") == "viewport" for meta in page.all("meta"))
    levels = [int(tag[1]) for tag, _, _ in page.elements if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
    names = {attributes["id"] for _, attributes, _ in page.elements if "id" in attributes}
    links = [attributes["href"] for attributes in page.all("a")]
    assert len(links) == levels.count(2)
    assert {link.removeprefix("#") for link in links} <= names
    assert len(page.all("table")) == len(page.all("caption"))
    for tag, attributes, inside in page.elements:
        if tag == "th":
            assert attributes["scope"] == ("col" if "thead" in inside else "row")
        if tag == "table":
            assert inside[-1] == "div"  # which scrolls
    titles = [text for tag, text in page.texts if tag == "h2"]
    assert titles[0] == "The answers"
    assert len(set(titles)) == len(titles) == 11


def test_pages_of_the_same_facts_are_the_same(facts: Facts, text: str) -> None:
    before = plt.rcParams["text.color"], len(plt.get_fignums())
    assert render(facts) == text
    assert (plt.rcParams["text.color"], len(plt.get_fignums())) == before


def test_without_curves_checks_and_answers_there_is_still_a_page(facts: Facts) -> None:
    from dataclasses import replace

    from bayes_ivgen.report import Answers, Checks

    none = Answers("Usual", (), facts.answers[0].table.iloc[:0], 0.0, (("web", "not identified, add obs"),))
    bare = replace(facts, along="the joint effect is not identified.", checks=Checks(note="No rows."), answers=(none,))
    words = Page(render(bare)).words
    assert "There are none: the joint effect is not identified." in words
    assert "web: no answer. not identified, add obs" in words
    assert "No rows." in words


def test_a_page_is_not_replaced_unless_asked(tmp_path: Path) -> None:
    place = tmp_path / "page.html"
    assert write_page("first", place, overwrite=False) == place
    with pytest.raises(StorageError, match="exists already; pass overwrite=True"):
        write_page("second", place, overwrite=False)
    assert place.read_text() == "first"
    write_page("second", place, overwrite=True)
    assert place.read_text() == "second"
    assert [item.name for item in tmp_path.iterdir()] == ["page.html"]


def test_bad_places_are_refused(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"must end in \.html"):
        write_page("x", tmp_path / "page.txt", overwrite=False)
    with pytest.raises(StorageError, match="does not exist; create it first"):
        write_page("x", tmp_path / "nowhere" / "page.html", overwrite=False)
    (tmp_path / "folder.html").mkdir()
    with pytest.raises(StorageError, match="is a folder"):
        write_page("x", tmp_path / "folder.html", overwrite=True)


def test_of_two_who_write_at_once_one_is_told(tmp_path: Path) -> None:
    place, errors = tmp_path / "page.html", []

    def write(text: str) -> None:
        try:
            write_page(text, place, overwrite=False)
        except StorageError as error:
            errors.append(error)

    threads = [threading.Thread(target=write, args=(str(i) * 1000,)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(errors) == 7
    assert len(place.read_text()) == 1000
    assert [item.name for item in tmp_path.iterdir()] == ["page.html"]


def test_nothing_half_written_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = tmp_path / "page.html"
    write_page("good", place, overwrite=False)

    def full(*args: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(StorageError, match=r"cannot be written.*No space left"):
        write_page("bad", place, overwrite=True)
    assert place.read_text() == "good"
    assert [item.name for item in tmp_path.iterdir()] == ["page.html"]
