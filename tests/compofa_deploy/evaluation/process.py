"""An evaluation in a process of its own: ``process.py FOLDER``. With torchrun's variables it is one of several."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import torch

from compofa_deploy.data.splits import DataSplits
from compofa_deploy.evaluation.calibrate import calibrate
from compofa_deploy.evaluation.evaluate import evaluate
from compofa_deploy.files.images import Preprocess
from compofa_deploy.supernet.module import Supernet
from compofa_deploy.torch_process.distributed import join_ranks
from tests.compofa_deploy.evaluation.builders import draw_images
from tests.support.supernets import TINY, make_supernet


def main() -> None:
    folder = Path(sys.argv[1])
    torch.set_num_threads(1)
    units: list[tuple[int, ...]] = []
    splits = DataSplits(draw_images(2), draw_images(7, 2), draw_images(9, 3))
    with join_ranks() as ranks:
        table = evaluate(
            make_supernet(),
            splits,
            (16,),
            "",
            "",
            folder / "partial",
            lambda *done: units.append(done),
            ranks=ranks,
        )
        table.save(folder / f"accuracy{ranks.rank}.json")
        preprocess = Preprocess((0.5, 0.5, 0.5), (0.25, 0.25, 0.25))
        torch.manual_seed(0)
        store = calibrate(
            Supernet(TINY), draw_images(6), preprocess, [16], lambda *done: units.append(done), ranks
        )
        sums = {name: array.astype(float).tolist() for name, array in store.arrays.items()}
        (folder / f"statistics{ranks.rank}.json").write_text(json.dumps(sums))
        (folder / f"units{ranks.rank}.json").write_text(json.dumps(len(units)))


if __name__ == "__main__":
    main()
