"""Every fault of a foreign file is named with its place."""

import json

import pytest

from compofa_deploy.files.csv import LARGEST_FILE
from compofa_deploy.tables.foreign_files import read_tables
from latency_tables.errors import FormatError, InputError

GOOD = "Conv-input:8x8x3-output:4x4x16:\n  count: 5\n  mean: 0.5\n  std: 0.1\nLogits-input:1x1x8-output:4:\n  count: 5\n  mean: 1e-05\n  std: 0.1\n"  # noqa: E501
CSV = "layer,latency_ms\nx,0.5\ny,1e-05\n"


def read_yaml(tmp_path, text):
    (tmp_path / "t.yaml").write_text(text)
    return read_tables(tmp_path / "t.yaml")


def read_json(tmp_path, text):
    (tmp_path / "t.json").write_text(text)
    return read_tables(tmp_path / "t.json")


def read_csv(tmp_path, text):
    (tmp_path / "t.csv").write_text(text)
    return read_tables(tmp_path / "t.csv")


def test_the_formats_are_read_alike(tmp_path):
    (stated,) = read_yaml(tmp_path, GOOD)
    assert stated.resolution == 8
    assert stated.ms == {"Conv-input:8x8x3-output:4x4x16": 0.5, "Logits-input:1x1x8-output:4": 1e-05}
    same = {name: {"mean": ms} for name, ms in stated.ms.items()}
    assert read_json(tmp_path, json.dumps(same))[0].ms == stated.ms
    (mine,) = read_csv(tmp_path, CSV)
    assert (mine.resolution, mine.ms) == (None, {"x": 0.5, "y": 1e-05})
    assert sorted(s.where for s in read_tables(tmp_path)) == [
        str(tmp_path / f"t.{s}") for s in ("csv", "json", "yaml")
    ]


@pytest.mark.parametrize(
    ("was", "now", "message"),
    [
        ("mean: 0.5", "mean: -0.5", "Conv-input:8x8x3-output:4x4x16, mean: must be at least 0"),
        ("mean: 0.5", "mean: .nan", "mean: must be a finite number, not nan"),
        ("mean: 0.5", "mean: .inf", "mean: must be a finite number, not inf"),
        ("mean: 0.5", "mean: 1e999", "mean: must be a finite number, not inf"),
        ("mean: 0.5", f"mean: {10**400}", "mean: must be a finite number"),
        ("mean: 0.5", "mean: 1" + 5000 * "0", "not the YAML it should be"),
        ("mean: 0.5", "mean: fast", "mean: must be a finite number, not 'fast'"),
        ("mean: 0.5", "mean: true", "mean: must be a finite number, not True"),
        ("  mean: 0.5\n", "", "mean: is missing"),
        ("  mean: 0.5\n", "  mean: 0.5\n  mean: 0.6\n", "mean is there twice, the second time in line 4"),
        ("Logits-input:1x1x8-output:4", "Conv-input:8x8x3-output:4x4x16",
         "Conv-input:8x8x3-output:4x4x16 is there twice, the second time in line 5"),
        ("Logits-input:1x1x8-output:4", "Conv-input:16x16x3-output:4x4x16", "must have one layer Conv-input:RxRx3"),
        ("8x8x3", "8x16x3", "must have one layer Conv-input:RxRx3"),
        ("  std: 0.1\nLogits", "Logits", "has no std, as the others have"),
        ("Logits-input:1x1x8-output:4:\n", "Logits-input:1x1x8-output:4:\n-", "not the YAML it should be"),
        ("Logits-input:1x1x8-output:4", "? [a, b]\n", "a layer's name is a text, not seq"),
        ("Logits-input:1x1x8-output:4", "3", "3 is no layer's name"),
        ("mean: 0.5", "mean: !!python/object/apply:os.mkdir [trapped]", "not the YAML it should be"),
        ("mean: 0.5", "mean: &a 0.5\n  other: *a", "has an alias"),
        ("std: 0.1\n", "std: 0.1", "ends within a line"),
        (GOOD, "- 1\n", "must be an object with named fields, not list"),
        (GOOD, "", "ends within a line"),
        (GOOD, "{}\n", "holds no layers"),
        (GOOD, "[" * 5000 + "\n", "not the YAML it should be"),
        (GOOD, "when: 2001-99-99\n", "not the YAML it should be"),
    ],
)  # fmt: skip
def test_a_spoilt_yaml_is_refused_and_says_where(tmp_path, monkeypatch, was, now, message):
    monkeypatch.chdir(tmp_path)
    head, _, tail = GOOD.rpartition(was) if was == "std: 0.1\n" else GOOD.partition(was)
    with pytest.raises(FormatError) as caught:
        read_yaml(tmp_path, head + now + tail)
    assert message in str(caught.value)
    assert str(caught.value).startswith(str(tmp_path / "t.yaml"))
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "trapped").exists()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"a": {"mean": 1}, "a": {"mean": 2}}', "a is there twice"),
        ('{"a": {"mean": 1, "mean": 2}}', "mean is there twice"),
        ('{"a": {"mean": NaN}}', "a, mean: must be a finite number, not nan"),
        ('{"a": {"mean": -1}}', "a, mean: must be at least 0"),
        ('{"a": {"mean": "1"}}', "a, mean: must be a finite number, not '1'"),
        ('{"a": 1}', "a: must be an object"),
        ('{"a": {"mean": 1}}', "must have one layer Conv-input"),
        ('{"a": {"mean": 1', "not the JSON it should be"),
        ("[" * 100_000, "not the JSON it should be"),
        ("", "not the JSON it should be"),
    ],
)
def test_a_spoilt_json_is_refused_and_says_where(tmp_path, text, message):
    with pytest.raises(FormatError) as caught:
        read_json(tmp_path, text)
    assert message in str(caught.value)
    assert str(caught.value).startswith(str(tmp_path / "t.json"))


@pytest.mark.parametrize(
    ("was", "now", "message"),
    [
        ("x,0.5", "x,-0.5", "line 2, latency_ms: must be at least 0"),
        ("x,0.5", "x,nan", "line 2, latency_ms: must be a finite number"),
        ("x,0.5", "x,inf", "line 2, latency_ms: must be a finite number"),
        ("x,0.5", 'x,"0,5"', "line 2, latency_ms: must be a finite number of milliseconds, not '0,5'"),
        ("x,0.5", "x,", "line 2, latency_ms: must be a finite number of milliseconds, not ''"),
        ("x,0.5", "x", "line 2: has 1 cells, not 2"),
        ("x,0.5", "x,0.5,7", "line 2: has 3 cells, not 2"),
        ("y,1e-05", "x,1e-05", "line 3: layer x is there twice"),
        ("1e-05\n", "1e-0", "ends within a line"),
        ("layer,latency_ms", "layer,ms", "column 'ms' is none of layer, resolution, latency_ms"),
        ("layer,latency_ms", "layer,layer", "column 'layer' is there twice"),
        ("layer,latency_ms", "layer,resolution", "needs the column latency_ms, and either layer or kind"),
        ("layer,latency_ms", "kind,latency_ms", "needs the column latency_ms, and either layer or kind"),
        ("x,0.5", 'x,"0.5', "not CSV"),
        ("x,0.5\ny,1e-05\n", "", "holds no rows"),
        (CSV, "", "ends within a line"),
    ],
)
def test_a_spoilt_csv_is_refused_and_says_where(tmp_path, was, now, message):
    assert was in CSV
    with pytest.raises(FormatError) as caught:
        read_csv(tmp_path, CSV.replace(was, now))
    assert message in str(caught.value)
    assert str(caught.value).startswith(str(tmp_path / "t.csv"))


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("conv,3,16,8,4,,3,2,h_swish,0.5", None),
        ("cone,3,16,8,4,,3,2,h_swish,0.5", "line 2, kind: must be one of"),
        ("conv,3,16,8,4,,3,2,sigmoid,0.5", "line 2, act: must be one of"),
        ("conv,3,16,8.0,4,,3,2,h_swish,0.5", "line 2, in_size: must be a whole number"),
        ("conv,3,-16,8,4,,3,2,h_swish,0.5", "line 2, out_channels: must be a whole number"),
        (",3,16,8,4,,3,2,h_swish,0.5", "line 2, kind: is missing"),
    ],
)
def test_a_csv_of_a_layers_columns_is_read_and_checked(tmp_path, row, message):
    text = (
        f"kind,in_channels,out_channels,in_size,out_size,mid_channels,kernel,stride,act,latency_ms\n{row}\n"
    )
    if message is None:
        assert read_csv(tmp_path, text)[0].ms == {"conv-3x8-16x4-k3-s2-h_swish": 0.5}
        return
    with pytest.raises(FormatError, match=message):
        read_csv(tmp_path, text)


@pytest.mark.parametrize("resolution", ["0", "-8", "8px", "8.0"])
def test_a_resolution_that_is_none_is_refused(tmp_path, resolution):
    with pytest.raises(FormatError, match="line 2, resolution: must be a resolution in pixels"):
        read_csv(tmp_path, f"layer,resolution,latency_ms\nx,{resolution},0.5\n")


def test_a_byte_order_mark_and_blank_lines_are_passed_over(tmp_path):
    assert read_csv(tmp_path, "\ufefflayer,latency_ms\n\nx,0.5\n")[0].ms == {"x": 0.5}


def test_there_must_be_something_to_read(tmp_path):
    with pytest.raises(InputError, match=r"holds no \.yaml, \.yml, \.json, \.csv file"):
        read_tables(tmp_path)
    with pytest.raises(InputError, match="there is no such file"):
        read_tables(tmp_path / "none.yaml")
    (tmp_path / "table.txt").write_text(GOOD)
    with pytest.raises(InputError, match=r"table\.txt: is none of \.yaml"):
        read_tables(tmp_path / "table.txt")


def test_what_is_no_text_or_far_too_large_is_refused(tmp_path):
    (tmp_path / "t.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(FormatError, match="cannot be read as text"):
        read_tables(tmp_path / "t.yaml")
    with (tmp_path / "t.yaml").open("wb") as file:
        file.truncate(LARGEST_FILE + 1)
    with pytest.raises(FormatError, match="is larger than any table"):
        read_tables(tmp_path / "t.yaml")
