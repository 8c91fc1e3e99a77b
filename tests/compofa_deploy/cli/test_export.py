"""``compofa export``: bundles whose numbers were checked, and one line for each thing that is wrong."""

import pytest

from compofa_deploy.bundle.bundle import load_bundle


@pytest.fixture
def export(compofa, supernet_file, tmp_path):
    return lambda *arguments: compofa(
        "export", *arguments, "--supernet", supernet_file, "-o", tmp_path / "exported"
    )


def test_a_subnet_is_exported_and_checked(export, tmp_path):
    ran = export("23432@16", "--json")
    assert ran.code == 0
    assert ran.json["subnet"] == "23432@16"
    assert ran.json["largest_difference"] < 1e-4
    assert load_bundle(tmp_path / "exported").deployment.subnet == "23432@16"
    assert "logits differ from the reference by" in export("22222@20").out


def test_a_config_of_once_for_all_is_exported(export, exported):
    import json

    ran = export(json.dumps(exported.deployment.ofa_config), "--json")
    assert ran.json["subnet"] == "23432@16"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["23432"], "'23432' is not a subnet id; write five depths"),
        (["55555@16"], "is not a subnet id"),
        (["23432@24"], "resolutions 16, 20"),
        (["{}"], "not an OFA config"),
        (["{not json"], "an OFA config must be JSON"),
        (["23432@16", "--runtime", "tensorflow"], "no runtime 'tensorflow'; there are onnxruntime"),
        (["23432@16", "--runtime", "fake"], "nothing exports to runtime 'fake'"),
        (["23432@16", "--precision", "int4"], "no precision 'int4' here"),
        (["23432@16", "--threads", "4096"], "4096 threads were asked for"),
        (["23432@16", "--accuracy", "none.json"], "none.json: there is no such file"),
    ],
)
def test_an_export_that_cannot_be_is_one_line_and_writes_nothing(export, tmp_path, arguments, message):
    ran = export(*arguments)
    assert ran.code == 2
    assert message in ran.error
    assert ran.out == ""
    assert not (tmp_path / "exported").exists()


def test_a_folder_whose_manifest_is_another_programs_is_refused_and_stays(compofa, supernet_file, tmp_path):
    place = tmp_path / "project"
    (place / "src").mkdir(parents=True)
    (place / "src" / "main.py").write_text("x")
    (place / "deployment.json").write_text('{"kind":"Deployment"}')
    ran = compofa("export", "23432@16", "--supernet", supernet_file, "-o", place)
    assert ran.code == 2
    assert "project: exists and is not a bundle that may be replaced" in ran.error
    assert (place / "src" / "main.py").read_text() == "x"
