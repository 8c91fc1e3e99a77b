"""Classes are matched by name, numbers by their value, and names that disagree are refused."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from compofa_deploy.data.classes import align_classes, match_classes, order_names
from compofa_deploy.data.labelled import LabelledImages
from latency_tables.errors import MismatchError

NUMBERS = tuple(map(str, range(12)))
NAMES = tuple(f"class {letter}" for letter in "abcdefghijkl")


def make_labelled(class_names):
    """One image of each class."""
    count = len(class_names)
    return LabelledImages(np.zeros((count, 1, 1, 3), np.uint8), np.arange(count), tuple(class_names))


@given(st.permutations(NAMES))
def test_names_are_matched_in_whatever_order_they_come(names):
    aligned = align_classes(make_labelled(names), NAMES, "net")
    assert [NAMES[label] for label in aligned.labels] == names
    assert aligned.class_names == NAMES


def test_folders_of_numbers_are_the_classes_of_these_numbers():
    alphabetical = tuple(sorted(NUMBERS))
    aligned = align_classes(make_labelled(alphabetical), NUMBERS, "net")
    assert aligned.labels.tolist() == [0, 1, 10, 11, 2, 3, 4, 5, 6, 7, 8, 9]


def test_numbers_with_leading_zeros_count_by_their_value():
    assert match_classes(["02", "00", "01"], ["0", "1", "2"]).tolist() == [2, 0, 1]


def test_images_or_networks_without_names_are_matched_by_number():
    assert match_classes(NUMBERS, NAMES).tolist() == list(range(12))
    assert match_classes(tuple(sorted(NUMBERS)), NAMES)[2] == 10
    assert match_classes(NAMES, NUMBERS).tolist() == list(range(12))
    imported = [f"class {number}" for number in range(12)]
    assert match_classes(NAMES, imported).tolist() == list(range(12))
    assert match_classes(tuple(sorted(NUMBERS)), imported)[2] == 10


@pytest.mark.parametrize(
    ("theirs", "message"),
    [
        (NAMES[:-1], r"of 11 classes \(class a, class b, class c, ...\), and net tells 12 classes \(class a"),
        ((*NAMES[:-1], "zebra"), r"apart: only the images have 'zebra'; give the data"),
        ((*NAMES[:-1], "class a"), r"apart: only the network has 'class l'"),
    ],
)
def test_names_that_disagree_are_refused_and_the_first_is_named(theirs, message):
    with pytest.raises(MismatchError, match=message):
        align_classes(make_labelled(theirs), NAMES, "net")


def test_a_network_with_other_numbers_as_names_is_matched_by_name_alone():
    years = ("1990", "2000", "2010")
    assert match_classes(("2010", "1990", "2000"), years).tolist() == [2, 0, 1]
    assert match_classes(("1990", "2000", "2020"), years) is None


def test_names_are_in_natural_order_where_all_are_numbers():
    assert order_names(["10", "2", "1"]) == ["1", "2", "10"]
    assert order_names(["10", "2", "a"]) == ["10", "2", "a"]
    assert order_names(["\uff12", "10"]) == ["10", "\uff12"], "full-width digits are no numbers here"
