"""Whether a flavour of TensorRT works on this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Callable

from profilers.machine.cuda import LIBRARY, CudaError
from profilers.runtimes.availability import Availability
from profilers.runtimes.tensorrt.build import list_capabilities
from profilers.runtimes.tensorrt.device_names import name_capability

if TYPE_CHECKING:
    from profilers.machine.cuda import Driver
    from profilers.runtimes.tensorrt.flavour import Flavour


def find_availability(flavour: Flavour, load_driver: Callable[[], Driver]) -> Availability:
    """Whether a flavour can run engines here; if not, the reason, and whether it can build them.

    Args:
        flavour: The kind of TensorRT.
        load_driver: It returns CUDA's driver, or raises ``OSError`` where there is none.
    """
    try:
        flavour.load()
    except ImportError as error:
        return Availability(False, f"it cannot be imported ({error})", flavour.fix)
    fix, builds = "install NVIDIA's driver, or build on a machine with a GPU", ""
    capabilities = list_capabilities(flavour)
    if flavour.builds_ahead:
        fix = f"build with --compute-capability {'|'.join(capabilities)}, and run where there is such a GPU"
        builds = "it builds engines, and cannot run them: "
    try:
        gpus = load_driver().list_gpus()
    except OSError:
        return Availability(False, f"{builds}there is no NVIDIA driver ({LIBRARY})", fix)
    except CudaError as error:
        return Availability(False, f"{builds}{error}", fix)
    if flavour.builds_ahead and not any("{}.{}".format(*gpu.capability) in capabilities for gpu in gpus):
        models = ", ".join(f"{gpu.model} has {name_capability(gpu.capability)}" for gpu in gpus)
        return Availability(False, f"{builds}{models}", fix)
    return Availability(True)
