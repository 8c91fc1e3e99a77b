"""Comparisons as JUnit XML, the format of test viewers, with one test case for each model."""

from __future__ import annotations

import re
from collections.abc import Sequence
from xml.etree import ElementTree

from compofa_deploy.bench.outputs.formatting import format_change, format_interval
from compofa_deploy.bench.verdict import Comparison, Verdict

SUITE = "compofa bench compare"
NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that an XML 1.0 document must not contain (section 2.2)."""


def write_junit(comparisons: Sequence[Comparison]) -> bytes:
    """The document. A slower model is a failure, and one without a clear answer an error."""
    slower, unclear = (
        sum(c.verdict is verdict for c in comparisons) for verdict in (Verdict.SLOWER, Verdict.COULD_NOT_TELL)
    )
    counts = {
        "tests": str(len(comparisons)),
        "failures": str(slower),
        "errors": str(unclear),
        "time": f"{sum(c.seconds for c in comparisons):.3f}",
    }
    root = ElementTree.Element("testsuites", counts)
    suite = ElementTree.SubElement(root, "testsuite", {"name": SUITE, **counts, "skipped": "0"})
    for comparison in comparisons:
        _add_case(suite, comparison)
    ElementTree.indent(root)
    document: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return document + b"\n"


def _add_case(suite: ElementTree.Element, comparison: Comparison) -> None:
    attributes = {
        "classname": "latency",
        "name": NO_XML.sub("?", comparison.model),
        "time": f"{comparison.seconds:.3f}",
    }
    case = ElementTree.SubElement(suite, "testcase", attributes)
    change = f"{format_change(comparison.ratio)} ({format_interval(comparison)})"
    said = "\n".join([
        f"{comparison.verdict.value}: {change}",
        f"{comparison.old_ms:.4f} ms, now {comparison.new_ms:.4f} ms; {comparison.blocks} blocks",
        *comparison.notes,
    ])  # fmt: skip
    if comparison.verdict is Verdict.SLOWER:
        ElementTree.SubElement(case, "failure", {"message": f"slower by {change}", "type": "slower"})
    elif comparison.verdict is Verdict.COULD_NOT_TELL:
        message = NO_XML.sub("?", f"could not tell: {change}: {comparison.reason}")
        ElementTree.SubElement(case, "error", {"message": message, "type": "could not tell"})
    ElementTree.SubElement(case, "system-out").text = NO_XML.sub("?", said)
