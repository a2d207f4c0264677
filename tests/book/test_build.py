"""The built site: complete, and every link and image on it leads somewhere."""

from functools import cache
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from bs4 import BeautifulSoup
from sources import BOOK, BRANCH, CONFIG, REPOSITORY, ROOT, TOC, notebooks, tracked

from gru_course import palette

PAGES = [*TOC, "search"]
NOTEBOOKS = [name for name in TOC if (ROOT / name).with_suffix(".ipynb").exists()]


@cache
def soup(path):
    return BeautifulSoup(path.read_text("utf8"), "html.parser")


@cache
def anchors(path):
    """What links may end in after their number sign."""
    elements = soup(path).find_all(True)
    return {element.get(attribute) for element in elements for attribute in ("id", "name")}


def page(site, name):
    return soup(site / f"{name}.html")


def test_contents_list_every_page():
    pages = [path for path in BOOK.rglob("*.md") if path.name != "README.md"]  # for contributors
    found = [*notebooks(), *pages]
    pages = [path.relative_to(ROOT).with_suffix("").as_posix() for path in found]
    assert sorted(pages) == sorted(TOC)


@pytest.mark.parametrize("name", TOC)
def test_page_has_a_title_and_says_what_it_is_about(site, name):
    parsed = page(site, name)
    heading = parsed.article.h1.get_text()
    assert len(heading) > 3
    assert CONFIG["title"] in parsed.title.get_text()
    paragraphs = [p.get_text() for p in parsed.article.find_all("p")]
    assert any(len(text) >= 60 for text in paragraphs), "no sentence on the page"


@pytest.mark.parametrize("name", PAGES)
def test_links_and_images_lead_somewhere(site, name):
    here = site / f"{name}.html"
    lost = []
    for element in soup(here).find_all(["a", "img", "link", "script", "source", "object"]):
        for attribute in ("href", "src", "data"):
            address = urlsplit(element.get(attribute) or "")
            if address.scheme in ("http", "https", "mailto", "data"):
                continue
            target = (here.parent / unquote(address.path)).resolve() if address.path else here
            if not target.is_file() or (
                address.fragment
                and target.suffix == ".html"
                and unquote(address.fragment) not in anchors(target)
            ):
                lost.append(element.get(attribute))
    assert not lost


@pytest.mark.parametrize("name", PAGES)
def test_images_have_alternative_texts(site, name):
    assert not [img["src"] for img in page(site, name).find_all("img") if not img.get("alt")]


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_launch_links_open_tracked_notebooks(site, name):
    """Binder in JupyterLab, and Colab, open the file of the page on the configured branch."""
    links = [urlsplit(a["href"]) for a in page(site, name).find_all("a", href=True)]
    repository = urlsplit(REPOSITORY).path
    (binder,) = [link for link in links if link.netloc == "mybinder.org"]
    assert binder.path == f"/v2/gh{repository}/{BRANCH}"
    (opened,) = parse_qs(binder.query)["urlpath"]
    assert opened == f"lab/tree/{name}.ipynb"
    (colab,) = [link for link in links if link.netloc == "colab.research.google.com"]
    assert colab.path == f"/github{repository}/blob/{BRANCH}/{name}.ipynb"
    assert f"{name}.ipynb" in tracked()


def test_first_page_leads_into_the_book(site):
    refresh = soup(site / "index.html").find("meta", attrs={"http-equiv": "Refresh"})
    target = refresh["content"].partition("url=")[2]
    assert (site / target).is_file()


def test_style_sheet_has_the_colours_of_the_palette():
    css = (BOOK / "static" / "course.css").read_text("utf8")
    declared = {
        line.split(":")[0].strip().removeprefix("--gru-"): line.split(":")[1].strip(" ;")
        for line in css.splitlines()
        if line.startswith("  --gru-")
    }
    assert declared == {k: v for k, v in palette.BY_SYMBOL.items() if k != "neutral"}
