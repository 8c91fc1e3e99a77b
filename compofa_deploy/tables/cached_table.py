"""The latency table of this machine that an earlier run kept in the cache."""

from __future__ import annotations

from collections.abc import Sequence

from compofa_deploy.space.architecture import Architecture
from compofa_deploy.tables.cache import MODES, Cache
from latency_tables.device import DeviceSpec
from latency_tables.errors import InputError
from latency_tables.table import LatencyTable


def load_cached_table(
    architecture: Architecture, resolutions: Sequence[int], spec: DeviceSpec, cache: Cache
) -> LatencyTable:
    """Loads the table of a device spec from the cache.

    Args:
        architecture: The architecture that the table must be of.
        resolutions: The resolutions that it must have, in pixels.
        spec: The device spec that it must be of.
        cache: The cache to search.

    Raises:
        InputError: The cache has no such table.
    """
    table = cache.find_table(architecture, spec, resolutions, MODES)
    if table is None:
        raise InputError(
            f"no table of {spec.describe()} is kept here; make one with compofa profile -o table.json and name it with "
            "--table"
        )
    return table
