# SPDX-License-Identifier: LGPL-2.1-or-later
"""What networks say of a set of pictures."""

import torch

import pictures

EVAL_BATCH = 1024
N_BINS = 15


@torch.no_grad()
def logits(net, set_, aligned, mirror):
    """[1, n, 7], or with @mirror [2, n, 7], those of the mirror images last."""
    parts = []
    for first in range(0, set_.n, EVAL_BATCH):
        x = set_.pixels[first:first + EVAL_BATCH].float()
        if aligned:
            x = pictures.warp(x, set_.maps[first:first + EVAL_BATCH]).round()
        x = pictures.normalise(x)
        parts.append(torch.stack([net(v).float() for v in ([x, x.flip(3)] if mirror else [x])]))
    return torch.cat(parts, 1)


def answers(nets, set_, aligned, mirror):
    """Mean of the probabilities of @nets for each picture of the set."""
    return torch.cat([logits(net, set_, aligned, mirror).softmax(2) for net in nets]).mean(0)


def calibration_error(p, labels):
    """Expected calibration error with 15 bins of equal width."""
    confidence, winner = p.max(1)
    right, bins = (winner == labels).float(), (confidence * N_BINS).long().clamp(max=N_BINS - 1)
    return sum((confidence - right)[bins == i].sum().abs().item() for i in range(N_BINS)) / len(labels)


def accuracy(nets, set_, aligned=False, mirror=False):
    """In percent."""
    return (answers(nets, set_, aligned, mirror).argmax(1) == set_.labels).float().mean().item() * 100


def four(nets, set_):
    """As it is; the mean with the mirror image; aligned; aligned, the mean."""
    return [accuracy(nets, set_, aligned, mirror) for aligned in (False, True) for mirror in (False, True)]
