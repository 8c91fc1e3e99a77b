"""OFA's published accuracy predictor: weights that torch saved."""

from __future__ import annotations

import pickle
import warnings
from pathlib import Path

from compofa_deploy.accuracy.encoding import OFA_ENCODING
from compofa_deploy.accuracy.mlp import Mlp
from compofa_deploy.accuracy.predictor import AccuracyPredictor
from latency_tables.errors import FormatError, InputError

OFA_SCALE = 100.0
"""OFA's predicts a fraction."""


def read_ofa_predictor(path: Path, architecture: str | None = None) -> AccuracyPredictor:
    """Read the weights of OFA's predictor, an MLP of 128 features (Cai et al., ICLR 2020, section 3.4), as torch saved
    them: as data alone, so that a file which wants to run code is refused.

    Needs torch; what :meth:`AccuracyPredictor.save` writes of it does not. :class:`FormatError` names the first array
    that does not fit.
    """
    try:
        import torch
    except ModuleNotFoundError:
        raise InputError(
            f"{path}: reading what torch saved needs torch; install it with: pip install 'compofa-deploy[train]', or "
            "run compofa accuracy import where it is installed and bring what it writes"
        ) from None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            state = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise InputError(f"{path}: there is no such file") from None
    except (OSError, EOFError, RuntimeError, ValueError, KeyError, pickle.UnpicklingError) as error:
        reason = str(error).strip().partition("\n")[0]
        raise FormatError(
            f"{path}: not weights that torch saved, cut off, or more than weights ({reason})"
        ) from None
    if isinstance(state, dict) and isinstance(state.get("state_dict"), dict):
        state = state["state_dict"]
    if not isinstance(state, dict) or not all(isinstance(value, torch.Tensor) for value in state.values()):
        raise FormatError(f"{path}: holds no arrays by name; save the predictor's state_dict")
    model = Mlp.from_arrays({str(name): value.numpy() for name, value in state.items()}, str(path))
    if model.inputs != OFA_ENCODING.size:
        raise FormatError(
            f"{path}: reads {model.inputs} features, not the {OFA_ENCODING.size} of OFA's encoding"
        )
    return AccuracyPredictor(
        OFA_ENCODING, model, OFA_SCALE, architecture, None, f"OFA's weights, {path.name}"
    )
