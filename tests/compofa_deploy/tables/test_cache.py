"""A table is found again where it fits exactly, and an unusable cache is named."""

from dataclasses import replace
from pathlib import Path

import pytest
from platformdirs import user_cache_path

from compofa_deploy.tables.cache import ENVIRONMENT_VARIABLE, Cache
from latency_tables.errors import InputError
from tests.latency_tables.builders import SPEC
from tests.support.supernets import TINY, make_table


@pytest.fixture
def cache(tmp_path):
    return Cache(tmp_path / "cache")


def keep(cache, table, mode="quick"):
    path = cache.table_path(TINY, table.spec, mode)
    table.save(path)
    return path


def find(cache, spec=SPEC, resolutions=(16, 20), architecture=TINY):
    return cache.find_table(architecture, spec, resolutions, ("full", "quick"))


def test_a_table_that_was_kept_is_found_again(cache):
    assert find(cache) is None
    keep(cache, make_table())
    assert find(cache) == make_table()


def test_the_first_mode_is_preferred(cache):
    keep(cache, make_table(kit_id="a" * 12), "quick")
    keep(cache, make_table(kit_id="b" * 12), "full")
    assert find(cache).kit_id == "b" * 12


@pytest.mark.parametrize(
    "changed",
    [
        {"threads": 2},
        {"batch": 4},
        {"runtime_version": "2.0"},
        {"precision": "f16"},
        {"spin": False},
        {"machine": replace(SPEC.machine, cores=8)},
        {"machine": replace(SPEC.machine, cpu_quota=1.5)},
    ],
)
def test_a_table_of_another_device_spec_is_not_found(cache, changed):
    keep(cache, make_table())
    assert find(cache, replace(SPEC, **changed)) is None


def test_a_table_under_another_device_specs_name_is_passed_over(cache):
    other = replace(SPEC, threads=2)
    make_table().save(cache.table_path(TINY, other, "quick"))
    assert find(cache, other) is None


def test_a_table_of_another_shape_under_the_same_name_is_passed_over(cache):
    keep(cache, make_table())
    assert find(cache, architecture=replace(TINY, width=0.5)) is None


def test_a_table_without_a_resolution_that_is_asked_for_is_passed_over(cache):
    keep(cache, make_table(resolutions=(16,)))
    assert find(cache) is None
    assert find(cache, resolutions=(16,)) is not None


@pytest.mark.parametrize("content", ["", "{", '{"format": "another"}', '{"format": "compofa-latency-table"}'])
def test_a_table_that_is_broken_is_passed_over(cache, content):
    path = keep(cache, make_table(), "full")
    path.write_text(content)
    assert find(cache) is None
    keep(cache, make_table(), "quick")
    assert find(cache) == make_table()


def test_the_folder_is_the_one_that_the_environment_names(tmp_path, monkeypatch):
    monkeypatch.setenv(ENVIRONMENT_VARIABLE, str(tmp_path / "mine"))
    assert Cache.default().folder == tmp_path / "mine"


@pytest.mark.parametrize("value", [None, ""])
def test_without_one_it_is_the_platforms(monkeypatch, value):
    if value is None:
        monkeypatch.delenv(ENVIRONMENT_VARIABLE)
    else:
        monkeypatch.setenv(ENVIRONMENT_VARIABLE, value)
    assert Cache.default().folder == user_cache_path("compofa-deploy")


def test_a_folder_that_cannot_be_made_names_the_mend(tmp_path):
    (tmp_path / "file").write_text("x")
    cache = Cache(Path(tmp_path / "file" / "cache"))
    with pytest.raises(InputError, match=r"cannot be made .* set COMPOFA_CACHE to a folder"):
        cache.kits()
