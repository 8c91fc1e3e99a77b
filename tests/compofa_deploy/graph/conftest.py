from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import onnxruntime
import pytest
from numpy.typing import NDArray

from compofa_deploy.space.architecture import Architecture
from compofa_deploy.supernet.cut import Array
from latency_tables.layer import Layer

torch = pytest.importorskip("torch")

LOG_ERRORS = 3

FIXED = Architecture("small-fixed", 0.25, 5, 1, (16, 24, 32), elastic_kernel=False)
ELASTIC = Architecture("small-elastic", 0.25, 7, 2, (32, 36, 64))


class TorchSupernet:
    """A supernet in evaluation mode with every array drawn at random, statistics and kernel matrices too."""

    def __init__(self, architecture: Architecture, seed: int = 0) -> None:
        from compofa_deploy.supernet.module import Supernet

        self.architecture = architecture
        self.module = Supernet(architecture).eval()
        rng = np.random.default_rng(seed)
        state = self.module.state_dict()
        for name, tensor in state.items():
            state[name] = torch.from_numpy(_draw(name, tensor.numpy(), rng).astype(np.float32))
        self.module.load_state_dict(state)
        self.arrays: dict[str, Array] = {name: tensor.numpy() for name, tensor in state.items()}

    def run(self, layers: Sequence[Layer], features: NDArray[np.floating]) -> NDArray[np.floating]:
        with torch.no_grad():
            module = self.module.to(torch.from_numpy(features).dtype)
            return module(torch.from_numpy(features), layers).numpy()


def _draw(name: str, array: Array, rng: np.random.Generator) -> NDArray[np.float64]:
    if "_bn.weight" in name or ".bn.weight" in name:
        return rng.uniform(0.5, 1.0, array.shape)
    if name.endswith("running_var"):
        return rng.uniform(0.5, 1.5, array.shape)
    if "matrix_" in name:
        return array + 0.1 * rng.standard_normal(array.shape)
    if array.ndim == 1:
        return 0.2 * rng.standard_normal(array.shape)
    return rng.standard_normal(array.shape) * (2 / np.prod(array.shape[1:])) ** 0.5


@pytest.fixture(scope="session", autouse=True)
def _one_torch_thread() -> Iterator[None]:
    """Networks as small as these run slower on more threads."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session", params=[FIXED, ELASTIC], ids=["fixed kernels", "elastic kernels"])
def supernet(request: pytest.FixtureRequest) -> TorchSupernet:
    return TorchSupernet(request.param)


@pytest.fixture(scope="session")
def elastic_supernet() -> TorchSupernet:
    return TorchSupernet(ELASTIC)


@pytest.fixture(scope="session")
def run_onnx() -> Callable[[bytes, Array], Array]:
    """Runs a model of one input and one output on ONNX Runtime's CPU provider."""

    def run(model: bytes, features: Array) -> Array:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.log_severity_level = LOG_ERRORS
        session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        (output,) = session.run(None, {session.get_inputs()[0].name: features})
        return np.asarray(output)

    return run
