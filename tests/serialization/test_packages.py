"""Places for storages that a program adds."""

from __future__ import annotations

import io
from collections.abc import Iterator

import pytest

import rushlight
from rushlight.serialization import locations, register_package


@pytest.fixture
def registry() -> Iterator[None]:
    before = list(locations._packages)
    yield
    locations._packages[:] = before


@pytest.mark.usefixtures("registry")
def test_a_package_names_and_restores_storages() -> None:
    asked: list[str] = []

    def restore(storage, location):
        asked.append(location)
        return storage if location == "shelf" else None

    register_package(5, lambda storage: "shelf", restore)
    file = io.BytesIO()
    rushlight.save(rushlight.ones(2), file)
    file.seek(0)
    assert rushlight.load(file).tolist() == [1, 1]
    assert asked == ["shelf"]


@pytest.mark.usefixtures("registry")
def test_later_packages_are_not_asked_for_the_cpu() -> None:
    register_package(11, lambda storage: "shelf", lambda storage, location: None)
    assert locations.location_tag(rushlight.ones(2).untyped_storage()) == "cpu"
