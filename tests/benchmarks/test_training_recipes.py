"""Tests of the comparison of training recipes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.training_recipes import (
    BASE,
    RESULT,
    VARIANTS,
    build_recipe,
    find_folder,
    report,
    weigh_recipe,
)


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_variant_costs_what_the_base_recipe_costs(variant: str) -> None:
    base = weigh_recipe(build_recipe(BASE, 0))
    assert weigh_recipe(build_recipe(variant, 0)) == pytest.approx(base, rel=1e-12)


@pytest.mark.parametrize("variant", [name for name in VARIANTS if name != BASE])
def test_every_variant_differs_from_the_base_recipe(variant: str) -> None:
    assert build_recipe(variant, 0) != build_recipe(BASE, 0)


def test_the_table_gives_the_paired_difference_with_its_standard_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for variant, by_seed in ((BASE, [60, 62, 64]), ("lr 0.1", [61, 64, 67])):
        for seed, right in enumerate(by_seed):
            folder = find_folder(tmp_path, variant, seed)
            folder.mkdir()
            kept = {"right": [right] * 5, "images": 100, "epochs": 5, "macs": 1, "hours": 1}
            (folder / RESULT).write_text(json.dumps(kept))
    report(tmp_path, [0, 1, 2])
    line = next(row for row in capsys.readouterr().out.splitlines() if row.startswith("lr 0.1"))
    # Differences 1, 2 and 3: mean 2, standard deviation 1, standard error 1 / sqrt(3).
    assert line.split()[-4:] == ["64.00", "+2.00", "+-", "0.58"]
