"""``compofa deploy`` on a device that is simulated."""

import os

import pytest

from compofa_deploy.bundle.bundle import load_bundle


@pytest.fixture
def measured_at(simulated):
    """Let every measurement find this latency in ms."""

    def set_latency(ms):
        simulated.latency_ms = lambda label: ms

    return set_latency


@pytest.fixture
def deploy(compofa, supernet_file, tmp_path):
    return lambda *arguments: compofa(
        "deploy", "--supernet", supernet_file, "-o", tmp_path / "deployed", *arguments
    )


def test_a_budget_is_turned_into_a_bundle(deploy, cached, measured_at, tmp_path):
    measured_at(0.03)
    ran = deploy("--latency", "33us", "--json")
    assert ran.code == 0
    found, deployment = ran.json, load_bundle(tmp_path / "deployed").deployment
    assert found["subnet"] == deployment.subnet
    assert found["resolution"] == deployment.input.shape[-1]
    assert found["table"] == "cached"
    assert found["measured"]["high_ms"] <= found["budget"]["limit_ms"] == pytest.approx(0.033)
    assert found["predicted"]["low_ms"] < found["predicted"]["latency_ms"] < found["predicted"]["high_ms"]
    assert found["accuracy"]["test"] == deployment.accuracy.test
    assert found["tried"] == []
    assert "searching a table" in ran.err
    assert "--latency 33us" in deployment.command


def test_people_are_shown_what_was_deployed(deploy, cached, measured_at):
    measured_at(0.03)
    ran = deploy("--latency", "33us")
    assert ran.code == 0
    for word in ("subnet", "accuracy", "budget", "predicted", "measured", "30 us", "tried before"):
        assert word in ran.out


def test_an_impossible_budget_is_answered_no_and_names_the_fastest(deploy, cached, tmp_path):
    ran = deploy("--latency", "1us", "--json")
    assert ran.code == 1
    assert "the closest is 22222@16" in ran.error
    assert ran.out == ""
    assert not (tmp_path / "deployed").exists()


def test_a_device_that_keeps_no_budget_is_answered_no(deploy, cached, measured_at, tmp_path):
    measured_at(5.0)
    ran = deploy("--latency", "33us", "--json")
    assert ran.code == 1
    assert "was measured at up to 5 ms" in ran.error
    assert not (tmp_path / "deployed").exists()


def test_a_place_that_is_taken_is_refused(compofa, cached, supernet_file, photo):
    ran = compofa("deploy", "--latency", "1ms", "--supernet", supernet_file, "-o", photo)
    assert ran.code == 2
    assert "exists and is not a bundle" in ran.error


def test_a_place_that_cannot_be_written_is_refused(compofa, cached, supernet_file, photo):
    ran = compofa("deploy", "--latency", "1ms", "--supernet", supernet_file, "-o", photo / "bundle")
    assert ran.code == 2
    assert "cannot be made (Not a directory)" in ran.error


def test_a_cache_that_cannot_be_written_names_the_variable(deploy, photo, monkeypatch):
    monkeypatch.setenv("COMPOFA_CACHE", str(photo))
    ran = deploy("--latency", "1ms")
    assert ran.code == 2
    assert "set COMPOFA_CACHE to a folder that can be written" in ran.error


def test_ctrl_c_leaves_nothing_half_written(deploy, cached, simulated, tmp_path):
    def interrupt(label):
        raise KeyboardInterrupt

    simulated.slow_down = interrupt
    (tmp_path / "before").write_text(" ".join(sorted(os.listdir(tmp_path))))
    ran = deploy("--latency", "1ms")
    assert ran.code == 130
    assert "interrupted; what was done is kept" in ran.error
    assert sorted(os.listdir(tmp_path)) == ["before"]


def test_a_budget_may_be_a_rate_of_images(deploy, cached, measured_at):
    measured_at(0.03)
    ran = deploy("--latency", "30000fps", "--json")
    assert ran.code == 0
    assert ran.json["budget"]["limit_ms"] == pytest.approx(1 / 30)
    assert "30000fps is taken as a latency of 0.03333 ms for one image" in ran.err
