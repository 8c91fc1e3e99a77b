"""``compofa tables import`` and ``export``, and what the other commands make of a table that states no error."""

import json

import pytest

from compofa_deploy.space.named_architectures import ARCHITECTURES
from latency_tables.table import LatencyTable
from tests.compofa_deploy.tables.builders import ELASTIC, state_ofa, write_json_table, write_yaml_table


@pytest.fixture(autouse=True)
def _known(monkeypatch):
    monkeypatch.setitem(ARCHITECTURES, ELASTIC.name, ELASTIC)


@pytest.fixture
def folder(tmp_path):
    """Tables of two resolutions, as OFA writes them."""
    folder = tmp_path / "phone"
    folder.mkdir()
    write_yaml_table(folder, 16)
    write_json_table(folder, 20)
    return folder


@pytest.fixture
def imported(compofa, folder, tmp_path):
    path = tmp_path / "phone.json"
    assert (
        compofa("tables", "import", folder, "--arch", ELASTIC.name, "--machine", "A phone", "-o", path).code
        == 0
    )
    return path


def test_a_folder_is_imported_and_what_is_not_known_is_said(compofa, folder, tmp_path):
    words = ("tables", "import", folder, "--arch", ELASTIC.name, "--machine", "A phone", "--threads", 1, "-o")
    ran = compofa(*words, tmp_path / "t.json", "--json")
    assert ran.json["resolutions"] == [16, 20]
    assert ran.json["space"] == "ofa"
    assert ran.json["error"] is None
    assert ran.json["interval_90"] is None
    assert ran.json["device_spec"].startswith("threads 1 on A phone (unknown: runtime, runtime_version")
    assert ran.json["layers"] == len(
        {key for r in (16, 20) for key in LatencyTable.load(tmp_path / "t.json").at(r).costs_ms}
    )
    shown = compofa(*words, tmp_path / "t.json")
    assert "unknown: nobody stated it" in shown.out
    assert "2 files in" in " ".join(shown.out.split())


def test_an_imported_table_is_shown_listed_predicted_and_compared_without_an_interval(compofa, imported):
    shown = compofa("tables", "show", imported)
    assert "predictions have no interval" in " ".join(shown.out.split())
    assert "layer, at 20 px alone" in shown.out
    assert set(compofa("tables", "show", imported, "--json").json["costs_at_ms"]) == {"16", "20"}
    ran = compofa("tables", "predict", imported, "23344@16", "--json")
    (found,) = ran.json["predictions"]
    assert ran.json["confidence"] is None
    assert (found["low_ms"], found["high_ms"]) == (None, None)
    assert found["latency_ms"] > 0
    assert compofa("tables", "predict", imported, "23344@16").out.count("unknown") == 2
    compared = compofa("tables", "compare", imported, imported)
    assert compared.code == 0
    assert "unknown" in compared.out
    assert compofa("tables", "compare", imported, imported, "--json").json["median_ratio"] == 1


def test_an_imported_table_in_the_cache_is_listed(compofa, imported, cached):
    cached.write_bytes(imported.read_bytes())
    assert "of unknown error" in compofa("tables", "list").out


def test_an_imported_table_is_of_no_machine_that_could_validate_it(compofa, imported):
    ran = compofa("tables", "validate", imported, "--networks", "2")
    assert ran.code == 2
    assert "cannot be told to be this machine" in ran.error


@pytest.mark.parametrize("kind", ["ofa", "csv"])
def test_what_is_exported_is_imported_again(compofa, table_file, tmp_path, monkeypatch, kind):
    from tests.support.supernets import TINY

    monkeypatch.setitem(ARCHITECTURES, TINY.name, TINY)
    output = tmp_path / ("out" if kind == "ofa" else "out.csv")
    ran = compofa("tables", "export", table_file, "--format", kind, "-o", output, "--json")
    assert [name.rpartition("/")[2] for name in ran.json["files"]] == (
        ["16_lookup_table.yaml", "20_lookup_table.yaml"] if kind == "ofa" else ["out.csv"]
    )
    assert str(output) in compofa("tables", "export", table_file, "--format", kind, "-o", output).out
    assert compofa("tables", "import", output, "--arch", "tiny", "-o", tmp_path / "again.json").code == 0
    predictions = [
        compofa("tables", "predict", path, "23344@16", "44444@20", "--json").json["predictions"]
        for path in (table_file, tmp_path / "again.json")
    ]
    for was, now in zip(*predictions, strict=True):
        assert now["latency_ms"] == pytest.approx(was["latency_ms"])


def test_a_missing_layer_is_one_line_with_the_layer_and_a_subnet(compofa, tmp_path):
    stated = state_ofa(16)
    name = [name for name in stated if name.startswith("expanded_conv")][-1]
    del stated[name]
    (tmp_path / "16.json").write_text(json.dumps(stated))
    ran = compofa("tables", "import", tmp_path / "16.json", "--arch", ELASTIC.name, "-o", tmp_path / "t.json")
    assert ran.code == 2
    assert f"has no layer {name}, which " in ran.error
    assert not (tmp_path / "t.json").exists()
    smaller = ("--arch", ELASTIC.name, "--space", "compofa", "-o", tmp_path / "t.json")
    assert compofa("tables", "import", tmp_path / "16.json", *smaller).code == 0
    subnet = ran.error.partition("which ")[2].partition(" needs")[0]
    refused = compofa("tables", "predict", tmp_path / "t.json", "22222@16", subnet)
    assert f"{subnet}: " in refused.error
    assert "has no layer mbconv" in refused.error


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--arch", "mbv4"], "no architecture 'mbv4'"),
        ([], "Missing option '--arch'"),
        (["--arch", "mbv3-w1.0-imagenet"], "choose the --arch that the table is of"),
        (
            ["--arch", ELASTIC.name, "--space", "all"],
            "no space 'all'; there are compofa, compofa-elastic, ofa",
        ),
        (["--arch", ELASTIC.name, "--threads", "0"], "--threads"),
    ],
)
def test_bad_options_are_one_line(compofa, folder, tmp_path, arguments, message):
    ran = compofa("tables", "import", folder, *arguments, "-o", tmp_path / "t.json")
    assert ran.code == 2
    assert message in ran.error
