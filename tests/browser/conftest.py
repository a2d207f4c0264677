import pytest


@pytest.fixture(params=["http", "disk"])
def url(request, site, site_url):
    """The PAGE of the test's module, from a server under a sub-path and from disk."""
    base = site_url if request.param == "http" else f"{site.as_uri()}/"
    return base + request.module.PAGE
