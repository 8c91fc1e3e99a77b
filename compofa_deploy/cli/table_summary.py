"""Summaries of latency tables, as JSON and as text."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from compofa_deploy.cli.output import print_table

if TYPE_CHECKING:
    from latency_tables.table import LatencyTable


def summarise_table(path: Path, table: LatencyTable) -> dict[str, Any]:
    """Summarises a table and its error in a JSON-ready form.

    Args:
        path: The table's file.
        table: The table.
    """
    from dataclasses import asdict

    return {
        "file": str(path),
        "architecture": table.architecture["name"],
        "device_spec": table.spec.describe(),
        "device_spec_id": table.spec.id,
        "created": table.created,
        "resolutions": list(table.resolutions),
        "layers": len(table.costs_ms.keys() | {key for costs in table.costs_at.values() for key in costs}),
        "networks": len(table.networks),
        "doubts": list(table.doubts),
        "doubtful_networks": sum(bool(network.doubts) for network in table.networks),
        "error": None if table.error is None else asdict(table.error),
        "interval_90": table.margin(0.9) if table.states_error else None,
        "validation": None if table.validation is None else asdict(table.validation),
        "origin": table.origin or None,
        "recalibrated_from": table.recalibrated_from or None,
    }


def print_summary(path: Path, table: LatencyTable) -> None:
    """Prints the summary of a table.

    Args:
        path: The table's file.
        table: The table.
    """
    summary, error = summarise_table(path, table), table.error
    rows = [
        ("table", str(path)),
        ("architecture", f"{summary['architecture']} at {', '.join(map(str, table.resolutions))} px"),
        ("device spec", summary["device_spec"]),
        ("measured", f"{summary['layers']} layers, {summary['networks']} networks "
                     f"({summary['doubtful_networks']} in doubt)"),
    ]  # fmt: skip
    rows += [("disturbed", doubt) for doubt in table.doubts]
    if table.origin:
        rows.append(("imported from", table.origin))
    if table.recalibrated_from:
        rows.append(("recalibrated from", table.recalibrated_from))
    if error is None:
        rows.append(("error", "unknown: nobody stated it, so predictions have no interval"))
    else:
        rows += [
            ("error", f"{error.mape:.2%} on average on networks left out, {error.within_5:.0%} within 5 %, rank "
                      f"correlation {error.rank_correlation:.3f}"),
            ("noise", f"{error.noise_floor:.2%} between two sessions of one network"),
            ("interval", f"+-{summary['interval_90']:.1%} holds 90 %"),
        ]  # fmt: skip
    if table.validation is not None:
        held_out = table.validation.error
        rows.append((
            "validated",
            f"{held_out.mape:.2%} on {held_out.n} networks held out (noise {held_out.noise_floor:.2%}); intervals "
            f"held {table.validation.coverage:.0%}",
        ))  # fmt: skip
    print_table("", ("", ""), rows)
