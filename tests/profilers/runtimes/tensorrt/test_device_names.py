from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from latency_tables.errors import InputError
from profilers.machine.cuda import Gpu
from profilers.runtimes.tensorrt.build import AMPERE_PLUS, EXACT, SAME_CAPABILITY
from profilers.runtimes.tensorrt.device_names import (
    check_version,
    fits,
    name_capability,
    name_gpus,
    options_of,
    parse_capability,
)
from tests.latency_tables.builders import SPEC

capabilities = st.tuples(st.integers(1, 99), st.integers(0, 9))


@given(capabilities)
def test_a_capability_comes_back_from_its_target(capability: tuple[int, int]) -> None:
    assert parse_capability(f"{capability[0]}.{capability[1]}") == capability
    spec = replace(SPEC, device=name_capability(capability))
    assert options_of(spec, builds_ahead=True).capability == f"{capability[0]}.{capability[1]}"


@pytest.mark.parametrize("wrong", ["", "86", "8.", "8.66", "sm86", "8,6", "-8.6", " 8.6"])
def test_what_is_no_capability_is_refused(wrong: str) -> None:
    with pytest.raises(InputError, match=r"is no compute capability; write it as in 8\.6"):
        parse_capability(wrong)


@given(capabilities, capabilities)
def test_an_engine_for_a_capability_fits_that_one_and_with_a_plus_later_ones(
    built: tuple[int, int], here: tuple[int, int]
) -> None:
    gpu = Gpu(0, "A GPU", here, "")
    assert fits(name_capability(built), "a-gpu", gpu) == (built == here)
    assert fits(f"{name_capability(built)}+", "a-gpu", gpu) == (here >= built)


def test_an_engine_for_one_model_fits_that_one_alone() -> None:
    (name, gpu), (other, twin) = name_gpus([Gpu(i, "NVIDIA A10", (8, 6), "") for i in range(2)]).items()
    assert fits(name, name, gpu)
    assert not fits(name, other, twin)


@given(st.lists(st.sampled_from(["NVIDIA A10", "NVIDIA A10G", "GeForce RTX 4090 D"]), max_size=6))
def test_every_gpu_has_a_name_of_its_own(models: list[str]) -> None:
    gpus = [Gpu(i, model, (8, 6), "") for i, model in enumerate(models)]
    assert list(name_gpus(gpus).values()) == gpus


@pytest.mark.parametrize(
    ("device", "version", "ahead", "hardware", "compatible"),
    [
        ("nvidia-a10.sm86", "10.13.0", False, EXACT, False),
        ("sm86", "10.13.0", False, SAME_CAPABILITY, False),
        ("sm80+", "10.13.0+", False, AMPERE_PLUS, True),
        ("sm86", "1.7.1", True, EXACT, False),
    ],
)
def test_a_device_spec_says_how_its_engine_is_built(
    device: str, version: str, ahead: bool, hardware: str, compatible: bool
) -> None:
    spec = replace(SPEC, device=device, runtime_version=version, precision="f16", batch=3)
    options = options_of(spec, ahead)
    assert (options.precision, options.batch) == ("f16", 3)
    assert (options.hardware, options.version_compatible) == (hardware, compatible)
    assert options.capability == ("8.6" if ahead else "")


def test_versions_are_compared_as_numbers() -> None:
    spec = replace(SPEC, runtime="tensorrt", runtime_version="10.9.0+")
    assert check_version(spec, "10.13.0") == ""
    assert check_version(spec, "10.8.0") == "the engine is of tensorrt 10.9.0+, and here is 10.8.0"
    assert check_version(spec, "11.0.0")
