from __future__ import annotations

import os
from pathlib import Path


def test_the_cache_shows_where_it_is_and_what_it_holds(compofa, cached):
    ran = compofa("cache", "show", "--json")
    assert ran.code == 0
    assert Path(ran.json["folder"]) == Path(os.environ["COMPOFA_CACHE"])
    assert [(entry["kind"], entry["files"]) for entry in ran.json["folders"]] == [("tables", 1)]
    assert "latency tables of this machine" in compofa("cache", "show").out


def test_an_empty_cache_says_so(compofa):
    assert compofa("cache", "show").out.endswith("empty\n")
    assert "nothing to remove" in compofa("cache", "clear").out


def test_clearing_removes_the_tables_and_says_so(compofa, cached):
    ran = compofa("cache", "clear")
    assert (ran.code, cached.exists()) == (0, False)
    assert ran.out.startswith("removed tables: 1 files")


def test_a_folder_that_the_cache_does_not_have_is_bad_input(compofa, cached):
    ran = compofa("cache", "clear", "table")
    assert (ran.code, cached.exists()) == (2, True)
    assert "the cache has no 'table'; it has tables, journals" in ran.error
