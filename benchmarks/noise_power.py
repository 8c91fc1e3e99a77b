"""Does ``compofa bench noise`` keep its promise? It says which slowdown a comparison detects in 95 % of cases.

Machines are simulated: a block's log-ratio is Student's t with 3 degrees of freedom, times the block's own level of
noise, which is log-normal. From a few blocks of a machine, the smallest detectable slowdown is derived as the command
derives it. Then fresh comparisons on the same machine, with a model that is slower by just that, are counted.

    python -m benchmarks.noise_power --machines 40
"""

from __future__ import annotations

import argparse

import numpy as np
from numpy.typing import NDArray

from compofa_deploy.bench.alpha_spending import find_last_error
from compofa_deploy.bench.noise import MIN_BLOCKS, find_regression
from compofa_deploy.bench.verdict import ERROR_RATE, Verdict, decide
from compofa_deploy.bench.weighted_sign_test import find_interval

Array = NDArray[np.float64]

NOISE = 0.01
"""The median level of a block's noise, relative."""
LEVEL_SPREAD = 0.6
"""The standard deviation of the logarithm of the level."""
FREEDOM = 3
COMPARISON_BLOCKS = 60
COMPARISONS = 200


def draw_blocks(count: int, rng: np.random.Generator) -> tuple[Array, Array]:
    """Log-ratios and spreads of blocks of two equal models, (count,) each."""
    levels = NOISE * np.exp(LEVEL_SPREAD * rng.standard_normal(count))
    return levels * rng.standard_t(FREEDOM, count), levels * np.exp(0.3 * rng.standard_normal(count))


def count_found(regression: float, rng: np.random.Generator) -> float:
    """The share of fresh comparisons that find a model slower by ``regression``, relative."""
    error, found = find_last_error(ERROR_RATE), 0
    for _ in range(COMPARISONS):
        interval = find_interval(*draw_blocks(COMPARISON_BLOCKS, rng), error)
        slower = 1 + regression
        found += decide(slower * interval.low, slower * interval.high, regression) is Verdict.SLOWER
    return found / COMPARISONS


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--machines", type=int, default=40, help="simulated measurements for each row")
    machines = parser.parse_args().machines
    print(f"{'blocks':>6}  {'found, mean':>11}  {'worst':>6}  {'nothing detectable':>18}")
    for blocks in (8, 12, MIN_BLOCKS, 40):
        rng = np.random.default_rng(blocks)
        shares = []
        for _ in range(machines):
            regression = find_regression(*draw_blocks(blocks, rng), COMPARISON_BLOCKS, rng)
            if regression is not None:
                shares.append(count_found(regression, rng))
        print(f"{blocks:>6}  {np.mean(shares):>11.1%}  {min(shares):>6.1%}  {machines - len(shares):>18}")


if __name__ == "__main__":
    main()
