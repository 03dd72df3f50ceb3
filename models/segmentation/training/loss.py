"""Soft Dice and cross-entropy against labels that say how much of a voxel a class fills."""

import torch
from torch.nn import functional


def soft_dice_and_cross_entropy(
    logits: torch.Tensor, labels: torch.Tensor, rarity: float
) -> torch.Tensor:
    """Loss of one image.

    Parameters
    ----------
    logits
        ``(1, classes, d, h, w)``.
    labels
        ``(k, d, h, w)``: the classes at k points of each voxel; their shares are the truth.
    rarity
        Exponent: how much more rare classes count in the cross-entropy; 0 for not at all.
    """
    classes = logits.shape[1]
    log_p = functional.log_softmax(logits[0].flatten(1).float(), 0)
    samples = labels.flatten(1).long()
    at_labels = log_p.gather(0, samples)
    filled = torch.bincount(samples.flatten(), minlength=classes).float() / len(samples)
    if rarity > 0:
        weights = ((filled / filled.sum()).clamp_min(1e-4) ** -rarity)[samples]
        cross_entropy = -(weights * at_labels).sum() / weights.sum()
    else:
        cross_entropy = -at_labels.mean()
    overlap = torch.zeros(classes).scatter_add(0, samples.flatten(), at_labels.exp().flatten())
    dice = (2 * overlap / len(samples) + 5) / (log_p.exp().sum(1) + filled + 5)
    return cross_entropy + (1 - dice).mean()
