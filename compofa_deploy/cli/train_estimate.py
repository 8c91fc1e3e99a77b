"""``compofa train --estimate``: printing what a recipe costs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from compofa_deploy.cli.output import echo, print_json, print_table

if TYPE_CHECKING:
    from compofa_deploy.training.cost import Cost
    from compofa_deploy.training.recipe import Recipe


def print_estimate(recipe: Recipe, cost: Cost, as_json: bool) -> None:
    """Prints what a recipe costs.

    Args:
        recipe: The recipe.
        cost: Its cost.
        as_json: Whether to print JSON.
    """
    if as_json:
        print_json({"recipe": recipe.name, **to_json(cost)})
    else:
        _print(recipe, cost)


def to_json(cost: Cost) -> dict[str, Any]:
    """Returns a cost in a JSON-ready form."""
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
        echo(f"price   ${cost.dollars:,.2f}")
    if cost.kwh is not None:
        echo(f"energy  {cost.kwh:.3g} kWh")
    if cost.co2_kg is not None:
        echo(f"CO2     {cost.co2_kg:.3g} kg ({cost.co2_kg / POUND_KG:.3g} lbs)")
    echo("assumed:")
    for text in cost.assumptions:
        echo(f"  - {text}")
