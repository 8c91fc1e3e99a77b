"""``compofa train --estimate``: what a recipe costs, before it is paid."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from compofa_deploy.cli.output import print_json, print_table, show_progress
from compofa_deploy.cli.skipped import print_accounts

if TYPE_CHECKING:
    from compofa_deploy.training.cost import Cost
    from compofa_deploy.training.machine import Machine
    from compofa_deploy.training.recipe import Recipe


def estimate(given: dict[str, Any], recipe: Recipe, machine: Machine) -> None:
    """Print what a recipe costs: measured over a few steps where there is data, else as published."""
    from compofa_deploy.training.cost import estimate_published

    published = given["data"] is None
    cost = estimate_published(recipe, given["price"]) if published else _measure(given, recipe, machine)
    if given["as_json"]:
        print_json({"recipe": recipe.name, **to_json(cost)})
    else:
        _print(recipe, cost)


def to_json(cost: Cost) -> dict[str, Any]:
    """Everything that a cost says."""
    from compofa_deploy.training.cost import POUND_KG

    return {
        "hours": cost.hours,
        "macs": cost.macs,
        "kwh": cost.kwh,
        "co2_kg": cost.co2_kg,
        "co2_lbs": None if cost.co2_kg is None else cost.co2_kg / POUND_KG,
        "dollars": cost.dollars,
        "assumptions": list(cost.assumptions),
        "phases": [
            {
                "name": phase.work.name, "epochs": phase.work.epochs, "images": phase.work.images,
                "subnets_per_step": phase.work.subnets_per_step, "macs": phase.work.macs, "hours": phase.hours,
                "kwh": phase.kwh,
            }
            for phase in cost.phases
        ],
    }  # fmt: skip


def _measure(given: dict[str, Any], recipe: Recipe, machine: Machine) -> Cost:
    from contextlib import nullcontext

    from compofa_deploy.data.splits import open_splits
    from compofa_deploy.training.cost import estimate_measured
    from compofa_deploy.training.energy import EnergyMeter
    from compofa_deploy.training.step_timing import count_steps, measure_steps
    from profilers.machine.environment import read_machine

    settings = recipe.data
    # What it needs is said before the images are read.
    meter = EnergyMeter(given["carbon"]) if given["carbon"] else None
    with show_progress() as display:
        display.on_step(f"reading {given['data']}")
        splits = open_splits(
            given["data"], settings.validation_images, settings.split_seed, settings.training_images
        )
        print_accounts(splits.accounts)
        display.on_step("running a few steps of each phase")
        with meter or nullcontext():
            seconds = measure_steps(recipe, splits.train, machine)
        used = None if meter is None else meter.read()
    return estimate_measured(
        recipe,
        len(splits.train),
        seconds,
        count_steps(recipe, len(splits.train)),
        f"{machine.device} of {read_machine().cpu_model}",
        None if used is None else used.watts,
        None if used is None or not used.kwh else used.co2_kg / used.kwh,
        given["price"],
    )


def _print(recipe: Recipe, cost: Cost) -> None:
    from compofa_deploy.training.cost import POUND_KG

    columns = ("phase", ">epochs", ">subnets a step", ">10^15 MACs", ">hours")
    rows = [
        (
            phase.work.name,
            f"{phase.work.epochs:g}",
            str(phase.work.subnets_per_step),
            f"{phase.work.macs / 1e15:.4g}",
            f"{phase.hours:.3g}" if phase.hours < 1 else f"{phase.hours:.1f}",
        )
        for phase in cost.phases
    ]
    epochs = sum(phase.work.epochs for phase in cost.phases)
    hours = f"{cost.hours:.3g}" if cost.hours < 1 else f"{cost.hours:.1f}"
    rows.append(("in all", f"{epochs:g}", "", f"{cost.macs / 1e15:.4g}", hours))
    print_table(f"{recipe.name}, {cost.phases[0].work.images} training images", columns, rows)
    if cost.dollars is not None:
        click.echo(f"price   ${cost.dollars:,.2f}")
    if cost.kwh is not None:
        click.echo(f"energy  {cost.kwh:.3g} kWh")
    if cost.co2_kg is not None:
        click.echo(f"CO2     {cost.co2_kg:.3g} kg ({cost.co2_kg / POUND_KG:.3g} lbs)")
    click.echo("assumed:")
    for text in cost.assumptions:
        click.echo(f"  - {text}")
