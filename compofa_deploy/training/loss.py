"""The loss that training minimises."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F


def training_loss(
    logits: Tensor,
    targets: Tensor,
    label_smoothing: float,
    teacher_logits: Tensor | None = None,
    k: float = 0,
) -> Tensor:
    """Return the mean cross-entropy, and with a teacher Once-for-All's loss for knowledge distillation.

    Args:
        logits: (n, classes).
        targets: Labels (n,), or probabilities (n, classes).
        label_smoothing: The probability that is spread over all classes.
        teacher_logits: (n, classes); None where there is no teacher.
        k: The weight of the teacher in 2 / (1 + k) * (k * soft cross-entropy + cross-entropy).

    Returns:
        A scalar.
    """
    hard = F.cross_entropy(logits, targets, label_smoothing=label_smoothing)
    if teacher_logits is None or k == 0:
        return hard
    soft = F.cross_entropy(logits, teacher_logits.softmax(1))
    return 2 / (1 + k) * (k * soft + hard)
