"""Model cards, which say what a supernet is, how it was trained, what that cost, and how accurate it is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from compofa_deploy.accuracy.table import AccuracyTable
from compofa_deploy.search.pareto import find_front
from compofa_deploy.space.architecture import Architecture
from compofa_deploy.space.layers import COMPOUND_DEPTHS
from compofa_deploy.space.stage_units import list_units
from compofa_deploy.space.subnet import Subnet
from compofa_deploy.supernet.stored import StoredSupernet
from compofa_deploy.training.cost import Cost
from compofa_deploy.training.recipe import Recipe
from latency_tables.errors import InputError
from latency_tables.files import replace_file

MARK = (
    "<!-- Written by compofa train and compofa evaluate. Remove this line, and they leave the card alone. -->"
)

FRONT_ROWS = 12
"""The largest number of subnets of the front that the card shows."""


def describe_training(
    recipe: Recipe, cost: Cost | None, command: str, commit: str | None = None
) -> dict[str, Any]:
    """Return what a card says of a training, for the supernet's origin.

    Args:
        recipe: What was trained, whose phases are told.
        cost: What it cost; None where that is not known.
        command: The command line that trained it.
        commit: The commit of the source; None where that is not known.
    """
    told: dict[str, Any] = {
        "command": command,
        "phases": [
            {
                "name": phase.name, "subnets": phase.subnets, "epochs": phase.epochs, "batch": phase.batch,
                "subnets_per_step": phase.subnets_per_step, "always": list(phase.always),
                "distillation": phase.distillation, "distill_from": phase.distill_from,
                "resolutions": list(phase.resolutions),
            }
            for phase in recipe.phases
        ],
    }  # fmt: skip
    if commit is not None:
        told["commit"] = commit
    if cost is not None:
        told["cost"] = {
            "hours": round(cost.hours, 4), "macs": cost.macs, "kwh": cost.kwh, "co2_kg": cost.co2_kg,
            "dollars": cost.dollars, "assumptions": list(cost.assumptions),
        }  # fmt: skip
    return told


def make_card(supernet: StoredSupernet, name: str, table: AccuracyTable | None = None) -> str:
    """Return a model card as Markdown, without the parts that the supernet's origin says nothing about.

    Args:
        supernet: The supernet.
        name: The name of its file, without ``.safetensors``.
        table: The accuracies of its subnets; None where they are not known.
    """
    parts = [
        [MARK, f"# Model card: `{name}`"],
        list(_describe_architecture(supernet.architecture)),
        list(_describe_files(name, table)),
        list(_describe_training(supernet)),
        list(_describe_cost(supernet.origin.get("cost"))),
        [] if table is None else list(_describe_accuracy(supernet.architecture, table)),
        list(_describe_use(supernet)),
        list(_describe_repeat(supernet, table)),
    ]
    return "\n".join("\n\n".join(part) + "\n" for part in parts if part)


def write_card(supernet: StoredSupernet, path: Path, table: AccuracyTable | None = None) -> Path | None:
    """Write the card beside the supernet's file.

    Args:
        supernet: The supernet.
        path: Its file.
        table: The accuracies of its subnets; None where they are not known.

    Returns:
        The card's path; None where a card exists that this program did not write.

    Raises:
        InputError: The existing card cannot be read.
    """
    card = path.with_suffix(".md")
    try:
        if card.exists() and not card.read_text(encoding="utf-8").startswith(MARK):
            return None
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{card}: cannot be read as text ({error}); remove it") from None
    with replace_file(card) as file:
        file.write(make_card(supernet, path.stem, table).encode())
    return card


def _describe_architecture(architecture: Architecture) -> Iterator[str]:
    sides = ", ".join(map(str, architecture.resolutions))
    kernels = "kernels of 3, 5 and 7" if architecture.elastic_kernel else "fixed kernel sizes"
    yield (
        f"A supernet of family {architecture.family} as Once-for-All builds it, architecture `{architecture.name}`: "
        f"width {architecture.width:g}, a stem of stride {architecture.stem_stride}, {kernels}, "
        f"{architecture.classes} classes. Depth and expand ratio of each of the five stages grow together, (2, 3), "
        f"(3, 4) or (4, 6), which makes 243 subnets (CompOFA, Sahni et al., ICLR 2021); each runs at {sides} pixels."
    )


def _describe_files(name: str, table: AccuracyTable | None) -> Iterator[str]:
    rows = [
        (
            f"`{name}.safetensors`",
            "weights, batch-norm statistics of all subnets at every resolution, class names, preprocessing, origin",
        )
    ]
    if table is not None:
        rows.append(
            (f"`{name}.accuracy.json`", f"how many images each of the {table.accuracy().size} gets right")
        )
    yield _make_table(("file", "what it is"), rows)


def _describe_training(supernet: StoredSupernet) -> Iterator[str]:
    def say(place: Mapping[str, Any], word: str) -> str:
        return str(
            place.get(word, "an unknown number of" if word.endswith(("images", "steps")) else "unknown")
        )

    origin = supernet.origin
    settings = origin.get("data_settings")
    held_out = settings if isinstance(settings, Mapping) else {}
    yield "## Training"
    yield (
        f"On {say(origin, 'data')}: {say(origin, 'training_images')} training images; "
        f"{say(held_out, 'validation_images')} of the published training images, drawn with seed "
        f"{say(held_out, 'split_seed')}, are held out as validation set, which a search may use. Test images are "
        "for reporting only."
    )
    commit = f", with the source of commit {origin['commit']}" if "commit" in origin else ""
    yield f"Recipe `{say(origin, 'recipe')}`, seed {say(origin, 'seed')}, {say(origin, 'steps')} steps{commit}."
    phases = origin.get("phases")
    if isinstance(phases, Sequence) and phases:
        heads = ("phase", "subnets", "a step", "epochs", "batch", "resolutions", "teacher")
        yield _make_table(heads, [_list_phase(phase) for phase in phases])


def _list_phase(phase: Mapping[str, Any]) -> tuple[str, ...]:
    always = " and the ".join(phase.get("always", ()))
    teacher = "the largest in the step" if phase.get("distill_from") == "largest" else "yes"
    return (
        phase["name"],
        phase["subnets"],
        f"{phase['subnets_per_step']}, always the {always}" if always else str(phase["subnets_per_step"]),
        f"{phase['epochs']:g}",
        str(phase["batch"]),
        ", ".join(map(str, phase["resolutions"])),
        teacher if phase["distillation"] else "no",
    )


def _describe_cost(cost: Any) -> Iterator[str]:
    if not isinstance(cost, Mapping):
        return
    yield "## Cost"
    told = [("training", f"{cost['hours']:.2f} hours"), ("multiply-accumulates", f"{cost['macs']:.3g}")]
    for word, unit in (("kwh", "kWh of energy"), ("co2_kg", "kg of CO2"), ("dollars", "dollars")):
        if cost.get(word) is not None:
            told.append((unit, f"{cost[word]:.3g}"))
    yield _make_table(("what", "how much"), told)
    if cost.get("assumptions"):
        yield "\n".join(f"- {text}" for text in cost["assumptions"])


def _describe_accuracy(architecture: Architecture, table: AccuracyTable) -> Iterator[str]:
    yield "## Accuracy"
    test, top5 = table.accuracy("test"), table.top5_accuracy("test")
    also = "" if top5 is None else f", top-5 {top5.min():.2f} to {top5.max():.2f} %"
    yield (
        f"On {table.images['test']} test images: top-1 {test.min():.2f} to {test.max():.2f} %, mean {test.mean():.2f} %"
        f"{also}. The front, by multiply-accumulates and validation accuracy:"
    )
    macs = np.stack(
        [list_units(architecture, side).sum_over(lambda layer: layer.macs) for side in table.resolutions]
    )
    front = find_front(macs.ravel(), table.accuracy("validation").ravel())
    shown = front[np.unique(np.linspace(0, len(front) - 1, min(FRONT_ROWS, len(front))).round().astype(int))]
    rows = []
    for index in shown:
        side, depths = divmod(int(index), len(COMPOUND_DEPTHS))
        subnet = Subnet.compound(COMPOUND_DEPTHS[depths], table.resolutions[side])
        numbers = [macs.flat[index] / 1e6, table.accuracy("validation").flat[index], test.flat[index]]
        numbers += [] if top5 is None else [top5.flat[index]]
        rows.append((subnet.id, *(f"{number:.2f}" for number in numbers)))
    heads = ("subnet", "million MACs", "validation top-1 %", "test top-1 %", "test top-5 %")
    yield _make_table(heads[: len(rows[0])], rows)


def _describe_use(supernet: StoredSupernet) -> Iterator[str]:
    names = supernet.class_names
    yield "## Use and limits"
    yield (
        f"It tells {len(names)} classes apart ({', '.join(names[:10])}{', ...' if len(names) > 10 else ''}), gives one "
        "of them for any picture, and its probabilities are not calibrated."
    )


def _describe_repeat(supernet: StoredSupernet, table: AccuracyTable | None) -> Iterator[str]:
    commands = [supernet.origin.get("command"), None if table is None else table.made_by]
    told = [f"    {command}" for command in commands if command]
    if told:
        yield "## How to repeat it"
        yield "\n".join(dict.fromkeys(told))


def _make_table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', '/') for cell in line)} |" for line in lines)
