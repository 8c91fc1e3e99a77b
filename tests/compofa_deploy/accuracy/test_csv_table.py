"""A CSV of accuracies is read with every doubt, and so is what this project evaluated."""

import json

import numpy as np
import pytest

from compofa_deploy.accuracy.csv_table import read_stated
from compofa_deploy.space.subnet import Subnet
from latency_tables.errors import FormatError, InputError
from tests.support.subnets import sample_any
from tests.support.supernets import make_accuracies, make_supernet

GOOD = "subnet,top1,top5,images\n22222@160,70.5,90,5000\n44444@160,75.25,,\n"


def read(tmp_path, text):
    (tmp_path / "a.csv").write_text(text)
    return read_stated(tmp_path / "a.csv")


def test_subnets_and_their_top1_are_read(tmp_path):
    found = read(tmp_path, GOOD)
    assert [subnet.id for subnet in found.subnets] == ["22222@160", "44444@160"]
    assert found.top1.tolist() == [70.5, 75.25]
    assert found.resolutions == (160,)
    assert "a.csv" in found.describe()


def test_ids_and_ofas_configs_name_the_same_subnets(tmp_path, rng):
    subnets = [sample_any(rng, int(r)) for r in (128, 160, 224)]
    configs = "".join('"' + json.dumps(s.to_ofa()).replace('"', '""') + '",70\n' for s in subnets)
    ids = "".join(f"{s.id},70\n" for s in subnets)
    assert read(tmp_path, f"subnet,top1\n{configs}").subnets == tuple(subnets)
    assert read(tmp_path, f"subnet,top1\n{ids}").subnets == tuple(subnets)


def test_a_table_that_was_evaluated_here_is_read_by_its_validation_images(tmp_path):
    table = make_accuracies(make_supernet())
    table.save(tmp_path / "a.json")
    found = read_stated(tmp_path / "a.json")
    assert len(found.subnets) == 2 * 243
    index = found.subnets.index(Subnet.parse("23432@20"))
    assert found.top1[index] == pytest.approx(table.find(Subnet.parse("23432@20"))["validation"])
    assert np.isfinite(found.top1).all()


@pytest.mark.parametrize(
    ("was", "now", "message"),
    [
        ("70.5", "nan", "line 2, top1: must be a finite number in per cent, not 'nan'"),
        ("70.5", "-1", "line 2, top1: must be between 0 and 100 per cent, not -1"),
        ("75.25", "100.1", "line 3, top1: must be between 0 and 100 per cent"),
        ("70.5", "high", "line 2, top1: must be a finite number in per cent, not 'high'"),
        ("90", "70", "line 2, top5: must be between 70.5 and 100 per cent"),
        ("5000", "0", "line 2, images: must be a number of images"),
        ("44444@160", "22222@160", "line 3: subnet 22222@160 is there twice"),
        ("44444@160", "44445@160", "line 3: '44445@160' is not a subnet id"),
        ("22222@160", "22222", "line 2: '22222' is not a subnet id"),
        ("subnet,", "name,", "column 'name' is none of subnet, top1, top5, images"),
        ("top1", "images", "column 'images' is there twice"),
        (",,\n", ",,", "ends within a line"),
        (",,\n", "\n", "line 3: has 2 cells, not 4; it may be cut off"),
        (GOOD, "subnet,top5\n22222@160,90\n", "needs the columns subnet and top1; top1 is missing"),
        (GOOD, "subnet,top1\n", "holds no rows"),
        (GOOD, "subnet,top1\n22222@160,0.705\n", "multiply fractions by 100"),
    ],
)
def test_a_spoilt_csv_is_refused_and_says_where(tmp_path, was, now, message):
    assert was in GOOD
    with pytest.raises(FormatError) as caught:
        read(tmp_path, GOOD.replace(was, now))
    assert message in str(caught.value)
    assert str(caught.value).startswith(str(tmp_path / "a.csv"))


def test_one_subnet_written_in_two_ways_is_there_twice(tmp_path):
    config = json.dumps(Subnet.parse("22222@160").to_ofa()).replace('"', '""')
    with pytest.raises(FormatError, match="line 3: subnet 22222@160 is there twice"):
        read(tmp_path, f'subnet,top1\n22222@160,70\n"{config}",71\n')


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(InputError, match="there is no such file"):
        read_stated(tmp_path / "none.csv")
