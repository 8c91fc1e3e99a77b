"""Torch uses the threads that were asked for, and tuning the allocator works with and without glibc."""

from __future__ import annotations

import ctypes

import pytest

torch = pytest.importorskip("torch")

from compofa_deploy.torch_process.allocator import set_threads, tune_allocator  # noqa: E402


def test_threads_are_set_and_stay_where_none_are_asked_for():
    before = torch.get_num_threads()
    try:
        set_threads(before + 1)
        assert torch.get_num_threads() == before + 1
        set_threads(None)
        assert torch.get_num_threads() == before + 1
    finally:
        torch.set_num_threads(before)


def test_the_allocator_is_told_to_keep_large_blocks(monkeypatch):
    told = []

    class Libc:
        def __init__(self, name):
            assert name == "libc.so.6"

        def mallopt(self, parameter, value):
            told.append((parameter, value))

    monkeypatch.setattr(ctypes, "CDLL", Libc)
    tune_allocator()
    assert dict(told) == {-3: 2**30, -1: 2**31 - 1}


def test_without_glibc_nothing_happens(monkeypatch):
    def refuse(name):
        raise OSError(f"{name}: cannot open shared object file")

    monkeypatch.setattr(ctypes, "CDLL", refuse)
    tune_allocator()
