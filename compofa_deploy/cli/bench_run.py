"""``compofa bench run``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from compofa_deploy.cli import options
from compofa_deploy.cli.command_line import quote_command
from compofa_deploy.cli.output import echo, format_ms, print_json, print_table, show_progress, warn
from compofa_deploy.cli.units import Duration

if TYPE_CHECKING:
    from compofa_deploy.bench.summary import Summary


@click.command("run")
@click.argument("bundles", nargs=-1, required=True, type=click.Path(path_type=Path))
@options.output_file_option
@click.option(
    "--time",
    "sampled_ms",
    type=Duration(),
    default="3s",
    show_default=True,
    help="How long to sample each bundle; the higher percentiles need more samples.",
)
@click.option(
    "--append",
    "history",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Add a line to a history, made if it is not there.",
)
@click.option(
    "--dashboard",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write [{name, unit, value, range}] for a benchmark dashboard.",
)
@click.option(
    "--label", default="", envvar="GITHUB_SHA", show_envvar=True, help="What the result is of, as a commit."
)
@options.json_option
def run_command(
    bundles: tuple[Path, ...],
    output: Path,
    sampled_ms: float,
    history: Path | None,
    dashboard: Path | None,
    label: str,
    as_json: bool,
) -> None:
    """Measure the latency, memory, load time and size of bundles.

    Each in fresh sessions, between timings of a network that is the same in every run. The result keeps all samples,
    and can be compared with one of another day by compofa bench compare.

    \b
    Example:
      compofa bench run bundle -o result.json --append history.jsonl
      compofa bench run small large --time 30s -o result.json
    """
    from compofa_deploy import api

    try:
        with show_progress() as display:
            result = api.run_bench(bundles, sampled_ms, label, quote_command(), display)
    except KeyboardInterrupt:
        raise KeyboardInterrupt("interrupted; nothing is kept of a run that has not ended") from None
    result.save(output)
    entry = api.Entry.of(result)
    if history is not None:
        api.append_entry(history, entry)
        for text in api.read_history(history).broken:
            warn(f"a line of the history is left as it is, and does not count: {text}")
    if dashboard is not None:
        api.write_dashboard(dashboard, entry.bundles)
    for summary in entry.bundles:
        for doubt in summary.doubts:
            warn(f"{summary.name}: the latency is in doubt: {doubt}")
    if as_json:
        print_json({"result": str(output), "bundles": [summary.to_dict() for summary in entry.bundles]})
        return
    print_summaries(entry.bundles)
    echo(str(output))


def print_summaries(summaries: Sequence[Summary]) -> None:
    """Prints a table with a column for each bundle."""
    percentiles = list(dict.fromkeys(p for summary in summaries for p in summary.percentiles_ms))
    rows = [
        ("subnet", *(s.subnet for s in summaries)),
        ("median", *(format_ms(s.median_ms) for s in summaries)),
        ("  holds it (95 %)", *(f"{format_ms(s.low_ms)} to {format_ms(s.high_ms)}" for s in summaries)),
        ("  deviates by (MAD)", *(format_ms(s.mad_ms) for s in summaries)),
    ]
    for percent in percentiles:
        found = [s.percentiles_ms.get(percent) for s in summaries]
        rows.append((f"p{percent}", *("too few samples" if ms is None else format_ms(ms) for ms in found)))
    rows += [
        ("throughput", *(f"{s.throughput_per_s:.0f} / s" for s in summaries)),
        ("by the baseline's", *(f"{s.baseline_ratio:.3f}" for s in summaries)),
        ("load time", *(format_ms(s.load_ms) for s in summaries)),
        ("memory", *("not told" if s.memory_bytes is None else _format_size(s.memory_bytes) for s in summaries)),
        ("size", *(_format_size(s.size_bytes) for s in summaries)),
        ("samples", *(f"{s.samples} in {s.sessions} sessions" for s in summaries)),
    ]  # fmt: skip
    print_table("", ("", *(f">{summary.name}" for summary in summaries)), rows)


def _format_size(size: int) -> str:
    return f"{size / 1e6:.2f} MB"
