"""A device is named, and one that is not there is refused in one line."""

import pytest

torch = pytest.importorskip("torch")

from compofa_deploy.torch_process.device import find_device  # noqa: E402
from latency_tables.errors import InputError  # noqa: E402


@pytest.fixture
def gpus(monkeypatch):
    def have(count):
        monkeypatch.setattr(torch.cuda, "is_available", lambda: count > 0)
        monkeypatch.setattr(torch.cuda, "device_count", lambda: count)

    return have


def test_auto_is_the_cpu_without_a_gpu_and_a_gpu_with_one(gpus):
    gpus(0)
    assert find_device() == torch.device("cpu")
    gpus(1)
    assert find_device() == torch.device("cuda", 0)


def test_under_torchrun_a_process_takes_the_gpu_of_its_number(gpus, monkeypatch):
    gpus(2)
    monkeypatch.setenv("LOCAL_RANK", "1")
    assert find_device("cuda") == torch.device("cuda", 1)
    assert find_device("cuda:0") == torch.device("cuda", 0)
    monkeypatch.setenv("LOCAL_RANK", "2")
    with pytest.raises(InputError, match=r"no GPU 2: torch sees 2 here; .* fewer processes"):
        find_device("cuda")


@pytest.mark.parametrize("name", ["cuda", "cuda:0", "cuda:3"])
def test_a_gpu_that_is_not_there_is_refused(gpus, name):
    gpus(0)
    with pytest.raises(InputError, match=r"there is no GPU \d: torch sees 0 here; use --device cpu"):
        find_device(name)


@pytest.mark.parametrize("name", ["gpu", "cuda:x", "cuda:-1", "cpu:0", ""])
def test_an_unknown_device_name_is_refused(name):
    with pytest.raises(InputError, match=r"no device '.*'; there are auto, cpu, cuda"):
        find_device(name)
