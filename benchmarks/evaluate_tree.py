"""Time to evaluate all 243 subnets along the tree of shared prefixes, relative to one by one, with the same numbers.

    python -m benchmarks.evaluate_tree [--images 300] [--subnets 9] [--resolutions 24 28 32] [--supernet S]

One by one is timed on a sample that covers the space evenly, and scaled to 243. The images are random pixels, since the
time does not depend on them. The counts of right answers are compared all the same, one for one.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence

import numpy as np

from compofa_deploy.data.labelled import LabelledImages
from compofa_deploy.evaluation.count import count_right
from compofa_deploy.space.layers import COMPOUND_DEPTHS
from compofa_deploy.space.subnet import DEPTHS
from compofa_deploy.supernet.statistics import Prefix
from compofa_deploy.supernet.stored import StoredSupernet, load_supernet
from compofa_deploy.tables.kit_builder import choose_networks
from compofa_deploy.torch_process.allocator import tune_allocator

ROW = "{:<12}{:>14}{:>18}{:>8}{:>18}"


def draw_images(supernet: StoredSupernet, count: int, side: int) -> LabelledImages:
    """Return random pixels and labels."""
    rng = np.random.default_rng(0)
    classes = supernet.architecture.classes
    pixels = rng.integers(0, 256, (count, side, side, 3), dtype=np.uint8)
    return LabelledImages(pixels, rng.integers(0, classes, count), supernet.class_names)


def compare(
    supernet: StoredSupernet, images: LabelledImages, side: int, most: int
) -> tuple[float, float, int, int]:
    """Return the seconds of all 243 subnets one by one and along the tree, and how many sampled counts differ."""
    sample: Sequence[tuple[int, ...]] = [subnet.depths for subnet in choose_networks([side])][:most]
    count_right(supernet, images, side, lambda prefix: not any(prefix))
    started = time.perf_counter()
    together = count_right(supernet, images, side)
    tree_s = time.perf_counter() - started
    alone_s, differing = 0.0, 0
    for depths in sample:
        choices = tuple(DEPTHS.index(d) for d in depths)

        def on_path(prefix: Prefix, choices: Prefix = choices) -> bool:
            return prefix == choices[: len(prefix)]

        started = time.perf_counter()
        alone = count_right(supernet, images, side, on_path)
        alone_s += time.perf_counter() - started
        index = COMPOUND_DEPTHS.index(depths)
        differing += int((alone[:, index] != together[:, index]).any())
    return alone_s / len(sample) * len(COMPOUND_DEPTHS), tree_s, differing, len(sample)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--images", type=int, default=300)
    parser.add_argument("--subnets", type=int, default=9)
    parser.add_argument("--resolutions", type=int, nargs="+", default=[24, 28, 32])
    parser.add_argument("--supernet", default="mbv3-w0.75-cifar10")
    arguments = parser.parse_args()
    tune_allocator()
    supernet = load_supernet(arguments.supernet)
    print(f"{arguments.images} images, all 243 subnets; one by one scaled from {arguments.subnets} of them")
    print(ROW.format("resolution", "one by one", "along the tree", "ratio", "counts differ"))
    sums = np.zeros(2)
    differing = 0
    for side in arguments.resolutions:
        images = draw_images(supernet, arguments.images, side)
        alone_s, tree_s, different, ran = compare(supernet, images, side, arguments.subnets)
        sums += alone_s, tree_s
        differing += different
        print(
            ROW.format(
                f"{side} px",
                f"{alone_s:.1f} s",
                f"{tree_s:.1f} s",
                f"{tree_s / alone_s:.2f}",
                f"{different} of {ran}",
            )
        )
    print(ROW.format("all", f"{sums[0]:.1f} s", f"{sums[1]:.1f} s", f"{sums[1] / sums[0]:.2f}", ""))
    if differing:
        raise SystemExit("the tree must give the same numbers")


if __name__ == "__main__":
    main()
