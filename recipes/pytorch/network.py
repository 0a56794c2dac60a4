# SPDX-License-Identifier: LGPL-2.1-or-later
"""A recipe's `network` as a PyTorch module, its layers named and padded as `emotion-nn train` does."""

import torch
from torch import nn
from torch.nn import functional as F

from recipe import named_layers

SIDE = 48
BATCHNORM_EPSILON = 1e-5
BATCHNORM_MOMENTUM = 0.1


def padding(size, kernel, stride):
    """Before and after, so that ceil(size / stride) pixels leave; an odd one goes behind."""
    reach = max((-(-size // stride) - 1) * stride + kernel - size, 0)
    return reach // 2, reach - reach // 2


class Conv(nn.Module):
    def __init__(self, channels, layer):
        super().__init__()
        self.kernel, self.stride = layer.get("kernel", 3), layer.get("stride", 1)
        self.weight = nn.Parameter(torch.empty(layer["filters"], channels, self.kernel, self.kernel))
        self.bias = nn.Parameter(torch.zeros(layer["filters"])) if layer.get("bias", True) else None
        nn.init.kaiming_normal_(self.weight, mode="fan_in", nonlinearity="relu")
        self.channels = layer["filters"]

    def forward(self, x):
        before, after = padding(x.shape[2], self.kernel, self.stride)
        if before != after:
            x = F.pad(x, (before, after, before, after))
            before = 0
        return F.conv2d(x, self.weight, self.bias, self.stride, before)


class BatchNorm(nn.Module):
    def __init__(self, channels, layer):
        super().__init__()
        self.gamma = nn.Parameter(torch.ones(channels))
        self.beta = nn.Parameter(torch.zeros(channels))
        self.register_buffer("mean", torch.zeros(channels))
        self.register_buffer("variance", torch.ones(channels))
        self.relu = layer.get("activation") == "relu"
        self.channels = channels

    def forward(self, x):
        y = F.batch_norm(x, self.mean, self.variance, self.gamma, self.beta, self.training, BATCHNORM_MOMENTUM,
                         BATCHNORM_EPSILON)
        return F.relu(y) if self.relu else y

    def affine(self):
        """y = scale * x + shift with the running statistics."""
        scale = self.gamma / torch.sqrt(self.variance + BATCHNORM_EPSILON)
        return scale, self.beta - self.mean * scale


class FullyConnected(nn.Linear):
    def __init__(self, inputs, layer):
        super().__init__(inputs, layer["units"])
        nn.init.normal_(self.weight, std=0.01)
        nn.init.zeros_(self.bias)
        self.channels = layer["units"]

    def forward(self, x):
        return super().forward(x.flatten(1))


def run(network, x):
    """The input of the last layer and its output; network.plan has name, type and names of the inputs of each layer."""
    values = {"": x}
    for name, kind, inputs in network.plan:
        x = values[inputs[0]]
        values[name] = network.get_submodule(name)(x + values[inputs[1]] if kind == "add" else x)
    return x, values[name]


class Network(nn.Module):
    """Input [N, 1, H, W]; forward() gives logits [N, 7], and those of the votes' task if it trains."""

    def __init__(self, recipe):
        super().__init__()
        self.plan, channels = [], {"": 1}
        for name, kind, layer, inputs in named_layers(recipe):
            module = self.make(kind, channels[inputs[0]], layer)
            channels[name] = getattr(module, "channels", channels[inputs[0]])
            self.plan.append((name, kind, inputs))
            self.add_module(name, module)
        self.votes = FullyConnected(channels[self.plan[-1][2][0]], {"units": channels[name]})

    @staticmethod
    def make(kind, channels, layer):
        if kind == "conv":
            return Conv(channels, layer)
        if kind == "batchnorm":
            return BatchNorm(channels, layer)
        if kind == "fc":
            return FullyConnected(channels, layer)
        if kind == "maxpool":
            return nn.MaxPool2d(2)
        if kind == "globalavgpool":
            return nn.AdaptiveAvgPool2d(1)
        if kind == "dropout":
            return nn.Dropout(layer.get("rate", 0.5))
        return nn.ReLU() if layer.get("activation") == "relu" else nn.Identity()

    def forward(self, x):
        x, last = run(self, x)
        return (last, self.votes(x)) if self.training else last

    def folded(self):
        """Weight and bias by layer, each batch norm taken into the convolution before it: what an ONNX file holds."""
        tensors = {}
        for name, kind, inputs in self.plan:
            module = self.get_submodule(name)
            if kind == "batchnorm":
                conv = self.get_submodule(inputs[0])
                scale, shift = module.affine()
                tensors[f"{inputs[0]}.weight"] = conv.weight * scale[:, None, None, None]
                tensors[f"{inputs[0]}.bias"] = shift if conv.bias is None else shift + conv.bias * scale
            elif kind in ("conv", "fc"):
                tensors[f"{name}.weight"] = module.weight
                if module.bias is not None:
                    tensors[f"{name}.bias"] = module.bias
        return {name: t.detach().float().cpu().numpy().copy() for name, t in tensors.items()}

    @torch.no_grad()
    def adopt(self, tensors, pictures):
        """Takes over folded weights. The batch norms get the statistics that @pictures have, and undo them."""
        values = {"": pictures}
        for name, kind, inputs in self.plan:
            module, x = self.get_submodule(name), values[inputs[0]]
            if kind in ("conv", "fc"):
                module.weight.copy_(torch.as_tensor(tensors[f"{name}.weight"]))
            if kind == "fc" or kind == "conv" and module.bias is not None:
                module.bias.copy_(torch.as_tensor(tensors[f"{name}.bias"]))
            if kind == "batchnorm":
                module.mean.copy_(x.mean((0, 2, 3)))
                module.variance.copy_(x.var((0, 2, 3)))
                module.gamma.copy_(torch.sqrt(module.variance + BATCHNORM_EPSILON))
                module.beta.copy_(module.mean + torch.as_tensor(tensors[f"{inputs[0]}.bias"]).to(module.mean))
            values[name] = module.eval()(x + values[inputs[1]] if kind == "add" else x)


class Frozen(nn.Module):
    """A network with its batch norms folded, for answers only."""

    def __init__(self, network):
        super().__init__()
        self.plan = network.plan
        for name, kind, _ in self.plan:
            module = network.get_submodule(name)
            if kind == "batchnorm":
                module = nn.ReLU() if module.relu else nn.Identity()
            elif kind == "dropout":
                module = nn.Identity()
            elif kind == "conv":
                module = Conv(module.weight.shape[1], {"filters": module.channels, "kernel": module.kernel,
                                                       "stride": module.stride})
            elif kind == "fc":
                module = FullyConnected(module.in_features, {"units": module.out_features})
            self.add_module(name, module)
        self.requires_grad_(False)
        self.load(network.folded())

    @torch.no_grad()
    def load(self, tensors):
        for name, parameter in self.named_parameters():
            parameter.copy_(torch.as_tensor(tensors[name]))

    def forward(self, x):
        return run(self, x)[1]
