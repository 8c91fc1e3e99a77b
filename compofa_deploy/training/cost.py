"""The cost of a recipe: multiply-accumulates by phase, and hours, energy, CO2 and money that follow from them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from compofa_deploy.training.recipe import Recipe
from compofa_deploy.training.schedule import weigh_step
from latency_tables.errors import InputError

IMAGENET_IMAGES = 1_281_167
IMAGENET_CLASSES = 1000


@dataclass(frozen=True, slots=True)
class PhaseWork:
    """The work of a phase.

    ``macs`` counts the multiply-accumulates of all epochs over all images. Those of a teacher are included where
    ``taught`` says that there is one.
    """

    name: str
    epochs: float
    images: int
    subnets_per_step: int
    taught: bool
    macs: float


@dataclass(frozen=True, slots=True)
class Rates:
    """The rates that turn work into hours of one device, energy, CO2 and money.

    Each image costs ``seconds_per_image`` for reading, decoding, augmenting and waiting. It costs
    ``taught_seconds_per_image`` more in a phase with a teacher and drawn subnets. Multiply-accumulates run at
    ``macs_per_second``. ``watts`` and ``taught_watts`` are the device's power in the two kinds of phases. ``overhead``
    is the data centre's energy divided by that of its devices.
    """

    macs_per_second: float
    seconds_per_image: float
    taught_seconds_per_image: float
    watts: float
    taught_watts: float
    overhead: float
    kg_per_kwh: float
    dollars_per_hour: float
    assumptions: tuple[str, ...]


POUND_KG = 0.45359237

PUBLISHED = Rates(
    macs_per_second=2e12,
    seconds_per_image=0.9512 * 3600 / IMAGENET_IMAGES,
    taught_seconds_per_image=0.5053 * 3600 / IMAGENET_IMAGES,
    watts=128.2,
    taught_watts=203.9,
    overhead=1.58,
    kg_per_kwh=0.954 * POUND_KG,
    dollars_per_hour=2.45,
    assumptions=(
        f"an epoch is ImageNet's {IMAGENET_IMAGES} training images",
        "a V100 sustains 2e12 multiply-accumulates a second in training, a quarter of its peak in float32 (assumed)",
        "besides, an epoch takes 0.951 GPU-hours, and 0.505 more with a teacher and drawn subnets: solved from the two "
        "totals that were published, 978.3 for ofa-imagenet and 493.5 for compofa-imagenet (Sahni et al., ICLR 2021)",
        "$2.45 a GPU-hour: the published $2.4k for 978.3 of them",
        "1.58 times the GPUs' energy for the data centre, and 0.954 lbs of CO2 a kWh (Strubell et al., ACL 2019)",
        "a GPU draws 128 W for the teacher and 204 W in the other phases: solved from the two totals that were "
        "published, 277 and 128 lbs",
        "so these two recipes give the published totals, and other recipes what follows from them",
    ),
)


@dataclass(frozen=True, slots=True)
class PhaseCost:
    """The cost of a phase in device-hours, and in kWh with the overhead where that is known."""

    work: PhaseWork
    hours: float
    kwh: float | None


@dataclass(frozen=True, slots=True)
class Cost:
    """The cost of a training and the assumptions behind it. ``None`` stands for a rate that is not known."""

    phases: tuple[PhaseCost, ...]
    kg_per_kwh: float | None
    dollars_per_hour: float | None
    assumptions: tuple[str, ...]

    @property
    def hours(self) -> float:
        """The device-hours of all phases."""
        return sum(phase.hours for phase in self.phases)

    @property
    def macs(self) -> float:
        """The multiply-accumulates of all phases."""
        return sum(phase.work.macs for phase in self.phases)

    @property
    def kwh(self) -> float | None:
        """The energy of all phases in kWh; None where it is not known."""
        known = [phase.kwh for phase in self.phases if phase.kwh is not None]
        return sum(known) if len(known) == len(self.phases) else None

    @property
    def co2_kg(self) -> float | None:
        """The CO2 of that energy in kg; None where it is not known."""
        return None if self.kwh is None or self.kg_per_kwh is None else self.kwh * self.kg_per_kwh

    @property
    def dollars(self) -> float | None:
        """The price of the hours in dollars; None where it is not known."""
        return None if self.dollars_per_hour is None else self.hours * self.dollars_per_hour


def list_work(recipe: Recipe, images: int) -> tuple[PhaseWork, ...]:
    """Return the work of each phase, which follows from the recipe and the number of training images."""
    architecture = recipe.architecture.build()
    return tuple(
        PhaseWork(
            phase.name, phase.epochs, images, phase.subnets_per_step, phase.has_teacher,
            phase.epochs * images * weigh_step(phase, architecture),
        )
        for phase in recipe.phases
    )  # fmt: skip


def estimate_published(recipe: Recipe, dollars_per_hour: float | None = None) -> Cost:
    """Estimate what a recipe costs on the GPUs that the published systems were trained on.

    The rates reproduce the published totals.

    Args:
        recipe: A recipe for ImageNet.
        dollars_per_hour: The price of a GPU-hour; by default the published one.

    Raises:
        InputError: The recipe is for other images.
    """
    if recipe.architecture.classes != IMAGENET_CLASSES:
        raise InputError(
            f"recipe {recipe.name!r} is not for ImageNet, but the published costs are; give --data to measure the cost "
            "on this machine"
        )
    rates = PUBLISHED
    phases = []
    for work in list_work(recipe, IMAGENET_IMAGES):
        each = rates.seconds_per_image + (rates.taught_seconds_per_image if work.taught else 0)
        hours = (work.epochs * work.images * each + work.macs / rates.macs_per_second) / 3600
        watts = rates.taught_watts if work.taught else rates.watts
        phases.append(PhaseCost(work, hours, hours * rates.overhead * watts / 1000))
    assumptions = rates.assumptions
    if dollars_per_hour is not None:
        assumptions = tuple(text for text in assumptions if not text.startswith("$"))
        assumptions += (f"${dollars_per_hour:g} a GPU-hour, as was asked for",)
    price = rates.dollars_per_hour if dollars_per_hour is None else dollars_per_hour
    return Cost(tuple(phases), rates.kg_per_kwh, price, assumptions)


def estimate_measured(
    recipe: Recipe, images: int, seconds_per_step: Sequence[float], steps: Sequence[int], where: str,
    watts: float | None = None, kg_per_kwh: float | None = None, dollars_per_hour: float | None = None,
) -> Cost:  # fmt: skip
    """Estimate what a recipe costs from the measured duration of its steps.

    Args:
        recipe: The recipe.
        images: How many training images there are.
        seconds_per_step: The duration of a step of each phase.
        steps: How many steps each phase has.
        where: The machine, in words.
        watts: The machine's power during the measurement; None where it was not measured.
        kg_per_kwh: The CO2 of a kWh; None where it is not known.
        dollars_per_hour: The price of an hour; None where it is not known.
    """
    phases = []
    for work, each, count in zip(list_work(recipe, images), seconds_per_step, steps, strict=True):
        hours = each * count / 3600
        phases.append(PhaseCost(work, hours, None if watts is None else hours * watts / 1000))
    assumptions = (
        f"seconds a step were measured over a few steps of each phase, on {where}; calibration and evaluation come on "
        "top",
        *([] if watts is None else [f"the machine draws {watts:.0f} W throughout, as it did in these steps"]),
        *([] if kg_per_kwh is None else [f"{kg_per_kwh:.3f} kg of CO2 a kWh, of the country that was named"]),
        *([] if dollars_per_hour is None else [f"${dollars_per_hour:g} an hour, as was asked for"]),
    )
    return Cost(tuple(phases), kg_per_kwh, dollars_per_hour, assumptions)


def count_spent(
    recipe: Recipe, images: int, seconds: float, where: str,
    kwh: float | None = None, co2_kg: float | None = None, dollars_per_hour: float | None = None,
) -> Cost:  # fmt: skip
    """Return what a training did cost, which its phases share by their multiply-accumulates.

    Args:
        recipe: The recipe.
        images: How many training images there were.
        seconds: The duration, summed over all devices.
        where: The machine, in words.
        kwh: The measured energy; None where it was not measured.
        co2_kg: The CO2 of that energy.
        dollars_per_hour: The price of an hour; None where it is not known.
    """
    works = list_work(recipe, images)
    whole = sum(work.macs for work in works)
    shares = [work.macs / whole for work in works]
    phases = tuple(
        PhaseCost(work, share * seconds / 3600, None if kwh is None else share * kwh)
        for work, share in zip(works, shares, strict=True)
    )
    assumptions = (
        f"hours were measured on {where}, without those of calibration and evaluation",
        *(
            []
            if kwh is None
            else ["energy and CO2 were measured by codecarbon on the first process's machine"]
        ),
        *([] if dollars_per_hour is None else [f"${dollars_per_hour:g} an hour, as was stated"]),
    )
    factor = None if not kwh or co2_kg is None else co2_kg / kwh
    return Cost(phases, factor, dollars_per_hour, assumptions)
