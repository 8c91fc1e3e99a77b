"""Images in memory are fitted to any resolution, each from its source."""

import numpy as np
from PIL import Image

from compofa_deploy.data.labelled import LabelledImages, LastFit, draw_indices
from compofa_deploy.files.images import fit


def make_labelled(images):
    return LabelledImages(np.stack(images), np.arange(20) % 2, ("cat", "dog"))


def test_images_are_resized_as_in_a_bundle_and_left_alone_at_their_own_size(images):
    split = make_labelled(images)
    assert split.resize(8) is split.pixels
    assert np.array_equal(split.resize(6), [fit(Image.fromarray(pixels), 6) for pixels in images])


def test_a_fingerprint_tells_images_and_labels_apart(images):
    split = make_labelled(images)
    others = [
        split.take(np.arange(19)),
        LabelledImages(split.pixels, split.labels[::-1].copy(), split.class_names),
    ]
    assert split.fingerprint() == make_labelled(images).fingerprint()
    assert len({one.fingerprint() for one in (split, *others)}) == 3


def test_the_last_fit_is_kept_and_another_resolution_is_made_anew(images):
    fitted = LastFit(make_labelled(images))
    assert fitted.resize(6) is fitted.resize(6)
    assert fitted.resize(5).shape == (20, 5, 5, 3)
    assert (len(fitted), fitted.labels.tolist()) == (20, [0, 1] * 10)


def test_a_sample_is_drawn_in_order_and_is_all_where_there_are_no_more(rng):
    drawn = draw_indices(10, 4, rng)
    assert len(drawn) == 4
    assert sorted(set(drawn.tolist())) == drawn.tolist()
    assert draw_indices(3, 9, rng).tolist() == [0, 1, 2]
