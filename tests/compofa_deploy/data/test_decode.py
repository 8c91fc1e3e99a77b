"""Images are decoded once where they fit in memory, and stay encoded where they do not."""

import numpy as np
import pytest
from PIL import Image

from compofa_deploy.data import decode as decode_module
from compofa_deploy.data import encoded as encoded_module
from compofa_deploy.data import pixels as pixels_module
from compofa_deploy.data.decode import decode, hold
from compofa_deploy.data.encoded import EncodedImages, SkippedImage
from compofa_deploy.data.folder import list_folder
from compofa_deploy.data.labelled import DecodedImages, LabelledImages
from compofa_deploy.files.images import fit


@pytest.fixture
def mixed(place):
    """Images of which one has another size than all others."""
    Image.new("RGB", (30, 17), (200, 0, 0)).save(place / "train" / "red" / "wide.png")
    return list_folder(place / "train")


def test_small_images_of_one_square_size_are_held_as_pixels(place):
    held = hold(list_folder(place / "train"))
    assert isinstance(held, LabelledImages)
    assert held.pixels.shape == (24, 16, 16, 3)
    assert decode(held) is held


def test_images_of_many_sizes_or_too_many_stay_encoded(place, mixed, monkeypatch):
    assert hold(mixed) is mixed
    monkeypatch.setattr(pixels_module, "MEMORY_BYTES", 1000)
    assert isinstance(hold(list_folder(place / "val")), EncodedImages)


@pytest.mark.parametrize(("memory", "kind"), [(10**6, DecodedImages), (1000, EncodedImages)])
def test_images_of_many_sizes_are_fitted_from_their_sources_whether_in_memory_or_not(
    mixed, monkeypatch, memory, kind
):
    monkeypatch.setattr(decode_module, "DECODED_BYTES", memory)
    readable = decode(mixed)
    assert isinstance(readable, kind)
    chosen = readable.take(np.array([24, 0, 5]))
    assert chosen.labels.tolist() == mixed.labels[[24, 0, 5]].tolist()
    for side in (12, 16, 20):
        expected = [fit(mixed.open(index), side) for index in (24, 0, 5)]
        assert np.array_equal(chosen.resize(side), expected)


@pytest.mark.parametrize("ahead", [4, 100])
def test_images_are_decoded_in_their_order(place, monkeypatch, ahead):
    monkeypatch.setattr(encoded_module, "DECODED_AHEAD", ahead)
    images = list_folder(place / "train")
    decoded = decode(images)
    assert np.array_equal(decoded.labels, images.labels)
    for index, pixels in enumerate(decoded.arrays):
        assert np.array_equal(pixels, np.asarray(images.open(index)))


@pytest.mark.parametrize("memory", [10**6, 1000])
def test_unreadable_images_of_a_large_set_are_told_and_left_out(place, monkeypatch, memory):
    monkeypatch.setattr(decode_module, "DECODED_BYTES", memory)
    broken = sorted((place / "val" / "green").iterdir())[0]
    broken.write_bytes(b"words")
    told: list[SkippedImage] = []
    test = decode(list_folder(place / "val"), told.append)
    assert [skipped.name for skipped in told] == [str(broken)]
    assert np.bincount(test.labels).tolist() == [3, 2, 3]
    assert test.resize(12).shape == (8, 12, 12, 3)


def test_fingerprints_tell_images_and_labels_apart(mixed, monkeypatch):
    def list_prints(images):
        held = decode(images)
        monkeypatch.setattr(decode_module, "DECODED_BYTES", 0)
        prints = [held.fingerprint(), decode(images).fingerprint()]
        monkeypatch.undo()
        return prints

    order = np.arange(len(mixed))
    sets = [mixed, mixed.take(order[:-1]), mixed.take(np.roll(order, 1))]
    prints = [fingerprint for images in sets for fingerprint in list_prints(images)]
    assert len(set(prints)) == len(prints)
    assert list_prints(mixed) == prints[:2]
