"""Reading a subnet that a user names: an id, a config, or a file that holds one."""

from __future__ import annotations

from pathlib import Path

from compofa_deploy.files.csv import read_text
from compofa_deploy.space.elastic_choices import ElasticChoices
from compofa_deploy.space.subnet import MBV3_CHOICES, Subnet
from latency_tables.errors import InputError

CONFIG_SUFFIXES = (".json", ".config")


def read_subnet(text: str, choices: ElasticChoices = MBV3_CHOICES) -> Subnet:
    """Reads a subnet's id, OFA's config as JSON, or a file that holds one: ``.json``, or OFA's ``net.config``.

    Args:
        text: The id, the JSON text or the file's path.
        choices: The elastic choices of the supernet's family.

    Raises:
        InputError: The text is none of these, or the file cannot be read; the message names the file.
    """
    if not text.endswith(CONFIG_SUFFIXES):
        return Subnet.parse(text, choices)
    content = read_text(Path(text))
    try:
        return Subnet.parse(content, choices)
    except InputError as error:
        raise InputError(f"{text}: {error}") from None
