import pytest
from fake_results import fill, plan

from dgmbench.run.config import Plan
from dgmbench.run.workspace import Workspace


@pytest.fixture
def workspace(tmp_path) -> Workspace:
    return Workspace(tmp_path / "trial")


@pytest.fixture(scope="session")
def whole(tmp_path_factory) -> tuple[Plan, Workspace]:
    """Records for every run of the published tables, tabulated once; read only."""
    from dgmbench.commands.tabulate import tabulate

    asked, place = plan(), Workspace(tmp_path_factory.mktemp("whole") / "trial")
    fill(asked, place)
    tabulate(asked, place)
    return asked, place
