"""What exported graphs get right is counted by the runtime that runs them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from compofa_deploy.accuracy.by_precision import AccuraciesByPrecision
from compofa_deploy.accuracy.table import AccuracyTable
from compofa_deploy.deploy import exported_accuracy as exported_module
from compofa_deploy.deploy import measured_accuracy as counted_module
from compofa_deploy.deploy.exported_accuracy import (
    SizedImages,
    count_exported,
    evaluate_exported,
    list_promising,
)
from compofa_deploy.deploy.measured_accuracy import CountedAccuracies
from compofa_deploy.graph.reference import run_reference
from compofa_deploy.search.candidates_by_precision import list_by_precision
from compofa_deploy.space.subnet import Subnet
from latency_tables.errors import MismatchError
from tests.compofa_deploy.evaluation.builders import draw_images
from tests.support.supernets import TINY, make_accuracies, make_supernet, make_table

SUBNET = Subnet.compound((2, 3, 4, 3, 2), 16)


@pytest.fixture(autouse=True)
def _small_batches(monkeypatch):
    monkeypatch.setattr(exported_module, "BATCH", 8)


@pytest.fixture
def count(monkeypatch):
    """Counts are made up: one for each digit of the subnet; gives the subnets that were counted."""
    counted = []

    def count(supernet, subnet, spec, images, device):
        counted.append(subnet.id)
        return [sum(subnet.depths) % (len(part.labels) + 1) for part in images]

    monkeypatch.setattr(exported_module, "count_exported", count)
    return counted


@pytest.mark.parametrize("runtime", ["onnxruntime", "openvino"])
def test_the_exported_graph_gets_right_what_the_reference_gets_right(supernet, spec_of, device, runtime):
    images = [draw_images(11, 1), draw_images(5, 2)]
    expected = []
    for part in images:
        pixels = supernet.preprocess.normalise(part.resize(16))
        logits = run_reference(supernet.layers_of(SUBNET), supernet.weights_of(SUBNET), pixels)
        expected.append(int((logits.argmax(1) == part.labels).sum()))
    sized = [SizedImages.of(part, 16) for part in images]
    assert count_exported(supernet, SUBNET, spec_of(runtime), sized, device) == expected
    assert sum(expected) > 0


@pytest.fixture
def spec_of():
    from profilers.runtimes.registry import find_runtime

    def find(runtime):
        pytest.importorskip(runtime)
        return find_runtime(runtime).spec()

    return find


def test_a_table_says_what_it_was_measured_in(supernet, splits, spec_of, count, device, tmp_path):
    spec = spec_of("onnxruntime")
    table = evaluate_exported(supernet, splits, (16, 20), spec, "random", "a test", device)
    assert table.accuracy().shape == (2, 243)
    assert table.correct["validation"][1, 0] == 10 % 8
    table.save(tmp_path / "t.json")
    found = AccuracyTable.load(tmp_path / "t.json")
    assert (found.precision, found.runtime, found.measured_on) == ("f32", "onnxruntime", spec.describe())


def test_one_that_was_stopped_goes_on_and_is_not_mixed_with_another(
    supernet, splits, spec_of, count, device, tmp_path
):
    spec, partial = spec_of("onnxruntime"), tmp_path / "partial.json"

    def stop(resolution, done, total):
        if done == 100:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        evaluate_exported(supernet, splits, (16,), spec, "random", "a test", device, partial, stop)
    evaluate_exported(supernet, splits, (16,), spec, "random", "a test", device, partial)
    assert len(count) == len(set(count)) == 243
    with pytest.raises(MismatchError, match="other settings"):
        evaluate_exported(
            supernet, splits, (16,), replace(spec, precision="bf16"), "random", "a test", device, partial
        )


def test_of_some_subnets_the_others_are_missing_and_no_candidates(
    supernet, splits, spec_of, count, device, tmp_path
):
    some = [Subnet.compound((2, 2, 2, 2, depth), 16) for depth in (2, 4)]
    spec = replace(spec_of("onnxruntime"), precision="bf16")
    table = evaluate_exported(supernet, splits, (16,), spec, "none", "a test", device, wanted=some)
    assert count == [subnet.id for subnet in some]
    table.save(tmp_path / "t.json")
    found = AccuracyTable.load(tmp_path / "t.json")
    assert [found.has(subnet) for subnet in some] == [True, True]
    assert not found.has(SUBNET)
    assert not found.has(Subnet.compound((2,) * 5, 20))
    assert found.find(some[0])["validation"] == table.find(some[0])["validation"]
    with pytest.raises(MismatchError, match="23432@16 was not evaluated in bf16 on onnxruntime"):
        found.find(SUBNET)
    f32 = replace(make_accuracies(supernet), images=found.images)
    known = AccuraciesByPrecision(f32, (found,))
    mixed = list_by_precision(TINY, known, [make_table(spec=spec)])
    assert [mixed.subnet(i) for i in range(len(mixed))] == some
    assert known.find(spec) is found
    assert known.find(spec, SUBNET) is None
    assert known.of(spec, SUBNET) is f32


def test_promising_subnets_are_of_the_first_fronts(supernet):
    accuracies = make_accuracies(supernet)
    first, both = (list_promising(supernet, accuracies, fronts) for fronts in (1, 2))
    assert both[: len(first)] == first
    assert len(set(both)) == len(both)
    best = max(accuracies.accuracy().ravel())
    assert accuracies.find(first[-1])["validation"] == best


def test_images_are_counted_by_the_names_of_their_classes(supernet, splits, spec_of, device, monkeypatch):
    """Those of splits whose names are in another order are relabelled, and other names are refused."""
    counted = []

    def count(supernet, subnet, spec, images, device):
        counted.append([part.labels.tolist() for part in images])
        return [0] * len(images)

    monkeypatch.setattr(exported_module, "count_exported", count)
    reversed_names = splits.test.class_names[::-1]
    relabelled = replace(splits.test, labels=3 - splits.test.labels, class_names=reversed_names)
    spec = spec_of("onnxruntime")
    for test in (splits.test, relabelled):
        evaluate_exported(
            supernet, replace(splits, test=test), (16,), spec, "random", "a test", device, wanted=[SUBNET]
        )
    assert counted[0] == counted[1]
    other = replace(splits.test, class_names=("a", "b", "c", "d"))
    with pytest.raises(MismatchError, match="only the images have 'a'"):
        evaluate_exported(
            supernet, replace(splits, test=other), (16,), spec, "random", "a test", device, wanted=[SUBNET]
        )


def test_without_statistics_nothing_is_counted(supernet, splits, spec_of, count, device):
    with pytest.raises(MismatchError, match="calibrate it first"):
        evaluate_exported(
            replace(supernet, statistics=None),
            splits,
            (16,),
            spec_of("onnxruntime"),
            "random",
            "a test",
            device,
        )
    with pytest.raises(MismatchError, match="no batch-norm statistics at 24 px"):
        evaluate_exported(supernet, splits, (24,), spec_of("onnxruntime"), "random", "a test", device)
    assert count == []


@pytest.fixture
def counted(monkeypatch, splits, supernet, device):
    """What is not known is counted: 4 right answers of whatever images."""
    asked = []

    def count(supernet, subnet, spec, images, device):
        asked.append((subnet.id, spec.precision, len(images[0].labels)))
        return [4]

    monkeypatch.setattr(counted_module, "count_exported", count)
    counted = CountedAccuracies(supernet, AccuraciesByPrecision(make_accuracies(supernet)), splits, device)
    counted.asked = asked  # type: ignore[attr-defined]
    return counted


def test_what_is_known_is_not_counted(counted, spec_of):
    assert not counted.is_missing(SUBNET, spec_of("onnxruntime"))
    assert counted.describe(SUBNET, spec_of("onnxruntime")) is None
    assert counted.asked == []


def test_what_is_not_known_is_counted_once_and_tested_when_it_is_delivered(counted, spec_of, splits):
    half = replace(spec_of("onnxruntime"), precision="bf16")
    assert counted.is_missing(SUBNET, half)
    assert counted.count(SUBNET, half) == pytest.approx(400 / len(splits.validation))
    assert not counted.is_missing(SUBNET, half)
    assert not counted.is_missing(SUBNET, replace(half, threads=2))
    described = counted.describe(SUBNET, half)
    assert (described.precision, described.test) == ("bf16", pytest.approx(400 / len(splits.test)))
    assert counted.asked == [
        (SUBNET.id, "bf16", len(splits.validation)),
        (SUBNET.id, "bf16", len(splits.test)),
    ]


def test_without_images_what_is_not_known_is_assumed(spec_of, device):
    half = replace(spec_of("onnxruntime"), precision="bf16")
    tiny = make_supernet()
    counted = CountedAccuracies(tiny, AccuraciesByPrecision(make_accuracies(tiny)), None, device)
    assert counted.is_assumed(SUBNET, half)
    assert not counted.is_missing(SUBNET, half)
