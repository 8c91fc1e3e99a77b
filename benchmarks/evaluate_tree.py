"""Evaluating all 243 subnets along the tree of shared prefixes, beside one by one: the same numbers, and the time.

Run: python -m benchmarks.evaluate_tree [--images 500] [--subnets 27] [--resolution 32] [--supernet S]
One by one is timed on a sample that covers the space evenly, and scaled to 243. The images are random pixels: time
does not depend on them, and counts of right answers are compared one for one all the same.
"""

from __future__ import annotations

import argparse
import time

import numpy as np

from compofa_deploy.evaluation.count import count_right
from compofa_deploy.kit import choose_networks
from compofa_deploy.space import COMPOUND_DEPTHS
from compofa_deploy.subnet import DEPTHS
from compofa_deploy.supernet.statistics import Choices
from compofa_deploy.supernet.stored import load_supernet
from compofa_deploy.training.data import LabelledImages
from compofa_deploy.training.process import tune_allocator


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--images", type=int, default=500)
    parser.add_argument("--subnets", type=int, default=27)
    parser.add_argument("--resolution", type=int, default=32)
    parser.add_argument("--supernet", default="mbv3-w0.75-cifar10")
    arguments = parser.parse_args()
    tune_allocator()
    supernet, side = load_supernet(arguments.supernet), arguments.resolution
    rng = np.random.default_rng(0)
    images = LabelledImages(
        rng.integers(0, 256, (arguments.images, side, side, 3), dtype=np.uint8),
        rng.integers(0, 10, arguments.images),
        supernet.class_names,
    )
    sample = [subnet.depths for subnet in choose_networks([side])][: arguments.subnets]
    count_right(supernet, images, side, lambda prefix: not any(prefix))

    started = time.perf_counter()
    together = count_right(supernet, images, side)
    tree_s = time.perf_counter() - started
    alone_s, differing = 0.0, 0
    for depths in sample:
        choices = tuple(DEPTHS.index(d) for d in depths)

        def on_path(prefix: Choices, choices: Choices = choices) -> bool:
            return prefix == choices[: len(prefix)]

        started = time.perf_counter()
        alone = count_right(supernet, images, side, on_path)
        alone_s += time.perf_counter() - started
        index = COMPOUND_DEPTHS.index(depths)
        differing += int((alone[:, index] != together[:, index]).any())
    scaled_s = alone_s / len(sample) * len(COMPOUND_DEPTHS)
    print(f"{arguments.images} images at {side} px, {len(sample)} subnets one by one, 243 along the tree")
    print(f"{'one by one, all 243':<28}{scaled_s:>8.1f} s")
    print(f"{'along the tree, all 243':<28}{tree_s:>8.1f} s")
    print(f"{'ratio':<28}{tree_s / scaled_s:>8.2f}")
    print(f"{'subnets whose counts differ':<28}{differing:>8d} of {len(sample)}")
    if differing:
        raise SystemExit("the tree must give the same numbers")


if __name__ == "__main__":
    main()
