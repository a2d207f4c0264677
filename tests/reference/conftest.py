import pytest

from .cells import CELLS


@pytest.fixture(params=CELLS)
def cell(request):
    """Each of the cells in turn, in each of its forms."""
    return CELLS[request.param]
