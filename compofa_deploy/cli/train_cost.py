"""What ``compofa train`` says of its own cost: while it runs, in the supernet's origin, and in the model card."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from compofa_deploy.supernet.stored import StoredSupernet
    from compofa_deploy.training.energy import EnergyMeter
    from compofa_deploy.training.progress import TrainingProgress
    from compofa_deploy.training.trainer import Trainer

F = TypeVar("F", bound=Callable[..., Any])


def cost_options(function: F) -> F:
    """What a cost is counted in."""
    for option in reversed((
        click.option("--estimate", is_flag=True,
                     help="Say what the training costs, and do not train: with --data by a few steps run here, without "
                     "it on the GPUs that the published systems were trained on."),
        click.option("--price", type=click.FloatRange(min=0), metavar="DOLLARS",
                     help="What an hour of the machine, or of each GPU, costs."),
        click.option("--carbon", default="", metavar="COUNTRY",
                     help="Measure energy and CO2, with the electricity of a country, as in DEU (needs the extra "
                     "carbon)."),
    )):  # fmt: skip
        function = option(function)
    return function


def check_given(given: Mapping[str, Any]) -> None:
    """:class:`InputError` where a training lacks what an estimate does without."""
    from latency_tables.errors import InputError

    for word, option in (("data", "--data"), ("output", "-o")):
        if given[word] is None:
            raise InputError(
                f"{option} is missing, and --estimate alone does without it; see compofa train --help"
            )


@contextmanager
def measure_energy(given: Mapping[str, Any], folder: Path, is_first: bool) -> Iterator[EnergyMeter | None]:
    """A meter within the block, where energy was asked for and this process is the one to measure it."""
    if not given["carbon"] or not is_first:
        yield None
        return
    from compofa_deploy.training.energy import EnergyMeter

    with EnergyMeter(given["carbon"], folder / "energy.json") as meter:
        yield meter


def add_cost(
    supernet: StoredSupernet, trainer: Trainer, meter: EnergyMeter | None, price: float | None
) -> StoredSupernet:
    """The supernet whose origin says what its training was and cost."""
    import shlex
    import sys

    from compofa_deploy.training.cost import count_spent
    from compofa_deploy.training.model_card import describe_training
    from compofa_deploy.training.source_commit import find_commit
    from profilers.machine.environment import read_machine

    machine, used = trainer.machine, None if meter is None else meter.read()
    cost = count_spent(
        trainer.recipe,
        len(trainer.images),
        trainer.seconds * machine.ranks.world,
        f"{machine.ranks.world} x {machine.device} of {read_machine().cpu_model}",
        None if used is None else used.kwh,
        None if used is None else used.co2_kg,
        price,
    )
    told = describe_training(trainer.recipe, cost, shlex.join(["compofa", *sys.argv[1:]]), find_commit())
    return replace(supernet, origin={**supernet.origin, **told})


def watch(
    meter: EnergyMeter | None, show: Callable[[TrainingProgress], None]
) -> Callable[[TrainingProgress], None]:
    """Show progress, and let the meter write down what was used now and then."""

    def tell(progress: TrainingProgress) -> None:
        show(progress)
        if meter is not None:
            meter.keep_now_and_then()

    return tell


def write_model_card(supernet: StoredSupernet, path: Path, accuracy_table: str | None) -> dict[str, str]:
    """Write the model card beside the supernet, and say where it is; nothing where someone else wrote one."""
    from compofa_deploy.accuracy.table import AccuracyTable
    from compofa_deploy.training.model_card import write_card

    table = None if accuracy_table is None else AccuracyTable.load(Path(accuracy_table))
    card = write_card(supernet, path, table)
    return {} if card is None else {"model_card": str(card)}
