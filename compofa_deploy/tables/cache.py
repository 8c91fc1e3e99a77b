"""The user's cache folder, with tables of this machine and the journals of interrupted runs."""

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
"""How a table was made, the most trusted first. A recalibrated table is used where no other fits."""


@dataclass(frozen=True, slots=True)
class Cache:
    """A cache folder. Its contents may be removed at any time; making them again takes time and nothing else."""

    folder: Path

    @classmethod
    def default(cls) -> Cache:
        """Return the folder that ``COMPOFA_CACHE`` names, or the platform's folder for caches."""
        from platformdirs import user_cache_path

        chosen = os.environ.get(ENVIRONMENT_VARIABLE)
        return cls(Path(chosen) if chosen else user_cache_path("compofa-deploy"))

    @property
    def journals(self) -> Path:
        """The folder of the journals of runs on this machine; it is made when a run begins."""
        return self.folder / "journals"

    def kits(self) -> Path:
        """Return the folder in which kits are built."""
        return self._make("kits")

    def table_path(self, architecture: Architecture, spec: DeviceSpec, mode: str) -> Path:
        """Return the file of a table of this machine.

        Args:
            architecture: The architecture.
            spec: The device spec.
            mode: One of ``MODES``.
        """
        return self._make("tables") / f"{architecture.name}-{spec.runtime}-{spec.id}-{mode}.json"

    def find_table(
        self, architecture: Architecture, spec: DeviceSpec, resolutions: Sequence[int], modes: Sequence[str]
    ) -> LatencyTable | None:
        """Return the cached table of an architecture and a device spec, or None.

        A file that cannot be read is skipped, so that it is measured and written anew.

        Args:
            architecture: The table's architecture.
            spec: The table's device spec.
            resolutions: The resolutions in pixels that the table must have.
            modes: The accepted modes, the preferred first.
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
