"""Energy and CO2 of a process, measured by codecarbon in its offline mode.

Codecarbon is an extra and is imported on first use. It reads the energy counters of the CPU and of NVIDIA GPUs. Without
counters it estimates from the CPU's model and load. It always estimates the memory's energy. It measures one machine.
"""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from latency_tables.errors import FormatError, InputError, MismatchError
from latency_tables.record import RecordFile
from profilers.machine.clock import now_s

SAMPLE_SECONDS = 15
KEEP_SECONDS = 600.0
"""The energy is written down this often, so that an accident loses no more."""


@dataclass(frozen=True)
class Energy(RecordFile):
    """Energy in kWh and CO2 in kg over a time in seconds, in a country (three letters, ISO 3166)."""

    FORMAT = "compofa-energy"
    VERSION = 1
    INDENT = 1

    seconds: float
    kwh: float
    co2_kg: float
    country: str

    def __add__(self, other: Energy) -> Energy:
        return Energy(
            self.seconds + other.seconds, self.kwh + other.kwh, self.co2_kg + other.co2_kg, self.country
        )

    @property
    def watts(self) -> float:
        """The mean power in watts."""
        return 3.6e6 * self.kwh / self.seconds if self.seconds else 0.0


class EnergyMeter:
    """Measures energy within a ``with`` block, and adds that of earlier runs from a file.

    Args:
        country: The three-letter code of the country whose electricity is used.
        path: Where the energy is kept between runs; None keeps it nowhere.

    Raises:
        InputError: codecarbon does not know the country.
        MismatchError: The file holds the energy of another country.
    """

    def __init__(self, country: str, path: Path | None = None) -> None:
        from codecarbon.input import DataSource

        known = DataSource().get_global_energy_mix_data()
        if not re.fullmatch(r"[A-Z]{3}", country) or country not in known:
            raise InputError(
                f"{country!r} is not a country whose electricity codecarbon knows; give a three-letter code such as DEU"
            )
        self.country, self.path = country, path
        self._before = _read(path, country)
        self._tracker: Any = None
        self._kept = 0.0

    def __enter__(self) -> Self:
        self._start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()

    def read(self) -> Energy:
        """Return the energy so far, that of earlier runs included."""
        if self._tracker is not None:
            self._stop()
            self._start()
        return self._before

    def keep_now_and_then(self) -> None:
        """Write the energy down where the last time is ``KEEP_SECONDS`` ago."""
        if now_s() - self._kept >= KEEP_SECONDS:
            self.read()

    def _start(self) -> None:
        from codecarbon import OfflineEmissionsTracker

        # codecarbon applies the log level that it is given only after its first lines.
        logging.getLogger("codecarbon").setLevel(logging.ERROR)
        self._tracker = OfflineEmissionsTracker(
            country_iso_code=self.country, measure_power_secs=SAMPLE_SECONDS, save_to_file=False, log_level="error",
            allow_multiple_runs=True,
        )  # fmt: skip
        self._tracker.start()
        self._kept = now_s()

    def _stop(self) -> None:
        self._tracker.stop()
        found, self._tracker = self._tracker.final_emissions_data, None
        used = Energy(found.duration, found.energy_consumed, found.emissions, self.country)
        self._before = self._before + used
        if self.path is not None:
            self._before.save(self.path)


def _read(path: Path | None, country: str) -> Energy:
    if path is None or not path.exists():
        return Energy(0.0, 0.0, 0.0, country)
    try:
        before = Energy.load(path)
    except FormatError as error:
        raise FormatError(
            f"{error}; it keeps the energy that a training used: remove it to count anew"
        ) from None
    if before.country != country:
        raise MismatchError(
            f"{path}: this training began in {before.country}, not {country}; give --carbon {before.country}, or "
            "remove the file"
        )
    return before
