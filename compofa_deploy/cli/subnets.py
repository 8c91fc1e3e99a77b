"""Subnets as the command line names them."""

from __future__ import annotations

from pathlib import Path

from compofa_deploy.files.csv import read_text
from compofa_deploy.space.elastic_choices import ElasticChoices
from compofa_deploy.space.subnet import Subnet
from latency_tables.errors import InputError

CONFIG_SUFFIXES = (".json", ".config")


def read_subnet(text: str, choices: ElasticChoices) -> Subnet:
    """Read a subnet's id, OFA's config as JSON, or a file that holds one: ``.json``, or OFA's ``net.config``."""
    if not text.endswith(CONFIG_SUFFIXES):
        return Subnet.parse(text, choices)
    content = read_text(Path(text))
    try:
        return Subnet.parse(content, choices)
    except InputError as error:
        raise InputError(f"{text}: {error}") from None
