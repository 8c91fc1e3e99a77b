"""The user's cache folder: tables that fit this machine are found again, and runs that stopped go on."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from compofa_deploy.space.architecture import Architecture
from latency_tables.device import DeviceSpec
from latency_tables.errors import CompofaError, InputError
from latency_tables.table import LatencyTable

ENVIRONMENT_VARIABLE = "COMPOFA_CACHE"
RECALIBRATED = "recalibrated"
MODES = ("full", "quick", RECALIBRATED)
"""How a table was made, the most trusted first: a recalibrated one counts where no other fits."""


@dataclass(frozen=True, slots=True)
class Cache:
    """A cache folder. What is in it may be removed at any time; nothing but time is lost."""

    folder: Path

    @classmethod
    def default(cls) -> Cache:
        """The folder that ``COMPOFA_CACHE`` names, or the platform's place for caches."""
        from platformdirs import user_cache_path

        chosen = os.environ.get(ENVIRONMENT_VARIABLE)
        return cls(Path(chosen) if chosen else user_cache_path("compofa-deploy"))

    def journal(self, kit_id: str, spec: DeviceSpec, mode: str) -> Path:
        """Where a run that measures a kit keeps what it has."""
        return self._make("journals") / f"{kit_id[:12]}-{spec.id}-{mode}.jsonl"

    def kits(self) -> Path:
        """Where kits are built."""
        return self._make("kits")

    def table_path(self, architecture: Architecture, spec: DeviceSpec, mode: str) -> Path:
        """Where a table of this machine is kept."""
        return self._make("tables") / f"{architecture.name}-{spec.runtime}-{spec.id}-{mode}.json"

    def find_table(
        self, architecture: Architecture, spec: DeviceSpec, resolutions: Sequence[int], modes: Sequence[str]
    ) -> LatencyTable | None:
        """A kept table of exactly this architecture and device spec, with these resolutions; ``modes`` by preference.

        A file that cannot be read is passed over: it will be measured and written anew.
        """
        for mode in modes:
            path = self.table_path(architecture, spec, mode)
            if not path.exists():
                continue
            try:
                table = LatencyTable.load(path)
            except CompofaError:
                continue
            same = table.spec == spec and table.architecture == architecture.to_dict()
            if same and set(resolutions) <= set(table.resolutions):
                return table
        return None

    def _make(self, name: str) -> Path:
        folder = self.folder / name
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(
                f"{folder}: cannot be made ({error.strerror}); set {ENVIRONMENT_VARIABLE} to "
                "a folder that can be written"
            ) from None
        return folder
