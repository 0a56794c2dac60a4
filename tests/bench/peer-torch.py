#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""peer-torch.py RECIPE BATCH BATCHES THREADS: trains the network of one of our recipes with PyTorch on noise, and
prints the seconds of the batches as JSON. Of the layers it knows those that the benchmark's recipes have."""
import json
import re
import sys
import time

import torch
from torch import nn
from torch.nn import functional as F


def value(text):
    if text[0] == '"':
        return text[1:-1]
    return {"true": True, "false": False}.get(text) if text in ("true", "false") else float(text)


def read(path):
    with open(path) as f:
        text = re.sub(r"#.*", "", f.read())
    start = text.index("network = (")
    size = int(re.search(r"width = (\d+)", text).group(1))
    layers = [{k: value(v) for k, v in re.findall(r'(\w+) = ("[^"]*"|[\w.-]+);', body)}
              for body in re.findall(r"\{([^{}]*)\}", text[start:text.index(");", start)])]
    training = text[text.index("training = {"):]
    number = lambda key, otherwise: float(m.group(1)) if (m := re.search(rf"{key} = ([\d.]+)", training)) else otherwise
    return size, layers, number("rate", 0.01), number("momentum", 0.9)


class Net(nn.Module):
    def __init__(self, size, layers):
        super().__init__()
        self.plan = layers
        self.parts = nn.ModuleList()
        x, shapes = torch.zeros(2, 1, size, size), {}
        for l in layers:
            l["part"] = len(self.parts)
            if "from" in l:
                x = shapes[l["from"]]
            self.parts.append(self.make(l, x))
            x = self.step(l, x, shapes)
            shapes[l.get("name")] = x

    @staticmethod
    def make(l, x):
        kind, channels = l["type"], x.shape[1]
        if kind == "conv":
            return nn.Conv2d(channels, int(l["filters"]), int(l.get("kernel", 3)), int(l.get("stride", 1)),
                             bias=l.get("bias", True))
        if kind == "fc":
            return nn.Linear(x[0].numel(), int(l["units"]))
        if kind == "batchnorm":
            return nn.BatchNorm2d(channels)
        if kind == "lrn":
            return nn.LocalResponseNorm(int(l["size"]), l["alpha"])
        if kind == "dropout":
            return nn.Dropout(l.get("rate", 0.5))
        return nn.Identity()

    @staticmethod
    def same(x, kernel, stride, fill=0.0):
        """Pads so that there are ceil(size / stride) results, the larger half last."""
        reach = max((x.shape[2] - 1) // stride * stride + kernel - x.shape[2], 0)
        if not reach:
            return x
        return F.pad(x, (reach // 2, reach - reach // 2) * 2, value=fill)

    def step(self, l, x, named):
        kind, part = l["type"], self.parts[l["part"]]
        kernel, stride = int(l.get("kernel", 3)), int(l.get("stride", 1))
        if kind == "conv":
            if stride == 1 and kernel % 2:
                return F.conv2d(x, part.weight, part.bias, padding=kernel // 2)
            return part(self.same(x, kernel, stride))
        if kind == "relu":
            return F.relu(x, inplace=True)
        if kind == "maxpool":
            kernel = int(l.get("kernel", 2))
            stride = int(l.get("stride", kernel))
            return F.max_pool2d(self.same(x, kernel, stride, -1e30) if l.get("same") else x, kernel, stride)
        if kind == "globalavgpool":
            return x.mean((2, 3))
        if kind == "fc":
            return part(x.flatten(1))
        if kind == "add":
            x = x + named[l["with"]]
        else:
            x = part(x)
        return F.relu(x, inplace=True) if l.get("activation") == "relu" else x

    def forward(self, x):
        named = {}
        for l in self.plan:
            x = self.step(l, named[l["from"]] if "from" in l else x, named)
            if "name" in l:
                named[l["name"]] = x
        return x


def main():
    path, batch, batches, threads = sys.argv[1], *map(int, sys.argv[2:])
    torch.manual_seed(1)
    torch.set_num_threads(threads)
    size, layers, rate, momentum = read(path)
    net = Net(size, layers)
    optimiser = torch.optim.SGD(net.parameters(), rate, momentum)
    data = torch.rand(batches, batch, 1, size, size)
    labels = torch.randint(7, (batches, batch))
    net.train()
    start = time.monotonic()
    for x, y in zip(data, labels):
        optimiser.zero_grad(set_to_none=True)
        loss = F.cross_entropy(net(x), y)
        loss.backward()
        optimiser.step()
    json.dump({"seconds": time.monotonic() - start,
               "parameters": sum(p.numel() for p in net.parameters())}, sys.stdout)


main()
