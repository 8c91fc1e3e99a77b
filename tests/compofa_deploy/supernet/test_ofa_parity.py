"""The published reference: with the same weights, every subnet gives the same numbers, costs and names."""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from types import ModuleType
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("ofa")

from compofa_deploy.architecture import find_architecture  # noqa: E402
from compofa_deploy.space import count_macs, count_params, largest_subnet, list_layers, sample_ofa  # noqa: E402
from compofa_deploy.subnet import DEPTHS, EXPANDS, KERNELS, Subnet  # noqa: E402
from compofa_deploy.supernet.cut import list_shapes  # noqa: E402
from compofa_deploy.supernet.module import Supernet  # noqa: E402
from compofa_deploy.supernet.ofa_names import COUNTER, from_ofa_name, from_ofa_state  # noqa: E402
from latency_tables.errors import FormatError  # noqa: E402

CLASSES = 7
RESOLUTION = 64
SUBNETS = 24


@dataclass(frozen=True)
class Pair:
    theirs: Any
    ours: Supernet

    def run(self, subnet: Subnet, images: Any) -> tuple[Any, Any]:
        self.activate(subnet)
        with torch.inference_mode():
            return self.theirs(images), self.ours(images, list_layers(self.ours.architecture, subnet))

    def calibrate(self, subnet: Subnet, images: Any) -> None:
        """Give both nets the batch statistics of a subnet, so that its logits are of the size of a trained net's."""
        self.activate(subnet)
        self.theirs.train()
        with torch.inference_mode():
            self.theirs(images)
        self.theirs.eval()
        self.ours.load_state_dict(from_ofa_state(self.theirs.state_dict()))

    def activate(self, subnet: Subnet) -> None:
        config = subnet.to_ofa()
        self.theirs.set_active_subnet(ks=config["ks"], e=config["e"], d=config["d"])


@pytest.fixture(scope="module", params=["mbv3-w1.0-imagenet", "mbv3-w1.2-imagenet"])
def pair(request: pytest.FixtureRequest) -> Pair:
    architecture = replace(find_architecture(request.param), classes=CLASSES, resolutions=(RESOLUTION,))
    theirs = build_theirs(architecture.width)
    theirs.set_bn_param(momentum=1.0, eps=1e-5)
    randomise(theirs)
    ours = Supernet(architecture, dropout=0)
    ours.load_state_dict(from_ofa_state(theirs.state_dict()))
    return Pair(theirs.eval(), ours.eval())


def build_theirs(width: float) -> Any:
    # Its data loaders import torchvision and parts of torch that are gone; the networks need neither.
    sys.modules.setdefault("ofa.utils.my_dataloader", ModuleType("ofa.utils.my_dataloader"))
    from ofa.imagenet_classification.elastic_nn.networks.ofa_mbv3 import OFAMobileNetV3

    lists = {"ks_list": list(KERNELS), "expand_ratio_list": list(EXPANDS), "depth_list": list(DEPTHS)}
    return OFAMobileNetV3(CLASSES, dropout_rate=0, width_mult=width, **lists)


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


def test_random_subnets_of_all_kernel_sizes_give_the_same_logits(pair, rng):
    images = torch.randn(4, 3, RESOLUTION, RESOLUTION, generator=torch.Generator().manual_seed(1))
    seen = set()
    for _ in range(SUBNETS):
        subnet = sample_ofa(rng, RESOLUTION)
        pair.calibrate(subnet, images)
        expected, found = pair.run(subnet, images)
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5, err_msg=subnet.id)
        assert expected.std(0).mean() > 0.05, "logits that hardly depend on the image would hide a difference"
        seen |= set(zip(subnet.kernels, subnet.expands, strict=True))
    assert len(seen - {(0, 0)}) == 9, "all three kernel sizes at all three expand ratios"


def test_an_odd_resolution_gives_the_same_logits(pair, rng):
    images = torch.randn(4, 3, 52, 52, generator=torch.Generator().manual_seed(2))
    subnet = sample_ofa(rng, 52)
    pair.calibrate(subnet, images)
    expected, found = pair.run(subnet, images)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


def test_training_mode_gives_the_same_logits(pair, rng):
    """Batch statistics, as in the steps of training and in calibration."""
    images = torch.randn(4, 3, RESOLUTION, RESOLUTION, generator=torch.Generator().manual_seed(3))
    subnet = sample_ofa(rng, RESOLUTION)
    try:
        pair.theirs.train()
        pair.ours.train()
        expected, found = pair.run(subnet, images)
    finally:
        pair.theirs.eval()
        pair.ours.eval()
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("resolution", [48, 77, 128])
def test_macs_and_parameters_are_those_that_the_reference_counts(pair, rng, resolution):
    from ofa.utils.pytorch_utils import count_net_flops, count_parameters

    for _ in range(3):
        subnet = sample_ofa(rng, resolution)
        pair.activate(subnet)
        net = pair.theirs.get_active_subnet()
        layers = list_layers(pair.ours.architecture, subnet)
        assert count_params(layers) == count_parameters(net), subnet
        # Their sum is kept in float32, so it is exact to 24 bits only; the same hooks give the exact one.
        theirs = count_net_flops(net, (1, 3, resolution, resolution))
        assert theirs == pytest.approx(count_macs(layers), rel=1e-6)
        assert count_macs(layers) == total_macs(net, resolution), subnet


def total_macs(net: Any, resolution: int) -> int:
    """The reference's count, layer by layer, added up as integers."""
    from ofa.utils.flops_counter import register_hooks

    counts: list[int] = []

    def count(module: Any, inputs: Any, output: Any) -> None:
        register_hooks[type(module)](module, inputs, output)
        counts.append(int(module.total_ops.item()))

    handles = [m.register_forward_hook(count) for m in net.modules() if register_hooks.get(type(m))]
    with torch.inference_mode():
        net(torch.zeros(1, 3, resolution, resolution))
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
        block, _, rest = name.partition(".conv.")
        published = f"{block}.mobile_inverted_conv.{rest}" if name.startswith("blocks.") else name
        plain = published.replace(".bn.bn.", ".bn.").replace(".conv.conv.weight", ".conv.weight")
        doubled = published if ".linear.linear." in name else published.replace(".linear.", ".linear.linear.")
        assert (
            from_ofa_name(published) == from_ofa_name(plain) == from_ofa_name(doubled) == from_ofa_name(name)
        )


def test_the_arrays_that_a_layer_is_said_to_need_are_those_of_the_state_dict(pair):
    layers = list_layers(pair.ours.architecture, largest_subnet(pair.ours.architecture, RESOLUTION))
    named = {f"{layer.name}.{part}": shape for layer in layers for part, shape in list_shapes(layer).items()}
    state = {name: tuple(value.shape) for name, value in pair.ours.state_dict().items()}
    assert named == {name: shape for name, shape in state.items() if "matrix_" not in name}


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
    with pytest.raises(FormatError, match="no array of OFA's MobileNetV3") as caught:
        from_ofa_name(name)
    assert repr(name) in str(caught.value)


def test_two_spellings_of_one_array_are_refused():
    state = {"classifier.linear.weight": 1, "classifier.linear.linear.weight": 2}
    with pytest.raises(FormatError, match=r"classifier\.weight twice"):
        from_ofa_state(state)


def test_batch_norms_counters_are_left_out():
    state = {"first_conv.bn.num_batches_tracked": 3, "first_conv.bn.weight": 1}
    assert from_ofa_state(state) == {"first_conv.bn.weight": 1}
