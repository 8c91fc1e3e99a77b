"""``compofa bench noise``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from compofa_deploy.cli import options
from compofa_deploy.cli.output import echo, format_ms, print_json, print_table, show_progress, warn
from compofa_deploy.cli.units import Duration

if TYPE_CHECKING:
    from compofa_deploy.bench.noise import Noise


@click.command("noise")
@click.argument("bundle", required=False, type=click.Path(path_type=Path))
@click.option(
    "--time", "limit_ms", type=Duration(), default="30s", show_default=True, help="How long to measure."
)
@options.json_option
def noise_command(bundle: Path | None, limit_ms: float, as_json: bool) -> None:
    """Measure how much this machine disturbs a measurement, and which regression it can detect.

    Compares BUNDLE with itself; without one, the network that compofa bench run times in between, on ONNX Runtime. Ends
    with 0 whatever it finds.

    \b
    Example:
      compofa bench noise
      compofa bench noise bundle --time 60s
    """
    from compofa_deploy import api

    try:
        with show_progress() as display:
            display.on_step(f"measuring for {limit_ms / 1000:.0f} s")
            noise = api.measure_noise(
                bundle,
                limit_ms / 1000,
                lambda seconds: display.on_count("measuring", round(1000 * seconds), round(limit_ms)),
            )
    except KeyboardInterrupt:
        raise KeyboardInterrupt("interrupted; there is nothing to tell before the end") from None
    for doubt in noise.doubts:
        warn(doubt)
    if as_json:
        print_json(noise.to_dict())
        return
    print_noise(noise)


def print_noise(noise: Noise) -> None:
    """Prints the noise, and the regressions that a comparison can detect under it."""
    apart = f"{noise.median_spread:.1%} by medians, {noise.fastest_spread:.1%} by fastest calls"
    steal = "not told" if noise.steal_share is None else f"{noise.steal_share:.1%} of a core"
    print_table(
        "",
        ("", ""),
        [
            ("machine", f"{noise.score}: {noise.device}, {noise.cores} cores"),
            ("measured", f"{noise.blocks} pairs of sessions in {noise.seconds:.0f} s"),
            ("level", format_ms(noise.level_ms)),
            ("two sessions lie apart", apart),
            ("level moved", f"{noise.drift:.1%}"),
            ("calls disturbed", f"{noise.disturbed_share:.0%}, the longest took {format_ms(noise.longest_ms)}"),
            ("taken by the host", steal),
        ],
    )  # fmt: skip
    rows = [
        (f"{entry.seconds:g} s", str(entry.blocks), "none" if entry.regression is None else f"{entry.regression:.1%}")
        for entry in noise.detectable
    ]  # fmt: skip
    echo()
    print_table("", ("compofa bench compare in", ">pairs", ">tells a regression of"), rows)
