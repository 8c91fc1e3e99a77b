"""Mixing: images and labels in the same shares, pairs of neighbours only."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from compofa_deploy.training.mixing import Mixture, draw_mixture, mix  # noqa: E402

CLASSES = 4


def make_batch(n: int, side: int = 8):
    """Images of one grey each, from 1 to n."""
    grey = torch.arange(1.0, n + 1).view(n, 1, 1, 1)
    return grey.expand(n, 3, side, side).clone(), torch.arange(n) % CLASSES


def test_mixup_blends_images_and_labels_by_the_first_ones_share():
    images, labels = make_batch(2)
    mixture = Mixture(np.array([0.75, 0.1]), np.full((2, 2), np.nan))
    mixed, targets = mix(images, labels, CLASSES, mixture)
    assert mixed[0].unique().tolist() == [1.25]
    assert mixed[1].unique().tolist() == [1.75]
    assert targets.tolist() == [[0.75, 0.25, 0, 0], [0.25, 0.75, 0, 0]]


def test_cutmix_pastes_a_square_and_counts_its_pixels_in_the_labels():
    images, labels = make_batch(2)
    # A quarter of the area around the centre: 4 x 4 of 8 x 8 pixels.
    mixture = Mixture(np.array([0.75, 0.0]), np.full((2, 2), 0.5))
    mixed, targets = mix(images, labels, CLASSES, mixture)
    expected = torch.ones(8, 8)
    expected[2:6, 2:6] = 2
    assert torch.equal(mixed[0, 0], expected)
    assert torch.equal(mixed[1, 0], 3 - expected)
    assert targets.tolist() == [[0.75, 0.25, 0, 0], [0.25, 0.75, 0, 0]]


def test_a_square_at_the_border_is_cut_and_its_label_with_it():
    images, labels = make_batch(2)
    mixed, targets = mix(images, labels, CLASSES, Mixture(np.array([0.75, 0.75]), np.zeros((2, 2))))
    assert (mixed[0, 0] == 2).sum().item() == 4
    assert targets[0, 1].item() == 4 / 64


@pytest.mark.parametrize(("mixup", "cutmix"), [(0.4, 0), (0, 1.0), (0.4, 1.0)])
def test_targets_are_probabilities_and_match_the_images(rng, mixup, cutmix):
    images, labels = make_batch(64)
    mixed, targets = mix(images, labels, CLASSES, draw_mixture(mixup, cutmix, 64, rng))
    torch.testing.assert_close(targets.sum(1), torch.ones(64))
    assert (targets >= 0).all()
    own = targets[torch.arange(64), labels].view(-1)
    partner = torch.arange(64) ^ 1
    grey = own * (torch.arange(64) + 1) + (1 - own) * (partner + 1)
    torch.testing.assert_close(mixed.mean((1, 2, 3)), grey)
    blended = [len(image.unique()) == 1 and image.unique().item() % 1 != 0 for image in mixed]
    if mixup and cutmix:
        assert 0 < sum(blended) < 64
    else:
        assert any(blended) == bool(mixup)


def test_the_last_of_an_odd_number_stays_as_it_is(rng):
    images, labels = make_batch(5)
    mixed, targets = mix(images, labels, CLASSES, draw_mixture(1.0, 1.0, 5, rng))
    assert torch.equal(mixed[4], images[4])
    assert targets[4].tolist() == [1, 0, 0, 0]


def test_what_becomes_of_an_image_does_not_depend_on_how_the_batch_is_shared(rng):
    images, labels = make_batch(8)
    mixture = draw_mixture(0.4, 1.0, 8, rng)
    whole = mix(images, labels, CLASSES, mixture)
    for part in (slice(0, 4), slice(4, 8)):
        shared = mix(images[part], labels[part], CLASSES, mixture.take(part))
        assert all(torch.equal(one, other[part]) for one, other in zip(shared, whole, strict=True))


def test_the_images_given_are_left_as_they_were(rng):
    images, labels = make_batch(4)
    before = images.clone()
    mix(images, labels, CLASSES, draw_mixture(1.0, 1.0, 4, rng))
    assert torch.equal(images, before)
