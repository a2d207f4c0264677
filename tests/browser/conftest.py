import live
import players
import pytest


@pytest.fixture
def url(request, site_url):
    """The PAGE of the test's module, from a server under a sub-path."""
    return site_url + request.module.PAGE


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """The address of the sequence players' own pages."""
    folder = tmp_path_factory.mktemp("players")
    players.write_pages(folder)
    with live.serving(folder) as url:
        yield url
