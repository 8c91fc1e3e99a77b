"""Subnets as the command line names them."""

from __future__ import annotations

from pathlib import Path

from compofa_deploy.files.csv import read_text
from compofa_deploy.space.elastic_choices import Form
from compofa_deploy.space.subnet import Subnet
from latency_tables.errors import InputError

CONFIG_SUFFIX = ".json"


def read_subnet(text: str, form: Form) -> Subnet:
    """A subnet's id, OFA's config as JSON, or a ``.json`` file that holds one."""
    if not text.endswith(CONFIG_SUFFIX):
        return Subnet.parse(text, form)
    content = read_text(Path(text))
    try:
        return Subnet.parse(content, form)
    except InputError as error:
        raise InputError(f"{text}: {error}") from None
