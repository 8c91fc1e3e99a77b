"""OFA's published accuracy predictor, whose weights torch saved."""

from __future__ import annotations

from pathlib import Path

from compofa_deploy.accuracy.encoding import OFA_ENCODING
from compofa_deploy.accuracy.mlp import Mlp
from compofa_deploy.accuracy.predictor import AccuracyPredictor
from compofa_deploy.supernet.foreign_checkpoint import read_checkpoint
from latency_tables.errors import FormatError

OFA_SCALE = 100.0
"""OFA's predictor gives fractions."""


def read_ofa_predictor(path: Path, architecture: str | None = None) -> AccuracyPredictor:
    """Read the weights of OFA's predictor, an MLP of 128 features (Cai et al., ICLR 2020, section 3.4).

    This needs torch. A file that :meth:`AccuracyPredictor.save` wrote does not.

    Args:
        path: A file that torch saved. It is read as data alone: one that would run code is refused.
        architecture: The name of the architecture that the predictor was made for, where it is known.

    Raises:
        FormatError: An array does not fit; the first is named.
    """
    model = Mlp.from_arrays(read_checkpoint(path).arrays, str(path))
    if model.inputs != OFA_ENCODING.size:
        raise FormatError(
            f"{path}: reads {model.inputs} features, not the {OFA_ENCODING.size} of OFA's encoding"
        )
    return AccuracyPredictor(
        OFA_ENCODING, model, OFA_SCALE, architecture, None, f"OFA's weights, {path.name}"
    )
