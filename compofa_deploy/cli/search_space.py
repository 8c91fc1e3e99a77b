"""``compofa search --space``: what it asks for beyond the space that is listed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from compofa_deploy.accuracy.predictions import PredictedAccuracies
    from compofa_deploy.search.candidates import Candidates
    from latency_tables.table import LatencyTable

F = TypeVar("F", bound=Callable[..., Any])

LISTED = "compofa"
SPACES = (LISTED, "compofa-elastic", "ofa")
ALSO_LIMITED = ("max_size", "max_macs", "max_params", "min_accuracy")


def space_options(function: F) -> F:
    """Which space is searched, and how; read by :func:`check_space` and :func:`search_space`."""
    for option in reversed((
        click.option("--space", type=click.Choice(SPACES), default=LISTED, show_default=True,
                     help="Of compofa every subnet is looked at; compofa-elastic, with any kernel sizes, and ofa, "
                     "with any depths, widths and kernel sizes, are climbed."),
        click.option("--seed", type=click.IntRange(0), default=0, show_default=True,
                     help="Where climbs begin; the same one finds the same subnet."),
        click.option("--evaluations", type=click.IntRange(1), metavar="N",
                     help="Most subnets that a climbed search asks the predictor for, each table  [default: 4000]."),
    )):  # fmt: skip
        function = option(function)
    return function


def check_space(given: Mapping[str, Any], accuracies: object) -> None:
    """:class:`InputError` where a space that is climbed is asked for what only one that is listed can give."""
    from compofa_deploy.accuracy.csv_table import StatedAccuracies
    from compofa_deploy.accuracy.predictions import PredictedAccuracies
    from latency_tables.errors import InputError

    space = given["space"]
    limits = [f"--{word.replace('_', '-')}" for word in ALSO_LIMITED if given[word] is not None]
    for option in limits + ["--front"] * given["whole_front"]:
        raise InputError(
            f"{option}: the space {space} is searched for the best subnet under --latency; leave {option} out, or "
            f"search --space {LISTED}"
        )
    if isinstance(accuracies, StatedAccuracies):
        raise InputError(
            f"{accuracies.source} states some subnets, and --space {space} needs the accuracy of any; fit a predictor "
            "to it with compofa accuracy fit, or leave --space out to search those that it states"
        )
    if not isinstance(accuracies, PredictedAccuracies):
        raise InputError(
            f"there are accuracies of the space {LISTED} alone; name a predictor with --accuracy (compofa accuracy fit "
            f"makes one of evaluated subnets), or leave --space {space} out"
        )


def search_space(
    given: Mapping[str, Any], accuracies: PredictedAccuracies, tables: Sequence[LatencyTable]
) -> tuple[Candidates, int]:
    """What climbing finds, and how many subnets it evaluated."""
    from math import inf

    from compofa_deploy.search.large_spaces import find_candidates
    from compofa_deploy.search.local_search import EVALUATIONS
    from compofa_deploy.space.choice_arrays import find_space

    return find_candidates(
        find_space(given["space"]),
        accuracies,
        tables,
        inf if given["latency"] is None else given["latency"],
        given["seed"],
        given["evaluations"] or EVALUATIONS,
        int(given["percentile"]),
        given["confidence"],
    )
