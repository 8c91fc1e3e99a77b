"""What a pull request and a test viewer are told."""

from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compofa_deploy.bench.outputs.formatting import summarise
from compofa_deploy.bench.outputs.junit import write_junit
from compofa_deploy.bench.outputs.markdown import MARKER, write_markdown
from compofa_deploy.bench.verdict import Comparison, Verdict

REASON = "the interval is 4.0 % wide"


def make_comparison(verdict, model="small", notes=()):
    reason = REASON if verdict is Verdict.COULD_NOT_TELL else ""
    return Comparison(model, 1.02, 0.99, 1.05, verdict, 0.03, 1.5, 1.53, 20, 4.5, reason, tuple(notes))


ALL = [make_comparison(verdict, f"model-{verdict.name.lower()}") for verdict in Verdict]


def test_junit_counts_slower_as_failures_and_unclear_as_errors():
    root = ElementTree.fromstring(write_junit(ALL))
    (suite,) = root
    for element in (root, suite):
        assert [element.get(key) for key in ("tests", "failures", "errors")] == ["4", "1", "1"]
        assert float(element.get("time")) == pytest.approx(4 * 4.5)
    cases = {case.get("name"): case for case in suite.iter("testcase")}
    assert len(cases) == 4
    children = {name: [child.tag for child in case] for name, case in cases.items()}
    assert children["model-same"] == children["model-faster"] == ["system-out"]
    assert children["model-slower"] == ["failure", "system-out"]
    assert children["model-could_not_tell"] == ["error", "system-out"]
    assert "+2.0 % (-1.0 % to +5.0 %)" in cases["model-slower"].find("failure").get("message")
    assert REASON in cases["model-could_not_tell"].find("error").get("message")


@given(st.text(min_size=1))
def test_any_name_makes_a_document_that_can_be_read(name):
    (suite,) = ElementTree.fromstring(write_junit([make_comparison(Verdict.SLOWER, name, [name])]))
    assert suite.find("testcase").get("name")
    assert len(write_markdown([make_comparison(Verdict.SAME, name)]).splitlines()) == len(
        write_markdown([make_comparison(Verdict.SAME)]).splitlines()
    )


def test_a_comment_has_a_row_for_each_model_and_every_remark():
    comment = write_markdown(
        [*ALL, make_comparison(Verdict.SAME, "noted", ["threads: 1, 2"])], ["gone is in old only"]
    )
    lines = comment.splitlines()
    assert lines[0] == MARKER
    assert lines[1] == (
        "### Latency: slower (5 models: 2 same, 1 faster, 1 slower, 1 could not tell; at most 3 % is allowed)"
    )
    rows = [line for line in lines if line.startswith("| :")]
    assert len(rows) == 5
    assert all(row.count("|") == 8 for row in rows)
    assert (
        ":x: slower | model-slower | +2.0 % | -1.0 % to +5.0 % | 1.500 ms | 1.530 ms | 20 in 4 s" in rows[2]
    )
    assert f"- model-could\\_not\\_tell: {REASON}" in lines
    assert "- noted: threads: 1, 2" in lines
    assert "- gone is in old only" in lines
    assert "one below 0.75% fails no build" in lines[-1]


def test_a_name_that_is_markup_stays_a_name():
    comment = write_markdown([make_comparison(Verdict.SAME, "a|b\n[x](y) <img>")])
    (row,) = [line for line in comment.splitlines() if line.startswith("| :")]
    assert "a\\|b \\[x\\](y) \\<img\\>" in row


@pytest.mark.parametrize(
    ("verdicts", "head"),
    [
        (
            [Verdict.SAME, Verdict.FASTER],
            "no regression (2 models: 1 same, 1 faster; at most 3 % is allowed)",
        ),
        ([Verdict.SLOWER], "slower (1 model: 1 slower; at most 3 % is allowed)"),
        ([Verdict.SAME, Verdict.COULD_NOT_TELL], "could not tell (2 models: 1 same, 1 could not tell;"),
    ],
)
def test_the_answer_is_one_line(verdicts, head):
    assert summarise(list(map(make_comparison, verdicts))).startswith(head)
