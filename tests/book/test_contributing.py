"""What the pages for contributors name is there: files, targets, tests, names and commands."""

import re
import subprocess

import pytest
from sources import ROOT, tracked

PAGES = [
    "CONTRIBUTING.md",
    "book/README.md",
    "gru_course/widgets/README.md",
    "tests/README.md",
    ".github/pull_request_template.md",
]
TEXTS = {page: (ROOT / page).read_text("utf8") for page in PAGES}
# Names that stand for others, and commands of tools that are not ours.
PLACEHOLDERS = r"NAME|\.\.\.|\bgit\b|mutmut|jupytext|diff\.notebook"
PLACES = ("", "gru_course", "gru_course/widgets", "gru_course/widgets/static", "book", "tests")


def code(text):
    """What stands between backticks in the prose, without blocks of code."""
    prose = re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)
    return [re.sub(r"\s+", " ", found) for found in re.findall(r"(?<!`)`([^`]+)`(?!`)", prose)]


def exists(path):
    return any((ROOT / place / path).exists() for place in PLACES)


@pytest.mark.parametrize("page", PAGES)
def test_targets_and_what_they_are_given_exist(page):
    targets = re.search(r"\.PHONY: ((?:.*\\\n)*.*)", (ROOT / "Makefile").read_text("utf8"))
    assert targets is not None
    for found in code(TEXTS[page]):
        if found.startswith("make "):
            _, target, *given = found.split()
            assert target in targets[1].split(), found
            for value in (each.partition("=")[2] for each in given):
                path, _, test = value.partition("::")
                assert "..." in path or (ROOT / path).exists(), found
                assert not test or f"def {test}(" in (ROOT / path).read_text("utf8"), found


@pytest.mark.parametrize("page", PAGES)
def test_links_and_paths_lead_somewhere(page):
    for link in re.findall(r"\]\(([^)]+)\)", TEXTS[page]):
        assert ((ROOT / page).parent / link).exists(), link
    for found in code(TEXTS[page]):
        if re.fullmatch(r"[\w./-]+/[\w./-]*|[\w.-]+\.(py|mjs|css|toml|lock|yml|md)", found):
            assert "NAME" in found or exists(found) or exists(f"{found}.ipynb"), found


def test_names_occur_in_what_is_not_these_pages():
    paths = [path for path in tracked() if (ROOT / path).exists()]
    sources = [path for path in paths if not path.endswith((".md", ".npz", ".png"))]
    texts = [*paths, *((ROOT / path).read_text("utf8") for path in sources)]
    words = {word for text in texts for word in re.findall(r"\w+", text)}
    for page in PAGES:
        for found in code(TEXTS[page]):
            if not re.search(PLACEHOLDERS, found):
                missing = set(re.findall(r"[A-Za-z_]\w{2,}", found)) - words
                assert not missing, (page, found)


def test_every_entry_of_the_layout_exists():
    block = re.search(r"^```\n(_config.*?)^```$", TEXTS["CONTRIBUTING.md"], re.M | re.S)
    assert block is not None
    folder = ""
    for line in block[1].splitlines():
        entry = re.match(r"( *)(\S+(?: \S+)*?)(?:  |$)", line)
        if entry is None or len(entry[1]) > 2:
            continue  # the rest of a sentence
        for name in entry[2].split():
            assert (ROOT / (folder if entry[1] else "") / name).exists(), line
        folder = folder if entry[1] else entry[2]


def test_a_notebook_becomes_text():
    page = ROOT / "book/gating/gru.ipynb"
    run = subprocess.run(
        [ROOT / ".ci/notebook-as-text", page], capture_output=True, text=True, check=True
    )
    assert "# The gated recurrent unit" in run.stdout
    assert "image/png" not in run.stdout
