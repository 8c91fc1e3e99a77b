"""Pixels that are too much for the memory lie in a temporary file."""

import errno
import os
import tempfile

import numpy as np
import pytest
from PIL import Image

from compofa_deploy.data import pixels as pixels_module
from compofa_deploy.data.pixels import allocate_pixels, fit_images
from latency_tables.errors import InputError


def open_gray(index):
    return Image.new("RGB", (20 + index, 16), (index, index, index))


def test_images_are_fitted_each_in_its_place():
    pixels = fit_images(30, open_gray, 12)
    assert pixels.shape == (30, 12, 12, 3)
    assert (pixels == np.arange(30)[:, None, None, None]).all()


def test_an_image_that_cannot_be_read_ends_the_fitting():
    def refuse(index):
        raise InputError(f"image {index}")

    with pytest.raises(InputError, match="image 0"):
        fit_images(30, refuse, 12)


def test_pixels_in_a_file_leave_nothing_behind(monkeypatch, tmp_path):
    expected = fit_images(30, open_gray, 12)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(pixels_module, "MEMORY_BYTES", 1000)
    pixels = fit_images(30, open_gray, 12)
    assert isinstance(pixels, np.memmap)
    assert np.array_equal(pixels, expected)
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_one_line(monkeypatch):
    def refuse(descriptor, offset, size):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(pixels_module, "MEMORY_BYTES", 1000)
    monkeypatch.setattr(os, "posix_fallocate", refuse)
    with pytest.raises(InputError, match=r"no room for 0\.0 GB of pixels .*; set TMPDIR"):
        allocate_pixels((30, 12, 12, 3))
