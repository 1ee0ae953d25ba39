"""The set-up that all tests of this folder come to; each has subscribers of its own."""

from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from tests.cluster import town
from tests.cluster.town import Cluster


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All of this folder has its marks."""
    for item in items:
        if item.path.parent == Path(__file__).parent:
            item.add_marker(pytest.mark.cluster)
            item.add_marker(pytest.mark.postgres)


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Two web processes and two workers on PostgreSQL and Redis, behind nginx; nothing in it may have failed."""
    with town.running(tmp_path_factory.mktemp("cluster")) as running:
        yield running


@pytest.fixture(scope="session")
def villagers() -> Iterator[str]:
    """Ten digits each."""
    return (str(town.FIRST_NUMBER + number) for number in count())


@pytest.fixture
def villager(villagers: Iterator[str]) -> str:
    """A subscriber whom no other test has used."""
    return next(villagers)
