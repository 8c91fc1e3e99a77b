"""A bundle classifies every image with its own preprocessing."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from compofa_deploy.bundle.bundle import load_bundle
from compofa_deploy.bundle.bundle_writer import write_bundle
from compofa_deploy.bundle.classify import classify
from compofa_deploy.export.export import export
from compofa_deploy.graph.reference import run_reference
from compofa_deploy.space.subnet import Subnet
from latency_tables.errors import InputError
from profilers.targets.local import LocalDevice
from tests.support.supernets import TINY

SUBNET = Subnet.compound((2, 3, 4, 3, 2), 16)
HERE = LocalDevice(Path("never measured"))


@pytest.fixture
def photo(rng):
    """A smooth image, so that JPEG keeps what is in it."""
    grid = rng.integers(0, 256, (5, 5, 3), dtype=np.uint8)
    return Image.fromarray(grid).resize((40, 32), Image.Resampling.BICUBIC)


def top_probabilities(bundle, path):
    (found,) = classify(load_bundle(bundle), [path], HERE, top=TINY.classes)
    return dict(found.labels)


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.bmp", "no_suffix"])
def test_any_format_is_read(bundle, photo, tmp_path, name):
    photo.save(tmp_path / name, format=None if "." in name else "PNG")
    found = top_probabilities(bundle, tmp_path / name)
    assert set(found) == {"class0", "class1", "class2", "class3"}
    assert sum(found.values()) == pytest.approx(1)


@pytest.mark.parametrize("mode", ["L", "RGBA", "P", "1", "CMYK", "LA", "I;16"])
def test_any_mode_is_read(bundle, photo, tmp_path, mode):
    path = tmp_path / ("a.jpg" if mode == "CMYK" else "a.png")
    (photo.convert("L").convert("I").convert("I;16") if mode == "I;16" else photo.convert(mode)).save(path)
    assert sum(top_probabilities(bundle, path).values()) == pytest.approx(1)


@pytest.mark.parametrize("size", [(1, 1), (300, 8), (8, 300), (16, 16), (1000, 17)])
def test_any_size_is_read(bundle, photo, tmp_path, size):
    photo.resize(size).save(tmp_path / "a.png")
    assert sum(top_probabilities(bundle, tmp_path / "a.png").values()) == pytest.approx(1)


def test_probabilities_are_those_of_the_reference(bundle, photo, tmp_path, tiny):
    photo.save(tmp_path / "a.png")
    found = top_probabilities(bundle, tmp_path / "a.png")
    image = tiny.preprocess.load([photo], 16)
    logits = run_reference(tiny.layers_of(SUBNET), tiny.weights_of(SUBNET), image)[0]
    expected = np.exp(logits - logits.max())
    expected /= expected.sum()
    assert [found[label] for label in tiny.class_names] == pytest.approx(list(expected), abs=1e-4)


def test_the_likeliest_labels_come_first_as_many_as_asked_for(bundle, photo, tmp_path):
    photo.save(tmp_path / "a.png")
    (found,) = classify(load_bundle(bundle), [tmp_path / "a.png"], HERE, top=2)
    assert len(found.labels) == 2
    assert found.labels[0][1] >= found.labels[1][1]
    (all_of_them,) = classify(load_bundle(bundle), [tmp_path / "a.png"], HERE, top=100)
    assert len(all_of_them.labels) == 4


def test_several_images_are_answered_in_their_order(bundle, photo, tmp_path):
    paths = [tmp_path / f"{i}.png" for i in range(3)]
    for i, path in enumerate(paths):
        photo.rotate(90 * i).save(path)
    together = classify(load_bundle(bundle), paths, HERE)
    assert [found.path for found in together] == [str(path) for path in paths]
    assert together == [classify(load_bundle(bundle), [path], HERE)[0] for path in paths]


def test_a_bundle_with_a_batch_answers_the_same(bundle, photo, tmp_path, tiny, spec):
    photo.save(tmp_path / "a.png")
    batched = export(tiny, SUBNET, replace(spec, batch=4))
    write_bundle(tmp_path / "batched", batched.deployment, batched.files)
    one = top_probabilities(bundle, tmp_path / "a.png")
    assert top_probabilities(tmp_path / "batched", tmp_path / "a.png") == pytest.approx(one, abs=1e-5)


@pytest.mark.parametrize("content", [b"", b"no image", b"\x89PNG\r\n\x1a\n and then nothing"])
def test_a_file_that_is_no_image_is_named(bundle, tmp_path, content):
    (tmp_path / "broken.png").write_bytes(content)
    with pytest.raises(InputError, match=r"broken\.png: not an image that can be read") as raised:
        classify(load_bundle(bundle), [tmp_path / "broken.png"], HERE)
    assert "\n" not in str(raised.value)


def test_an_image_that_is_cut_off_is_named(bundle, photo, tmp_path):
    photo.resize((200, 200)).save(tmp_path / "short.jpg", quality=95)
    data = (tmp_path / "short.jpg").read_bytes()
    (tmp_path / "short.jpg").write_bytes(data[: len(data) // 2])
    with pytest.raises(InputError, match=r"short\.jpg: not an image that can be read"):
        classify(load_bundle(bundle), [tmp_path / "short.jpg"], HERE)


def test_a_file_that_is_not_there_and_a_folder_are_named(bundle, tmp_path):
    with pytest.raises(InputError, match=r"none\.png: there is no such file"):
        classify(load_bundle(bundle), [tmp_path / "none.png"], HERE)
    with pytest.raises(InputError, match="not an image that can be read"):
        classify(load_bundle(bundle), [tmp_path], HERE)
