"""Energy is what codecarbon says of each run, added up over the runs of a training."""

import sys
from types import ModuleType, SimpleNamespace

import pytest

from compofa_deploy.training import energy as energy_module
from compofa_deploy.training.energy import Energy, EnergyMeter
from latency_tables.errors import FormatError, InputError, MismatchError


@pytest.fixture(autouse=True)
def trackers(monkeypatch):
    """Codecarbon's two names that are used; each tracker finds 10 s, 0.5 kWh and 0.2 kg."""
    made = []

    class OfflineEmissionsTracker:
        def __init__(self, **settings):
            self.settings, self.running, self.final_emissions_data = settings, False, None
            made.append(self)

        def start(self):
            self.running = True

        def stop(self):
            assert self.running
            self.running = False
            self.final_emissions_data = SimpleNamespace(duration=10.0, energy_consumed=0.5, emissions=0.2)
            return 0.2

    class DataSource:
        def get_global_energy_mix_data(self):
            return {"DEU": {}, "FRA": {}}

    package, source = ModuleType("codecarbon"), ModuleType("codecarbon.input")
    vars(package)["OfflineEmissionsTracker"], vars(source)["DataSource"] = OfflineEmissionsTracker, DataSource
    monkeypatch.setitem(sys.modules, "codecarbon", package)
    monkeypatch.setitem(sys.modules, "codecarbon.input", source)
    return made


def test_a_block_is_measured_offline_and_in_its_country(trackers):
    with EnergyMeter("DEU") as meter:
        pass
    assert meter.read() == Energy(10.0, 0.5, 0.2, "DEU")
    assert meter.read().watts == pytest.approx(180_000)
    assert [tracker.settings["country_iso_code"] for tracker in trackers] == ["DEU"]
    assert not trackers[0].settings["save_to_file"]
    assert not trackers[0].running


def test_what_earlier_runs_used_is_added(tmp_path):
    path = tmp_path / "energy.json"
    for _ in range(2):
        with EnergyMeter("DEU", path):
            pass
    with EnergyMeter("DEU", path) as meter:
        meter.read()
    assert meter.read() == Energy(40.0, 2.0, pytest.approx(0.8), "DEU")


def test_what_is_known_is_kept_now_and_then_so_that_a_kill_loses_little(tmp_path, monkeypatch):
    path = tmp_path / "energy.json"
    with EnergyMeter("DEU", path) as meter:
        meter.keep_now_and_then()
        assert not path.exists()
        monkeypatch.setattr(energy_module, "KEEP_SECONDS", 0.0)
        meter.keep_now_and_then()
        assert '"kwh": 0.5' in path.read_text()


@pytest.mark.parametrize("country", ["XXX", "de", "germany", "", "deu"])
def test_a_country_that_is_none_is_refused(country):
    with pytest.raises(
        InputError, match=r"is not a country whose electricity codecarbon knows; .* such as DEU"
    ):
        EnergyMeter(country)


def test_a_file_of_another_country_is_refused(tmp_path):
    with EnergyMeter("DEU", tmp_path / "energy.json"):
        pass
    with pytest.raises(MismatchError, match="began in DEU, not FRA"):
        EnergyMeter("FRA", tmp_path / "energy.json")


def test_a_file_that_is_broken_is_refused(tmp_path):
    path = tmp_path / "energy.json"
    path.write_text('{"format": "compofa-energy", "version": 1, "kwh": 1}')
    with pytest.raises(FormatError, match=r"energy\.json, seconds: is missing.* remove it to count anew"):
        EnergyMeter("DEU", path)
