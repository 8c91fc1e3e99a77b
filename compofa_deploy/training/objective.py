"""What training minimises."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F


def training_loss(
    logits: Tensor, labels: Tensor, label_smoothing: float, teacher_logits: Tensor | None = None, k: float = 0
) -> Tensor:
    """Cross-entropy with the label; with a teacher, 2 / (1 + k) * (k * soft cross-entropy + cross-entropy).

    Once-for-All's loss for knowledge distillation. Logits are (n, classes), labels (n,).
    """
    hard = F.cross_entropy(logits, labels, label_smoothing=label_smoothing)
    if teacher_logits is None or k == 0:
        return hard
    soft = F.cross_entropy(logits, teacher_logits.softmax(1))
    return 2 / (1 + k) * (k * soft + hard)
