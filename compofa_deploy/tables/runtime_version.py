"""The runtime version of a table beside the version that is installed here."""

from __future__ import annotations

from latency_tables.errors import CompofaError
from latency_tables.table import LatencyTable
from profilers.machine.environment import read_machine
from profilers.runtimes.registry import find_runtime


def describe_other_version(table: LatencyTable) -> str:
    """Return one line that says how a table of this machine differs from its runtime here; empty where it does not.

    A table of another machine is of that machine's runtime, so nothing is said of it.

    Args:
        table: The latency table.
    """
    spec = table.spec
    if (
        "runtime_version" in spec.unknown
        or "machine" in spec.unknown
        or not spec.machine.may_be(read_machine())
    ):
        return ""
    try:
        here = find_runtime(spec.runtime).version()
    except CompofaError:
        return f"{table.source} is of {spec.runtime} {spec.runtime_version}, which does not run here"
    if here == spec.runtime_version:
        return ""
    return (
        f"{table.source} is of {spec.runtime} {spec.runtime_version}, and {here} is installed here: its latencies may "
        f"differ; bring it up to date with compofa profile --from {table.source}"
    )
