"""A CSV of DyNAS-T is read as it is; its repeated rows are averaged where they agree."""

import pytest

from compofa_deploy.accuracy.csv_table import read_stated
from compofa_deploy.space.subnet import Subnet
from latency_tables.errors import FormatError

HEADER = "Sub-network,Date,Model Parameters,Latency (ms),MACs,Top-1 Acc (%)\n"
SUBNET = Subnet.parse("23344@224")


def make_row(top1, **changes):
    config = {"wid": None, **SUBNET.to_ofa(), **changes}
    return f'"{config}",2022-11-01 05:40:09.265694,5029656,0,255502624,{top1}\n'


@pytest.fixture
def read(tmp_path):
    def read_text(*rows, header=HEADER):
        (tmp_path / "dynas.csv").write_text(header + "".join(rows))
        return read_stated(tmp_path / "dynas.csv")

    return read_text


def test_subnets_come_with_their_top1(read):
    found = read(make_row(75.448), make_row(76.0, r=[160]))
    assert found.subnets == (SUBNET, SUBNET.at(160))
    assert found.top1.tolist() == [75.448, 76.0]
    assert found.note == ""


def test_rows_that_differ_in_blocks_that_do_not_run_are_averaged_and_it_is_said(read):
    other = SUBNET.to_ofa()["ks"]
    other[3] = 3 if other[3] != 3 else 5
    assert Subnet.from_ofa({**SUBNET.to_ofa(), "ks": other}) == SUBNET, "the stage has two blocks"
    found = read(make_row(75.44), make_row(75.48, ks=other))
    assert found.subnets == (SUBNET,)
    assert found.top1.tolist() == [pytest.approx(75.46)]
    assert found.describe().endswith("(1 of 2 rows repeat a subnet within 0.1 points and were averaged)")


def test_rows_that_contradict_each_other_are_refused(read):
    with pytest.raises(FormatError, match=r"lines 2 and 3: are both of 23344@224 and say 75 and 75.2 %"):
        read(make_row(75.0), make_row(75.2))


@pytest.mark.parametrize(
    ("row", "says"),
    [
        (make_row(101), "line 2, Top-1 Acc .*between 0 and 100"),
        (make_row("high"), "line 2, Top-1 Acc .*must be a finite number in per cent, not 'high'"),
        (make_row(float("nan")), "line 2, Top-1 Acc .*must be a finite number"),
        (make_row(75, d=[2.5] * 5), "line 2, Sub-network: .*no whole number"),
        (make_row(75, wid=1.2), "line 2, Sub-network: .*unknown field 'wid'"),
        ("\"__import__('os')\",x,1,0,1,75\n", "line 2, Sub-network: must be OFA's config"),
        ('"[1, 2]",x,1,0,1,75\n', "line 2, Sub-network: must be OFA's config"),
    ],
)
def test_a_row_that_is_wrong_is_named(read, row, says):
    with pytest.raises(FormatError, match=says):
        read(row)


def test_a_file_without_accuracies_is_refused(read):
    with pytest.raises(FormatError, match="needs the columns Sub-network and Top-1"):
        read('"{}",x\n', header="Sub-network,Date\n")
