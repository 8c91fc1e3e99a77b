"""Counting along the tree counts what one by one counts."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

torch = pytest.importorskip("torch")

from compofa_deploy.bundle.bundle import load_bundle  # noqa: E402
from compofa_deploy.bundle.bundle_writer import write_bundle  # noqa: E402
from compofa_deploy.bundle.classify import classify  # noqa: E402
from compofa_deploy.data import decode as decode_module  # noqa: E402
from compofa_deploy.data.classes import align_classes  # noqa: E402
from compofa_deploy.data.splits import load_splits  # noqa: E402
from compofa_deploy.evaluation import count as count_module  # noqa: E402
from compofa_deploy.evaluation.count import CPU, count_group, count_hits, count_right, count_subnets  # noqa: E402
from compofa_deploy.evaluation.folded import FoldedLayers  # noqa: E402
from compofa_deploy.export.export import export  # noqa: E402
from compofa_deploy.space.layers import COMPOUND_DEPTHS, enumerate_compound  # noqa: E402
from compofa_deploy.space.subnet import DEPTHS, Subnet  # noqa: E402
from profilers.targets.local import LocalDevice  # noqa: E402
from tests.compofa_deploy.evaluation.builders import draw_images  # noqa: E402
from tests.support.supernets import TINY, make_accuracies  # noqa: E402


def count_alone(supernet, images, subnet):
    """Right answers of one subnet, by running it whole."""
    network = FoldedLayers(supernet.layers_of(subnet), supernet.weights_of(subnet))
    pixels = supernet.preprocess.normalise(images.resize(subnet.resolution))
    logits = network(torch.from_numpy(pixels).contiguous(memory_format=torch.channels_last))
    return int((logits.argmax(1).numpy() == images.labels).sum())


def test_the_tree_counts_what_one_by_one_counts_for_all_243(supernet):
    images = draw_images(40)
    top1, top5 = count_right(supernet, images, 16)
    alone = [count_alone(supernet, images, subnet) for subnet in enumerate_compound(16)]
    assert top1.tolist() == alone
    assert len(set(alone)) > 1
    assert (top5 == 40).all(), "of four classes, five hold the label"


def test_counts_do_not_depend_on_how_images_are_batched(supernet, monkeypatch):
    images = draw_images(10)
    expected = count_right(supernet, images, 16)
    monkeypatch.setitem(count_module.BATCH_PIXELS, "cpu", 3 * 16**2)
    assert count_right(supernet, images, 16).tolist() == expected.tolist()


def test_subnets_that_are_not_wanted_are_left_out(supernet):
    images = draw_images(20)
    largest = count_right(supernet, images, 16, lambda prefix: prefix[-1] == 2)
    assert largest[:, 242].tolist() == count_right(supernet, images, 16)[:, 242].tolist()
    assert not largest[:, :242].any()


def test_subnets_are_yielded_one_by_one_and_every_unit_is_told(supernet):
    units, images = [], draw_images(2)
    found = list(count_subnets(supernet, images, 16, on_unit=lambda: units.append(1)))
    assert len(units) == 364
    assert [hits.tolist() for _, hits in found] == count_right(supernet, images, 16).T.tolist()
    assert found[5][0] == (0, 0, 0, 1, 2)


def want_only(depths):
    """Return the prefixes of one subnet's choices, out of all prefixes."""
    choices = tuple(DEPTHS.index(depth) for depth in depths)
    return lambda prefix: prefix == choices[: len(prefix)]


@pytest.fixture
def mixed(tmp_path, rng):
    """A folder of images of odd sizes, modes and orientations."""
    modes, count = ["RGB", "L", "RGBA", "P", "1", "CMYK"], 24
    for split in ("train", "test"):
        for index in range(count):
            height, width = (int(side) for side in rng.integers(12, 60, 2))
            image = Image.fromarray(rng.integers(0, 256, (height, width, 3), dtype=np.uint8))
            image, exif = image.convert(modes[index % len(modes)]), Image.Exif()
            exif[0x0112] = 1 + index % 8
            folder = tmp_path / split / f"class{index % TINY.classes}"
            folder.mkdir(parents=True, exist_ok=True)
            kind = "jpg" if image.mode in ("CMYK", "L") else "png"
            image.save(folder / f"{index}.{kind}", exif=exif)
    return tmp_path


@pytest.mark.parametrize("memory", [10**6, 0])
def test_a_bundle_gets_right_the_images_that_evaluation_counts(
    supernet, spec, mixed, monkeypatch, memory, tmp_path
):
    """To the image, at every resolution, and whether or not the images are held decoded."""
    monkeypatch.setattr(decode_module, "DECODED_BYTES", memory)
    images, depths = load_splits(mixed, 4, seed=0).test, (2, 3, 4, 3, 2)
    paths = sorted((mixed / "test").rglob("*.*"))
    for resolution in (16, 20):
        subnet = Subnet.compound(depths, resolution)
        exported = export(supernet, subnet, spec, make_accuracies(supernet), "a test")
        folder = mixed / f"bundle{resolution}"
        write_bundle(folder, exported.deployment, exported.files)
        found = classify(load_bundle(folder), paths, LocalDevice(tmp_path), top=1)
        right = [result.labels[0][0] == path.parent.name for result, path in zip(found, paths, strict=True)]
        for index in range(len(paths)):
            alone = count_right(supernet, images.take(np.array([index])), resolution, want_only(depths))
            assert alone[0, COMPOUND_DEPTHS.index(depths)] == right[index]
        assert 0 < sum(right) < len(paths)


def write_forms(folder, images, write_folder, write_split):
    """The same images in the forms in which people keep them: each is a data set."""
    names, count = images.class_names, len(images.class_names)
    numbers = replace(images, class_names=tuple(map(str, range(count))))
    padded = np.pad(images.pixels, ((0, 0), (0, 0), (7, 7), (0, 0)))
    order = np.arange(count)[::-1]
    shuffled = [int(order[label]) for label in images.labels]
    for split in ("train", "test"):
        write_folder(folder / "folders" / split, images)
        write_folder(folder / "numbered" / split, numbers)
        write_folder(folder / "padded" / split, replace(images, pixels=padded))
        write_split(folder / "named" / f"{split}.parquet", images.pixels, images.labels.tolist(), names)
        write_split(folder / "unnamed" / f"{split}.parquet", images.pixels, images.labels.tolist())
        write_split(folder / "shuffled" / f"{split}.parquet", images.pixels, shuffled, names[::-1])
    return sorted(folder.iterdir())


def test_the_same_images_are_counted_alike_in_every_form(supernet, tmp_path, write_folder, write_split):
    images, want = draw_images(30), want_only((2, 3, 4, 3, 2))
    expected = count_right(supernet, images, 20, want).tolist()
    forms = write_forms(tmp_path, images, write_folder, write_split)
    assert len(forms) == 6
    for form in forms:
        test = align_classes(load_splits(form, 4, seed=0).test, supernet.class_names, "tiny")
        assert count_right(supernet, test, 20, want).tolist() == expected, form.name


def test_a_label_counts_among_five_where_at_most_four_classes_are_likelier(rng):
    logits = torch.from_numpy(rng.permuted(np.tile(np.arange(10.0), (50, 1)), axis=1))
    labels = torch.from_numpy(rng.integers(0, 10, 50))
    likelier = (logits > logits.gather(1, labels[:, None])).sum(1)
    assert count_hits(logits, labels).tolist() == [int((likelier == 0).sum()), int((likelier < 5).sum())]


def test_fewer_images_are_held_at_once_the_larger_they_are():
    groups = [count_group(TINY, side, CPU) for side in (16, 32, 64)]
    assert groups[0] > 3 * groups[1] > 9 * groups[2] > 0
