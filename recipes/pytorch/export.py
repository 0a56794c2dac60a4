#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Weights that teach.py wrote as an ONNX file, for a recipe's `start` and `teachers`, or `emotion-nn train --init`.

    export.py RECIPE NAME.npz [--calibrate fer2013.pack] -o NAME.onnx

With --calibrate the logits are divided by one temperature, folded into the last layer: the one for which, over the
PublicTest rows, the mean of four expected calibration errors is least: of the pictures as they are and aligned, each
alone and with its mirror image.

Every layer is written by hand rather than traced: the names of layers are then those of the recipe, by which
`emotion-nn train` finds them, and paddings that differ from side to side stay attributes of the convolution.
"""

import argparse

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper

import pack
import pictures
from evaluate import calibration_error, logits
from network import SIDE, Frozen, Network, padding
from recipe import named_layers, read

LABELS = "anger,disgust,fear,happiness,sadness,surprise,neutral"
OPSET = 13
TEMPERATURES = np.arange(80, 131) / 100


def conv(name, layer, inputs, size):
    kernel, stride = layer.get("kernel", 3), layer.get("stride", 1)
    before, after = padding(size, kernel, stride)
    return [helper.make_node("Conv", [*inputs, f"{name}.weight", f"{name}.bias"], [name], name,
                             kernel_shape=[kernel] * 2, strides=[stride] * 2,
                             pads=[before, before, after, after])], -(-size // stride)


def nodes_of(recipe):
    """The nodes, the name of the last value, and in `alias` what layers that compute nothing stand for."""
    nodes, alias, sizes = [], {"": "input"}, {"": SIDE}
    for name, kind, layer, inputs in named_layers(recipe):
        size, values = sizes[inputs[0]], [alias[i] for i in inputs]
        alias[name] = name
        if kind == "conv":
            made, size = conv(name, layer, values, size)
        elif kind in ("batchnorm", "add"):
            made = [helper.make_node("Add", values, [f"{name}.sum"], f"{name}.1")] if kind == "add" else []
            last = f"{name}.sum" if kind == "add" else values[0]
            if layer.get("activation") == "relu":
                made.append(helper.make_node("Relu", [last], [name], f"{name}.relu"))
            else:
                alias[name] = last
        elif kind == "maxpool":
            made = [helper.make_node("MaxPool", values, [name], name, kernel_shape=[2, 2], strides=[2, 2])]
            size //= 2
        elif kind == "globalavgpool":
            made = [helper.make_node("GlobalAveragePool", values, [name], name)]
        elif kind == "fc":
            made = [helper.make_node("Flatten", values, [f"{name}.in"], f"{name}.flat"),
                    helper.make_node("Gemm", [f"{name}.in", f"{name}.weight", f"{name}.bias"], [name], name, transB=1)]
        else:
            made, alias[name] = [], values[0]
        nodes += made
        sizes[name] = size
    return nodes, alias[name]


def errors_at(temperature, said, labels):
    """The expected calibration errors of both framings, each alone and with the mirror image."""
    p = [(z / temperature).softmax(2) for z in said]
    return [calibration_error(q, labels) for both in p for q in (both[0], both.mean(0))]


def calibrate(recipe, tensors, path):
    """Divides the last layer by a temperature. Return: that, and the errors at 1 and at it."""
    network = Frozen(Network(recipe)).eval()
    network.load(tensors)
    valid = pictures.Pictures(pack.load(path), 1, None, torch.device("cpu"))
    said = [logits(network, valid, aligned, True) for aligned in (False, True)]
    errors = {t: errors_at(t, said, valid.labels) for t in TEMPERATURES}
    best = min(errors, key=lambda t: np.mean(errors[t]))
    last = [name for name, kind, _, _ in named_layers(recipe) if kind == "fc"][-1]
    for name in (f"{last}.weight", f"{last}.bias"):
        tensors[name] = tensors[name] / np.float32(best)
    return best, errors[1.0], errors[best]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("recipe")
    parser.add_argument("weights")
    parser.add_argument("--calibrate", metavar="PACK")
    parser.add_argument("-o", "--output", required=True)
    args = parser.parse_args()
    recipe = read(args.recipe)
    nodes, last = nodes_of(recipe)
    nodes.append(helper.make_node("Softmax", [last], ["probabilities"], "probabilities", axis=1))
    with np.load(args.weights) as f:
        tensors = dict(f)
    if args.calibrate:
        temperature, before, after = calibrate(recipe, tensors, args.calibrate)
        print(f"temperature {temperature:.2f}; calibration errors " + ", ".join(f"{e * 100:.2f}" for e in before)
              + " % before, " + ", ".join(f"{e * 100:.2f}" for e in after) + " % after")
    constants = [numpy_helper.from_array(t, name) for name, t in tensors.items()]
    graph = helper.make_graph(nodes, recipe["name"],
                              [helper.make_tensor_value_info("input", TensorProto.FLOAT, ["N", 1, SIDE, SIDE])],
                              [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["N", 7])], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)])
    model.ir_version = 7
    helper.set_model_props(model, {"emotiond.name": recipe["name"], "emotiond.labels": LABELS,
                                   "emotiond.output": "probabilities", "emotiond.licence": "LGPL-2.1-or-later",
                                   "emotiond.normalisation": recipe["input"]["normalisation"]})
    onnx.checker.check_model(model)
    onnx.save(model, args.output)


if __name__ == "__main__":
    main()
