# SPDX-License-Identifier: LGPL-2.1-or-later
"""FER2013 on the device, and the random changes of train/task/augment.h for a whole batch at once."""

import numpy as np
import torch
from torch.nn import functional as F

from network import SIDE

CONTRAST_FLOOR = 8.0  # as nn_normalise()
BLUR_RADIUS = 2


class Pictures:
    """pixels [N, 1, 48, 48] of 0..255, labels [N], votes [N, 7] (0 where no tagger chose a class), maps [N, 2, 3] from
    the aligned picture's pixels to these."""

    def __init__(self, pack, usage, first, device):
        rows = np.flatnonzero(pack["usage"] == usage)[:first]

        def take(name):
            return torch.as_tensor(pack[name][rows]).to(device)
        self.pixels = take("pixels")[:, None]
        self.labels, self.votes, self.maps = take("labels").long(), take("votes"), take("maps")
        self.n = len(rows)


def normalise(x):
    mean = x.mean((2, 3), keepdim=True)
    deviation = (x - mean).square().mean((2, 3), keepdim=True).sqrt()
    return (x - mean) / deviation.clamp(min=CONTRAST_FLOOR)


def uniform(n, amount, device):
    return (torch.rand(n, device=device) * 2 - 1) * amount


def draw_maps(c, n, device):
    """[n, 3, 3] from the changed picture's pixels to those of the picture that is shown."""
    scale = torch.exp(uniform(n, np.log1p(c["scale"]), device))
    stretch = torch.exp(uniform(n, np.log1p(c["stretch"]) / 2, device))
    angle = uniform(n, c["rotate_deg"] * np.pi / 180, device)
    shear = uniform(n, c["shear"], device)
    shift = [uniform(n, c["shift"] * SIDE, device) for _ in range(2)]
    mirror = 1 - 2 * (torch.rand(n, device=device) < c["flip"]).float()
    x, y, cos, sin = scale * stretch, scale / stretch, torch.cos(angle), torch.sin(angle)
    a, b = mirror * cos * x, cos * shear - sin * y
    d, e = mirror * sin * x, sin * shear + cos * y
    centre = (SIDE - 1) / 2
    zero, one = torch.zeros_like(a), torch.ones_like(a)
    return torch.stack([a, b, centre + shift[0] - (a + b) * centre, d, e, centre + shift[1] - (d + e) * centre,
                        zero, zero, one], 1).view(n, 3, 3)


def warp(x, maps):
    """Bilinear; border pixels repeat outside. @maps: [n, 2, 3] from pixels of the result to those of @x."""
    at = torch.arange(SIDE, device=x.device, dtype=torch.float32)
    grid = torch.stack([at[None, :].expand(SIDE, SIDE), at[:, None].expand(SIDE, SIDE),
                        torch.ones(SIDE, SIDE, device=x.device)], -1)
    grid = torch.einsum("hwk,njk->nhwj", grid, maps) * (2 / (SIDE - 1)) - 1
    return F.grid_sample(x, grid, mode="bilinear", padding_mode="border", align_corners=True)


def blur(x, sigma):
    """Gaussian of sigma [n, 1, 1, 1] pixels, 0 for none."""
    k = torch.arange(-BLUR_RADIUS, BLUR_RADIUS + 1, device=x.device, dtype=torch.float32)
    taps = torch.exp(-0.5 * k.square() / sigma.clamp(min=0.05).square())
    taps = taps / taps.sum(3, keepdim=True)
    padded = F.pad(x, (BLUR_RADIUS,) * 4, mode="replicate")
    x = sum(padded[:, :, :, i:i + SIDE] * taps[..., i:i + 1] for i in range(2 * BLUR_RADIUS + 1))
    return sum(x[:, :, i:i + SIDE] * taps[..., i:i + 1] for i in range(2 * BLUR_RADIUS + 1))


def cut_out(x, c):
    n, device = x.shape[0], x.device
    side = round(c["cutout_size"] * SIDE)
    at = torch.arange(SIDE, device=device)
    first = [torch.randint(SIDE, (n, 1), device=device) - side // 2 for _ in range(2)]
    inside = [(at >= f) & (at < f + side) for f in first]
    hidden = inside[0][:, None, :, None] & inside[1][:, None, None, :]
    hidden &= (torch.rand(n, device=device) < c["cutout"])[:, None, None, None]
    return torch.where(hidden, x.mean((2, 3), keepdim=True), x)


def augment(x, maps, c):
    """@x: [n, 1, 48, 48] of 0..255; @maps: [n, 2, 3], how each is framed. Return: changed and normalised."""
    n, device = x.shape[0], x.device

    def each(amount):
        return uniform(n, amount, device)[:, None, None, None]
    x = warp(x, maps @ draw_maps(c, n, device))
    x = blur(x, torch.rand(n, 1, 1, 1, device=device) * c["blur_px"] * (torch.rand(n, 1, 1, 1, device=device) < 0.5))
    mean = x.mean((2, 3), keepdim=True)
    noise = torch.randn_like(x) * torch.rand(n, 1, 1, 1, device=device) * c["noise"]
    x = (mean + (x - mean) * (1 + each(c["contrast"])) + each(c["brightness"]) * 255 + noise).clamp(0, 255)
    return normalise(cut_out(x, c))
