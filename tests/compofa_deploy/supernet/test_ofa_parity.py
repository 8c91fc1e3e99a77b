"""The published reference: with the same weights, every subnet gives the same numbers, costs and names."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import onnxruntime
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("ofa")

from compofa_deploy.graph.network import build_network  # noqa: E402
from compofa_deploy.space.architecture import Architecture  # noqa: E402
from compofa_deploy.space.families import find_family  # noqa: E402
from compofa_deploy.space.layers import count_macs, count_params, largest_subnet, list_layers, sample_compound  # noqa: E402
from compofa_deploy.space.named_architectures import find_architecture  # noqa: E402
from compofa_deploy.space.subnet import DEPTHS, EXPANDS, KERNELS, Subnet  # noqa: E402
from compofa_deploy.supernet.imported import import_checkpoint  # noqa: E402
from compofa_deploy.supernet.module import Supernet  # noqa: E402
from compofa_deploy.supernet.ofa_names import COUNTER, from_ofa_name, from_ofa_state  # noqa: E402
from compofa_deploy.supernet.shapes import list_supernet_shapes  # noqa: E402
from compofa_deploy.supernet.stored import StoredSupernet, load_supernet, save_supernet  # noqa: E402
from latency_tables.errors import FormatError  # noqa: E402
from tests.support.subnets import sample_any  # noqa: E402

CLASSES = 7
SIDES = {"mbv3": 64, "proxyless": 64, "resnet50d": 64}
LEAST_SPREAD = 0.01
"""Of logits over images, as a share of their size: logits that hardly depend on the image would hide a difference."""

SOME_OR_50 = pytest.mark.parametrize("count", [4, pytest.param(50, marks=pytest.mark.slow)])
SOME_OR_200 = pytest.mark.parametrize("count", [6, pytest.param(200, marks=pytest.mark.slow)])


@dataclass(frozen=True)
class Pair:
    """OFA's net, and ours of what it saves. Those with every number drawn compute in float64: such a network blows
    float32 rounding up to 1e-5 of its logits and more, which says nothing of either."""

    named: str
    theirs: Any
    stored: StoredSupernet
    ours: Supernet

    @property
    def architecture(self) -> Architecture:
        return self.stored.architecture

    def draw(self, rng: np.random.Generator, resolution: int) -> Subnet:
        return sample_any(rng, resolution, find_family(self.architecture).CHOICES)

    def run(self, subnet: Subnet, images: Any) -> tuple[Any, Any]:
        set_active(self.theirs, subnet)
        with torch.inference_mode():
            return self.theirs(images), self.ours(images, list_layers(self.architecture, subnet))

    def run_onnx(self, subnet: Subnet, images: Any) -> Any:
        model = build_network(
            self.stored.layers_of(subnet), self.stored.weights_of(subnet), batch=len(images)
        )
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        return session.run(None, {"image": images.float().numpy()})[0]


NAMES = ["mbv3-w1.0-imagenet", "mbv3-w1.2-imagenet", "proxyless-w1.3-imagenet", "resnet50d-w1.0-imagenet"]


@pytest.fixture(scope="module", params=NAMES)
def pair(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Pair:
    theirs = build_theirs(find_architecture(request.param))
    randomise(theirs)
    folder: Path = tmp_path_factory.mktemp("pair")
    torch.save({"state_dict": theirs.state_dict()}, folder / "theirs.pth")
    imported = import_checkpoint(folder / "theirs.pth")
    named = replace(find_architecture(request.param), classes=CLASSES, name=imported.architecture.name)
    assert imported.architecture == named, "recognised from its shapes"
    save_supernet(imported, folder / "ours.safetensors")
    stored = load_supernet(folder / "ours.safetensors")
    ours = Supernet(stored.architecture, dropout=0)
    ours.load_state_dict({name: torch.from_numpy(array) for name, array in stored.arrays.items()})
    return Pair(request.param, theirs.double().eval(), stored, ours.double().eval())


def stand_in_for_its_data_loaders() -> None:
    """They import torchvision and parts of torch that are gone; the networks need neither."""
    sys.modules.setdefault("ofa.utils.my_dataloader", ModuleType("ofa.utils.my_dataloader"))


def build_theirs(architecture: Architecture) -> Any:
    stand_in_for_its_data_loaders()
    from ofa.imagenet_classification.elastic_nn import networks

    if architecture.family == "resnet50d":
        lists = {
            "depth_list": [0, 1, 2],
            "expand_ratio_list": [0.2, 0.25, 0.35],
            "width_mult_list": [0.65, 0.8, 1.0],
        }
        return networks.OFAResNets(CLASSES, dropout_rate=0, **lists)
    build = {"mbv3": networks.OFAMobileNetV3, "proxyless": networks.OFAProxylessNASNets}[architecture.family]
    lists = {"ks_list": list(KERNELS), "expand_ratio_list": list(EXPANDS), "depth_list": list(DEPTHS)}
    return build(CLASSES, dropout_rate=0, width_mult=architecture.width, **lists)


@torch.no_grad()
def randomise(net: Any) -> None:
    """Every number drawn, statistics and kernel matrices too, at a scale that neither dies out nor explodes."""
    generator = torch.Generator().manual_seed(0)
    for name, value in net.state_dict().items():
        if name.endswith(COUNTER):
            continue
        noise = torch.randn(value.shape, generator=generator)
        if name.endswith("_matrix"):
            value.copy_(torch.eye(len(value)) + 0.2 * noise)
        elif value.ndim > 1:
            value.copy_(noise * (2 / value[0].numel()) ** 0.5)
        elif name.endswith(("running_var", "bn.weight")):
            value.copy_(1 + 0.3 * noise.clamp(-2, 2))
        else:
            value.copy_(0.1 * noise)


def set_active(theirs: Any, subnet: Subnet) -> None:
    theirs.set_active_subnet(**{word: values for word, values in subnet.to_ofa().items() if word != "r"})


def draw_images(count: int, side: int) -> Any:
    """Noise of growing strength: the mean over the pixels of noise is the same for every image, and so would be much of
    a random network."""
    noise = torch.randn(count, 3, side, side, generator=torch.Generator().manual_seed(1)).double()
    return noise * torch.linspace(0.5, 2, count).view(-1, 1, 1, 1)


def largest_difference(found: Any, expected: Any) -> float:
    """Over all logits, as a share of the largest."""
    expected = np.asarray(expected, np.float64)
    return float(np.abs(np.asarray(found) - expected).max() / np.abs(expected).max())


@SOME_OR_50
def test_random_subnets_give_the_same_logits_in_torch_and_onnx_runtime(pair, rng, count):
    side = SIDES[pair.architecture.family]
    images = draw_images(2, side)
    drawn = set()
    for _ in range(count):
        subnet = pair.draw(rng, side)
        expected, found = pair.run(subnet, images)
        assert expected.std(0).mean() > LEAST_SPREAD * expected.abs().max(), subnet
        assert largest_difference(found, expected) <= 1e-9, subnet
        assert largest_difference(pair.run_onnx(subnet, images), expected) <= 1e-4, subnet
        drawn.add(subnet.id)
    assert len(drawn) == count


def test_as_ofa_initialises_them_they_give_the_same_logits_in_float32_too(tmp_path, rng):
    stand_in_for_its_data_loaders()
    from ofa.utils import init_models

    for name in NAMES:
        theirs = build_theirs(find_architecture(name)).eval()
        init_models(theirs)
        torch.save({"state_dict": theirs.state_dict()}, tmp_path / "theirs.pth")
        stored = import_checkpoint(tmp_path / "theirs.pth")
        ours = Supernet(stored.architecture, dropout=0).eval()
        ours.load_state_dict({key: torch.from_numpy(array) for key, array in stored.arrays.items()})
        pair = Pair(name, theirs, stored, ours)
        images = draw_images(2, 64).float()
        for _ in range(5):
            subnet = pair.draw(rng, 64)
            expected, found = pair.run(subnet, images)
            assert expected.std(0).mean() > LEAST_SPREAD * expected.abs().max(), subnet
            assert largest_difference(found, expected) <= 1e-5, subnet
            assert largest_difference(pair.run_onnx(subnet, images), expected) <= 1e-4, subnet


def test_an_odd_resolution_gives_the_same_logits(pair, rng):
    for side in (45, 52, 61):
        images = draw_images(2, side)
        subnet = pair.draw(rng, side)
        expected, found = pair.run(subnet, images)
        assert largest_difference(found, expected) <= 1e-9, subnet
        assert largest_difference(pair.run_onnx(subnet, images), expected) <= 1e-4, subnet


def test_compofas_fixed_kernels_give_the_same_logits(tmp_path, rng, monkeypatch):
    """CompOFA trains 7x7 weights of which the centres run, without matrices."""
    named = find_architecture("mbv3-w1.0-fixed-imagenet")
    stand_in_for_its_data_loaders()
    from ofa.imagenet_classification.elastic_nn.modules.dynamic_op import DynamicSeparableConv2d

    monkeypatch.setattr(DynamicSeparableConv2d, "KERNEL_TRANSFORM_MODE", None)
    theirs = build_theirs(named).eval()
    randomise(theirs)
    torch.save({"state_dict": theirs.state_dict()}, tmp_path / "theirs.pth")
    stored = import_checkpoint(tmp_path / "theirs.pth")
    assert stored.architecture == replace(named, classes=CLASSES, name=stored.architecture.name)
    ours = Supernet(stored.architecture, dropout=0)
    ours.load_state_dict({name: torch.from_numpy(array) for name, array in stored.arrays.items()})
    pair = Pair(named.name, theirs.double(), stored, ours.double().eval())
    images = draw_images(2, 64)
    for _ in range(3):
        subnet = sample_compound(rng, 64)
        expected, found = pair.run(subnet, images)
        assert largest_difference(found, expected) <= 1e-9, subnet
        assert largest_difference(pair.run_onnx(subnet, images), expected) <= 1e-4, subnet


def test_ofas_teacher_gives_the_same_logits(tmp_path):
    """It is one network with kernels of 7, whose tensors have the shapes of an elastic supernet's."""
    stand_in_for_its_data_loaders()
    from ofa.imagenet_classification.networks import MobileNetV3Large

    theirs = MobileNetV3Large(
        n_classes=CLASSES, dropout_rate=0, width_mult=1.0, ks=7, expand_ratio=6, depth_param=4
    ).eval()
    randomise(theirs)
    torch.save({"state_dict": theirs.state_dict()}, tmp_path / "theirs.pth")
    stored = import_checkpoint(tmp_path / "theirs.pth")
    subnet = largest_subnet(stored.architecture, 64)
    assert set(subnet.kernels) == {7}
    assert Subnet.parse(subnet.id, subnet.choices) == subnet
    images = draw_images(2, 64)
    with torch.inference_mode():
        expected = theirs.double()(images)
    ours = Supernet(stored.architecture, dropout=0)
    ours.load_state_dict({name: torch.from_numpy(array) for name, array in stored.arrays.items()})
    with torch.inference_mode():
        found = ours.double().eval()(images, list_layers(stored.architecture, subnet))
    assert expected.std(0).mean() > LEAST_SPREAD * expected.abs().max()
    assert largest_difference(found, expected) <= 1e-9
    pair = Pair("", theirs, stored, ours)
    assert largest_difference(pair.run_onnx(subnet, images), expected) <= 1e-4


def test_training_mode_gives_the_same_logits(pair, rng):
    """Batch statistics, as in the steps of training and in calibration."""
    images = draw_images(8, 64)
    subnet = pair.draw(rng, 64)
    state = {name: value.clone() for name, value in pair.theirs.state_dict().items()}
    ours = {name: value.clone() for name, value in pair.ours.state_dict().items()}
    try:
        pair.theirs.train()
        pair.ours.train()
        expected, found = pair.run(subnet, images)
        moved = from_ofa_state(pair.theirs.state_dict())
        for name, value in pair.ours.state_dict().items():
            torch.testing.assert_close(value, moved[name], rtol=1e-9, atol=1e-9, msg=name)
    finally:
        pair.theirs.load_state_dict(state)
        pair.ours.load_state_dict(ours)
        pair.theirs.eval()
        pair.ours.eval()
    assert largest_difference(found, expected) <= 1e-9


@SOME_OR_200
def test_macs_and_parameters_are_those_that_the_reference_counts(pair, rng, count):
    from ofa.utils.pytorch_utils import count_parameters

    theirs = build_theirs(find_architecture(pair.named)).to("meta")
    for _ in range(count):
        resolution = int(rng.choice([48, 77, 128, 224]))
        subnet = pair.draw(rng, resolution)
        set_active(theirs, subnet)
        with torch.device("meta"):
            net = theirs.get_active_subnet(preserve_weight=False)
        layers = list_layers(pair.architecture, subnet)
        assert count_params(layers) == count_parameters(net), subnet
        assert count_macs(layers) == total_macs(net, resolution), subnet


def test_the_sum_that_the_reference_prints_is_the_same_to_its_precision(pair, rng):
    from ofa.utils.pytorch_utils import count_net_flops

    subnet = pair.draw(rng, 77)
    set_active(pair.theirs, subnet)
    # It is kept in float32, so it is exact to 24 bits only; total_macs adds the same counts exactly.
    theirs = count_net_flops(pair.theirs.get_active_subnet().float(), (1, 3, 77, 77))
    assert theirs == pytest.approx(count_macs(list_layers(pair.architecture, subnet)), rel=1e-6)


def total_macs(net: Any, resolution: int) -> int:
    """The reference's count, layer by layer, added up as integers; of the shapes alone, nothing is computed."""
    from ofa.utils.flops_counter import register_hooks

    counts: list[int] = []

    def count(module: Any, inputs: Any, output: Any) -> None:
        register_hooks[type(module)](module, inputs, output)
        counts.append(int(module.total_ops.item()))

    handles = [m.register_forward_hook(count) for m in net.modules() if register_hooks.get(type(m))]
    images = torch.zeros(1, 3, resolution, resolution, device="meta")
    # The reference keeps a layer's count in a tensor of the default type.
    torch.set_default_dtype(torch.float64)
    try:
        with torch.inference_mode():
            net.eval()(images)
    finally:
        torch.set_default_dtype(torch.float32)
        for handle in handles:
            handle.remove()
    return sum(counts)


def test_the_names_map_one_to_one_onto_ours(pair):
    theirs = [name for name in pair.theirs.state_dict() if not name.endswith(COUNTER)]
    assert sorted(map(from_ofa_name, theirs)) == sorted(pair.ours.state_dict())


def test_the_published_spelling_of_the_names_maps_onto_the_same(pair):
    for name in pair.theirs.state_dict():
        if name.endswith(COUNTER):
            continue
        published = re.sub(r"^(blocks\.\d+)\.conv\.", r"\1.mobile_inverted_conv.", name)
        plain = published.replace(".bn.bn.", ".bn.").replace(".conv.conv.weight", ".conv.weight")
        doubled = published if ".linear.linear." in name else published.replace(".linear.", ".linear.linear.")
        assert (
            from_ofa_name(published) == from_ofa_name(plain) == from_ofa_name(doubled) == from_ofa_name(name)
        )


def test_the_arrays_that_an_architecture_is_said_to_have_are_those_of_the_state_dict(pair):
    state = {name: tuple(value.shape) for name, value in pair.ours.state_dict().items()}
    assert list_supernet_shapes(pair.architecture) == state


@pytest.mark.parametrize(
    "name",
    [
        "",
        "fc.weight",
        "blocks.1.conv.depth_conv.conv.9to7_matrix",
        "blocks.one.conv.depth_conv.conv.weight",
        "blocks.1.conv.depth_conv.se.fc.reduce.scale",
        "blocks.1.shortcut.conv.weight",
        "first_conv.bn.bn.bn.weight",
        "classifier.linear.weight.extra",
        "prefix.classifier.linear.weight",
    ],
)
def test_an_unknown_name_is_named(name):
    with pytest.raises(FormatError, match="no array of OFA's networks") as caught:
        from_ofa_name(name)
    assert repr(name) in str(caught.value)


def test_two_spellings_of_one_array_are_refused():
    state = {"classifier.linear.weight": 1, "classifier.linear.linear.weight": 2}
    with pytest.raises(FormatError, match=r"classifier\.weight twice"):
        from_ofa_state(state)


def test_batch_norms_counters_are_left_out():
    state = {"first_conv.bn.num_batches_tracked": 3, "first_conv.bn.weight": 1}
    assert from_ofa_state(state) == {"first_conv.bn.weight": 1}
