"""The images of a step: the same whoever decodes them and in however many parts; unreadable ones are replaced."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from compofa_deploy.data.encoded import SkippedImage  # noqa: E402
from compofa_deploy.data.folder import list_folder  # noqa: E402
from compofa_deploy.training.batches import TRIES, Order, list_batches  # noqa: E402
from latency_tables.errors import InputError  # noqa: E402
from tests.compofa_deploy.training.builders import TEACHER, make_images, make_recipe  # noqa: E402

CPU = torch.device("cpu")
ALL = slice(0, 8)


@pytest.fixture
def encoded(tmp_path, write_folder):
    return list_folder(write_folder(tmp_path / "images", make_images(24, 20)))


def load(images, steps=range(6), part=ALL, workers=0, on_skip=lambda skipped: None, **data):
    recipe = make_recipe([TEACHER], data=data)
    return [
        (pixels.numpy(), labels.numpy())
        for pixels, labels in list_batches(images, recipe, 0, steps, part, CPU, workers, on_skip)
    ]


def assert_same(one, other):
    for (pixels, labels), (others, their_labels) in zip(one, other, strict=True):
        assert np.array_equal(pixels, others)
        assert np.array_equal(labels, their_labels)


def test_an_epoch_has_every_image_once_and_each_epoch_its_own_order():
    order = Order(0, 0, 24, 8, ALL)
    epochs = [np.concatenate([order.find(3 * epoch + i)[1] for i in range(3)]) for epoch in range(2)]
    assert [sorted(indices) for indices in epochs] == [list(range(24))] * 2
    assert not np.array_equal(*epochs)
    assert [order.find(step)[0] for step in (0, 2, 3)] == [0, 0, 1]


def test_the_parts_of_the_processes_make_up_the_batch():
    whole = load(make_images())
    halves = [load(make_images(), part=part) for part in (slice(0, 4), slice(4, 8))]
    joined = [
        (np.concatenate([a[0], b[0]]), np.concatenate([a[1], b[1]])) for a, b in zip(*halves, strict=True)
    ]
    assert_same(whole, joined)


@pytest.mark.parametrize("crop", ["padded", "resized"])
def test_a_training_that_goes_on_sees_the_images_it_would_have_seen(encoded, crop):
    whole = load(encoded, crop=crop)
    assert_same(whole[4:], load(encoded, range(4, 6), crop=crop))


@pytest.mark.slow
def test_workers_decode_what_one_process_would(encoded):
    assert_same(load(encoded, crop="resized"), load(encoded, crop="resized", workers=2))


def test_encoded_images_are_squares_of_the_phases_largest_resolution_in_colours_of_their_class(encoded):
    for pixels, labels in load(encoded):
        assert pixels.shape == (8, 12, 12, 3)
        named = [encoded.class_names[label] for label in labels]
        assert [("red", "green", "blue")[i] for i in pixels.mean((1, 2)).argmax(1)] == named


def test_random_parts_differ_between_epochs_and_images(encoded):
    batches = load(encoded, crop="resized", crop_area=[0.2, 0.5])
    by_label = np.concatenate([pixels.reshape(8, -1) for pixels, _ in batches])
    assert len(np.unique(by_label, axis=0)) == 48


def test_an_image_that_cannot_be_read_is_told_and_the_next_takes_its_place(encoded):
    broken = encoded.sources[3]
    broken.write_bytes(broken.read_bytes()[:60])
    told: list[SkippedImage] = []
    batches = load(encoded, range(3), on_skip=told.append)
    assert [len(labels) for _, labels in batches] == [8, 8, 8]
    assert [skipped.name for skipped in told] == [str(broken)]
    assert "0003.png" in told[0].reason or broken.name in told[0].reason


def test_a_training_gives_up_where_one_image_after_the_other_cannot_be_read(encoded):
    for path in encoded.sources:
        path.write_bytes(b"words")
    with pytest.raises(InputError, match=f"{TRIES} images in a row cannot be read; the last: .*not an image"):
        load(encoded)
