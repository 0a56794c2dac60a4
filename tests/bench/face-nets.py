#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""face-nets.py FOLDER: networks of the forms that are common for faces, with random weights.

What they answer means nothing; their layers, sizes and the way exporters write them do. For tests/bench/foreign.py.
Needs python3-onnx.
"""
import os
import sys

import numpy
from onnx import TensorProto, helper, numpy_helper, save


class Net:
    """A graph that grows by one node at a time. Values are pairs of name and shape [N, C, H, W]."""

    def __init__(self, *shape, name="input"):
        self.nodes, self.weights, self.outputs = [], [], []
        self.random = numpy.random.default_rng(1)
        self.inputs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)]
        self.start = name, list(shape)

    def constant(self, array):
        name = f"c{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(array, name))
        return name

    def node(self, kind, inputs, shape, **attributes):
        name = f"v{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [name], name=f"n{len(self.nodes)}", **attributes))
        return name, shape

    def floats(self, *shape, scale=1.0):
        return self.constant((self.random.standard_normal(shape) * scale).astype(numpy.float32))

    def conv(self, x, k, side=3, stride=1, groups=1, pad=None, dilation=1, act="Relu", bias=True):
        c, h, w = x[1][1:]
        reach = dilation * (side - 1) + 1
        pads = [reach // 2] * 4 if pad is None else pad
        inputs = [x[0], self.floats(k, c // groups, side, side, scale=(2 / (side * side * c / groups)) ** 0.5)]
        if bias:
            inputs.append(self.floats(k, scale=0.1))
        shape = [1, k, (h + pads[0] + pads[2] - reach) // stride + 1, (w + pads[1] + pads[3] - reach) // stride + 1]
        return self.act(self.node("Conv", inputs, shape, kernel_shape=[side, side], strides=[stride, stride], pads=pads,
                                  group=groups, dilations=[dilation, dilation]), act)

    def act(self, x, kind):
        if kind is None:
            return x
        if kind == "Relu6":
            low, high = (self.constant(numpy.array(v, numpy.float32)) for v in (0, 6))
            return self.node("Clip", [x[0], low, high], x[1])
        if kind == "HardSwish":  # as it is written before opset 14
            return self.node("Mul", [x[0], self.node("HardSigmoid", [x[0]], x[1], alpha=1 / 6, beta=0.5)[0]], x[1])
        if kind == "Silu":
            return self.node("Mul", [x[0], self.node("Sigmoid", [x[0]], x[1])[0]], x[1])
        if kind == "PRelu":
            return self.node("PRelu", [x[0], self.constant(numpy.full((x[1][1], 1, 1), 0.2, numpy.float32))], x[1])
        if kind == "LeakyRelu":
            return self.node("LeakyRelu", [x[0]], x[1], alpha=0.1)
        return self.node(kind, [x[0]], x[1])

    def depthwise(self, x, side=3, stride=1, pad=None, dilation=1, act="Relu"):
        return self.conv(x, x[1][1], side, stride, x[1][1], pad, dilation, act)

    def separable(self, x, k, stride=1, act="Relu", inner="Relu"):
        return self.conv(self.depthwise(x, stride=stride, act=inner), k, 1, act=act)

    def inverted(self, x, k, stride, expand, act="Relu6", side=3, squeeze=False):
        y = self.conv(x, x[1][1] * expand, 1, act=act) if expand > 1 else x
        y = self.depthwise(y, side, stride, act=act)
        if squeeze:
            y = self.squeeze(y, act)
        y = self.conv(y, k, 1, act=None)
        return self.add(x, y) if x[1] == y[1] else y

    def squeeze(self, x, act):
        s = self.conv(self.average(x), max(8, x[1][1] // 4), 1, act=act)
        s = self.conv(s, x[1][1], 1, act="Sigmoid")
        return self.node("Mul", [x[0], s[0]], x[1])

    def average(self, x):
        return self.node("GlobalAveragePool", [x[0]], [1, x[1][1], 1, 1])

    def add(self, a, b):
        return self.node("Add", [a[0], b[0]], a[1])

    def batch_norm(self, x):
        c = x[1][1]
        ones = self.constant(numpy.ones(c, numpy.float32))
        return self.node("BatchNormalization", [x[0], ones, self.floats(c), self.floats(c), ones], x[1])

    def concat(self, parts):
        return self.node("Concat", [p[0] for p in parts], [1, sum(p[1][1] for p in parts)] + parts[0][1][2:], axis=1)

    def pool(self, x, side=2, stride=2, pad=0, kind="MaxPool"):
        shape = x[1][:2] + [(n + 2 * pad - side) // stride + 1 for n in x[1][2:]]
        return self.node(kind, [x[0]], shape, kernel_shape=[side, side], strides=[stride, stride], pads=[pad] * 4)

    def pad(self, x, pads, mode="constant"):
        shape = [n + pads[i] + pads[4 + i] for i, n in enumerate(x[1])]
        return self.node("Pad", [x[0], self.constant(numpy.array(pads, numpy.int64))], shape, mode=mode)

    def resize(self, x, h, w, **attributes):
        sizes = self.constant(numpy.array(x[1][:2] + [h, w], numpy.int64))
        return self.node("Resize", [x[0], "", "", sizes], x[1][:2] + [h, w], **attributes)

    def larger(self, x, mode="nearest"):
        if mode == "linear":
            return self.resize(x, 2 * x[1][2], 2 * x[1][3], mode=mode, coordinate_transformation_mode="half_pixel")
        return self.resize(x, 2 * x[1][2], 2 * x[1][3], mode=mode, coordinate_transformation_mode="asymmetric",
                           nearest_mode="floor")

    def transpose(self, x, *perm):
        return self.node("Transpose", [x[0]], [x[1][i] for i in perm], perm=perm)

    def reshape(self, x, *shape):
        n = int(numpy.prod(x[1]))
        known = -int(numpy.prod(shape)) if -1 in shape else 1
        shape = [n // known if s == -1 else s for s in shape]
        return self.node("Reshape", [x[0], self.constant(numpy.array(shape, numpy.int64))], shape)

    def dense(self, x, k):
        x = self.reshape(x, 1, -1)
        return self.node("Gemm", [x[0], self.floats(x[1][1], k, scale=0.02), self.floats(k)], [1, k])

    def rows(self, x, n):
        """A map as exporters of detectors flatten it: one row a box."""
        return self.reshape(self.transpose(x, 0, 2, 3, 1), 1, -1, n)

    def write(self, path, *outputs):
        parts = outputs
        if len(parts) > 1:
            parts = [self.reshape(p, 1, -1) for p in parts]
            parts = [self.node("Concat", [p[0] for p in parts], [1, sum(p[1][1] for p in parts)], axis=1)]
        out = helper.make_tensor_value_info(parts[0][0], TensorProto.FLOAT, parts[0][1])
        graph = helper.make_graph(self.nodes, "net", self.inputs, [out], self.weights)
        save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=7), path)


def yunet(side=320):
    n = Net(1, 3, side, side)
    x = n.separable(n.conv(n.start, 16, stride=2), 16, inner=None)
    maps = []
    for k, stages in ((64, 2), (64, 2), (64, 2), (64, 2)):
        x = n.pool(x)
        for _ in range(stages):
            x = n.separable(x, k, inner=None)
        maps.append(x)
    maps = maps[1:]
    for i in (1, 0):
        maps[i] = n.separable(n.add(maps[i], n.larger(maps[i + 1])), 64, inner=None)
    outputs = []
    for m in maps:
        m = n.separable(m, 64, inner=None)
        for k, act in ((1, "Sigmoid"), (1, "Sigmoid"), (4, None), (10, None)):
            outputs.append(n.act(n.rows(n.separable(m, k, act=None, inner=None), k), act))
    return n, outputs


def pfld(side=112):
    n = Net(1, 3, side, side)
    x = n.depthwise(n.conv(n.start, 64, stride=2))
    for i in range(5):
        x = n.inverted(x, 64, 2 if i == 0 else 1, 2, "Relu")
    x = n.inverted(x, 128, 2, 2, "Relu")
    for _ in range(6):
        x = n.inverted(x, 128, 1, 4, "Relu")
    a = n.inverted(x, 16, 1, 2, "Relu")
    b = n.conv(a, 32, 3, 2)
    c = n.conv(b, 128, b[1][2], pad=[0] * 4)
    parts = [n.reshape(n.pool(v, v[1][2], 1, kind="AveragePool") if v[1][2] > 1 else v, 1, -1) for v in (a, b, c)]
    flat = n.node("Concat", [p[0] for p in parts], [1, sum(p[1][1] for p in parts)], axis=1)
    return n, [n.dense(flat, 196)]


def mobilenet(side=224, width=1.0, squeeze=False, act="Relu6", classes=7):
    n = Net(1, 3, side, side)
    x = n.conv(n.start, 32, stride=2, act=act)
    for expand, k, count, stride, size in ((1, 16, 1, 1, 3), (6, 24, 2, 2, 3), (6, 32, 3, 2, 5 if squeeze else 3),
                                           (6, 64, 4, 2, 3), (6, 96, 3, 1, 5 if squeeze else 3), (6, 160, 3, 2, 3),
                                           (6, 320, 1, 1, 3)):
        for i in range(count):
            x = n.inverted(x, int(k * width), stride if i == 0 else 1, expand, act, size, squeeze)
    return n, [n.dense(n.average(n.conv(x, 1280, 1, act=act)), classes)]


def rfb(height=240, width=320):
    n = Net(1, 3, height, width)
    x = n.conv(n.start, 16, stride=2)
    for k, stride in ((32, 1), (32, 2), (32, 1), (64, 2), (64, 1), (64, 1)):
        x = n.separable(x, k, stride)
    branches = []
    for dilation in (2, 3, 5):
        y = n.conv(n.conv(x, 8, 1, act=None), 16, 3)
        branches.append(n.conv(y, 16, 3, dilation=dilation, act=None))
    y = n.conv(n.concat(branches), 64, 1, act=None)
    x = n.act(n.add(y, n.conv(x, 64, 1, act=None)), "Relu")
    maps = [x]
    for k, stride in ((128, 2), (128, 1), (128, 1), (256, 2), (256, 1)):
        x = n.separable(x, k, stride)
        if stride == 1 and (k == 256 or len(maps) == 1):
            maps.append(x)
    maps.append(n.conv(n.conv(x, 64, 1), 256, 3, 2))
    outputs = []
    for m in maps:
        anchors = 3 if m is maps[0] or m is maps[-1] else 2
        scores = n.rows(n.separable(m, 2 * anchors, act=None), 2)
        outputs += [n.node("Softmax", [scores[0]], scores[1], axis=2), n.rows(n.separable(m, 4 * anchors, act=None), 4)]
    return n, outputs


def blaze(side=128, act="Relu"):
    """As converters from TensorFlow write it: strides with a Pad of their own, channels added by a Pad."""
    n = Net(1, side, side, 3)
    x = n.transpose(n.start, 0, 3, 1, 2)
    x = n.conv(n.pad(x, [0, 0, 1, 1, 0, 0, 2, 2]), 24, 5, 2, pad=[0] * 4, act=act)

    def block(x, k, stride=1):
        y = n.pad(x, [0, 0, 0, 0, 0, 0, 1, 1]) if stride == 2 else x
        y = n.depthwise(y, 3, stride, [0] * 4 if stride == 2 else None, act=None)
        y = n.conv(y, k, 1, act=None)
        if stride == 2:
            x = n.pool(x)
        if k > x[1][1]:
            x = n.pad(x, [0] * 5 + [k - x[1][1], 0, 0])
        return n.act(n.add(y, x), act)

    for k, stride in ((24, 1), (28, 1), (32, 2), (36, 1), (42, 1), (48, 2), (56, 1), (64, 1), (72, 1), (80, 1), (88, 1)):
        x = block(x, k, stride)
    small = x
    for k, stride in ((96, 2), (96, 1), (96, 1), (96, 1), (96, 1)):
        small = block(small, k, stride)
    outputs = []
    for m, anchors in ((x, 2), (small, 6)):
        outputs += [n.rows(n.conv(m, anchors, 1, act=None), 1), n.rows(n.conv(m, 16 * anchors, 1, act=None), 16)]
    return n, outputs


def mesh(side=192):
    """A face mesh: PRelu, half bottlenecks, channels added by a Pad, NHWC outside."""
    n = Net(1, side, side, 3)
    x = n.transpose(n.start, 0, 3, 1, 2)
    x = n.conv(n.pad(x, [0, 0, 0, 0, 0, 0, 1, 1]), 16, 3, 2, pad=[0] * 4, act="PRelu")
    for stage, k in enumerate((16, 32, 64, 128, 128, 128)):
        for i in range(2 if stage < 5 else 3):
            if stage and i == 0:
                y = n.conv(x, k // 2, 2, 2, pad=[0] * 4, act="PRelu")
                x = n.pool(x)
                if k > x[1][1]:
                    x = n.pad(x, [0] * 5 + [k - x[1][1], 0, 0])
            else:
                y = n.conv(x, k // 2, 1, act="PRelu")
            x = n.act(n.add(n.conv(n.depthwise(y, act=None), k, 1, act=None), x), "PRelu")
    return n, [n.reshape(n.conv(n.conv(x, 32, 1, act="PRelu"), 1404, x[1][2], pad=[0] * 4, act=None), 1, -1)]


def segment(side=256):
    """Hard-Swish, squeeze and linear Resize of every map, as networks for selfies and BiSeNet are."""
    n = Net(1, 3, side, side)
    x = n.conv(n.pad(n.start, [0, 0, 1, 1, 0, 0, 1, 1], "reflect"), 16, 3, 2, pad=[0] * 4, act="HardSwish")
    maps = [x]
    for k, expand in ((24, 4), (40, 4), (96, 4)):
        x = n.inverted(x, k, 2, expand, "HardSwish", 3, True)
        x = n.inverted(x, k, 1, 3, "HardSwish", 5, True)
        maps.append(x)
    for m in reversed(maps[:-1]):
        x = n.conv(x, m[1][1], 1)
        x = n.add(n.larger(x, "linear"), m)
        x = n.add(x, n.depthwise(n.conv(x, m[1][1], 1)))
    x = n.larger(n.conv(x, 8), "linear")
    return n, [n.conv(x, 1, 1, act="Sigmoid")]


def hourglass(side=64):
    n = Net(1, 3, 4 * side, 4 * side)
    x = n.conv(n.start, 64, 7, 2)
    x = n.conv(n.pool(x), 128, 3)

    def glass(x, depth):
        low = n.conv(n.pool(x, kind="AveragePool"), 128, 3)
        low = glass(low, depth - 1) if depth else n.conv(low, 128, 3)
        return n.add(n.conv(x, 128, 3), n.larger(n.conv(low, 128, 3), "linear" if depth % 2 else "nearest"))

    return n, [n.conv(glass(x, 3), 68, 1, act=None)]


def resnet(side=64, channels=3, widths=(64, 128, 256, 512), act="Relu"):
    n = Net(1, channels, side, side)
    x = n.conv(n.start, widths[0], 3, 1 if side < 100 else 2, act=act)
    for stage, k in enumerate(widths):
        for i in range(2):
            stride = 2 if stage and i == 0 else 1
            y = n.conv(n.conv(x, k, 3, stride, act=act), k, 3, act=None)
            x = n.add(y, x if x[1] == y[1] else n.conv(x, k, 1, stride, act=None))
            x = n.act(x, act)
    return n, [n.dense(n.average(x), 7)]


def scrfd(side=320):
    n = Net(1, 3, side, side)
    x = n.conv(n.start, 16, stride=2)
    maps = []
    for k in (40, 72, 152, 288):
        for i in range(2):
            x = n.separable(x, k, 2 if i == 0 else 1)
        maps.append(x)
    maps = [n.conv(m, 64, 1, act=None) for m in maps[1:]]
    for i in (1, 0):
        maps[i] = n.add(maps[i], n.larger(maps[i + 1]))
    outputs = []
    for m in maps:
        m = n.separable(n.separable(n.conv(m, 64), 64), 64)
        outputs += [n.act(n.rows(n.conv(m, 2, act=None), 1), "Sigmoid"), n.rows(n.conv(m, 8, act=None), 4),
                    n.rows(n.conv(m, 20, act=None), 10)]
    return n, outputs


def xception(side=64):
    n = Net(1, side, side, 1)
    x = n.transpose(n.start, 0, 3, 1, 2)
    x = n.conv(n.conv(x, 8, pad=[0] * 4), 8, pad=[0] * 4)
    for k in (16, 32, 64, 128):
        y = n.separable(n.separable(x, k, inner=None), k, act=None, inner=None)
        y = n.pool(y, 3, 2, 1)
        x = n.add(y, n.conv(x, k, 1, 2, act=None))
    x = n.average(n.conv(x, 7, act=None))
    x = n.reshape(x, 1, -1)
    return n, [n.node("Softmax", [x[0]], x[1], axis=1)]


def dense_net(side=112):
    n = Net(1, 3, side, side)
    x = n.pool(n.conv(n.start, 32, 7, 2))
    for layers in (4, 6, 8):
        for _ in range(layers):
            y = n.conv(n.act(n.batch_norm(x), "Relu"), 64, 1)
            x = n.concat([x, n.conv(y, 16, 3, act=None, bias=False)])
        x = n.pool(n.conv(n.act(n.batch_norm(x), "Relu"), x[1][1] // 2, 1, act=None), kind="AveragePool")
    return n, [n.dense(n.average(x), 7)]


def shuffle(side=112):
    n = Net(1, 3, side, side)
    x = n.pool(n.conv(n.start, 24, stride=2), 3, 2, 1)

    def half(x, i):
        c = x[1][1] // 2
        ends = [n.constant(numpy.array([v], numpy.int64)) for v in (i * c, (i + 1) * c, 1)]
        return n.node("Slice", [x[0]] + ends, [1, c] + x[1][2:])

    def mix(parts):
        x = n.concat(parts)
        c, h, w = x[1][1:]
        return n.reshape(n.transpose(n.reshape(x, 1, 2, c // 2, h, w), 0, 2, 1, 3, 4), 1, c, h, w)

    for k, count in ((116, 4), (232, 8), (464, 4)):
        for i in range(count):
            if i == 0:
                a = n.conv(n.depthwise(x, stride=2, act=None), k // 2, 1)
                b = n.conv(n.depthwise(n.conv(x, k // 2, 1), stride=2, act=None), k // 2, 1)
            else:
                a = half(x, 0)
                b = n.conv(n.depthwise(n.conv(half(x, 1), k // 2, 1), act=None), k // 2, 1)
            x = mix([a, b])
    return n, [n.dense(n.average(n.conv(x, 1024, 1)), 7)]


def retina(side=320):
    n = Net(1, 3, side, side)
    x = n.conv(n.start, 8, stride=2, act="LeakyRelu")
    maps = []
    for i, (k, stride) in enumerate(((16, 1), (32, 2), (32, 1), (64, 2), (64, 1), (128, 2), (128, 1), (128, 1), (128, 1),
                                     (128, 1), (128, 1), (256, 2), (256, 1))):
        x = n.separable(x, k, stride, "LeakyRelu", "LeakyRelu")
        if i in (4, 10, 12):
            maps.append(n.conv(x, 64, 1, act="LeakyRelu"))
    for i in (1, 0):
        maps[i] = n.conv(n.add(maps[i], n.larger(maps[i + 1])), 64, act="LeakyRelu")
    outputs = []
    for m in maps:
        five = n.conv(m, 16, act="LeakyRelu")
        m = n.act(n.concat([n.conv(m, 32, act=None), n.conv(five, 16, act=None),
                            n.conv(n.conv(five, 16, act="LeakyRelu"), 16, act=None)]), "Relu")
        scores = n.rows(n.conv(m, 4, 1, act=None), 2)
        outputs += [n.node("Softmax", [scores[0]], scores[1], axis=2), n.rows(n.conv(m, 8, 1, act=None), 4),
                    n.rows(n.conv(m, 20, 1, act=None), 10)]
    return n, outputs


def moves(kind):
    """One Pad or Resize between two convolutions of 1x1 that cost little: mostly the time of a copy."""
    n = Net(1, 16, 128, 128)
    x = n.conv(n.start, 16, 1, act=None)
    x = {"pad": lambda: n.pad(x, [0, 0, 3, 3, 0, 0, 3, 3]),
         "reflect": lambda: n.pad(x, [0, 0, 3, 3, 0, 0, 3, 3], "reflect"),
         "edge": lambda: n.pad(x, [0, 0, 3, 3, 0, 0, 3, 3], "edge"),
         "channels": lambda: n.pad(x, [0, 0, 0, 0, 0, 8, 0, 0]),
         "linear": lambda: n.larger(x, "linear"),
         "shrink": lambda: n.resize(x, 64, 64, mode="linear", coordinate_transformation_mode="half_pixel"),
         "odd": lambda: n.resize(x, 200, 200, mode="linear", coordinate_transformation_mode="align_corners"),
         "near": lambda: n.resize(x, 200, 200, mode="nearest", coordinate_transformation_mode="half_pixel")}[kind]()
    return n, [n.node("Relu", [x[0]], x[1])]


NETS = {
    "yunet-320": yunet, "yunet-640": lambda: yunet(640), "pfld-112": pfld, "mobilenetv2-224": mobilenet,
    "mobilenetv2-112": lambda: mobilenet(112), "efficient-224": lambda: mobilenet(224, 1, True, "Silu"), "rfb-320": rfb,
    "rfb-640": lambda: rfb(480, 640), "blazeface-128": blaze, "blazeface-256": lambda: blaze(256), "mesh-192": mesh,
    "selfie-256": segment, "hourglass-256": hourglass, "resnet18-64": resnet,
    "resnet18-112-prelu": lambda: resnet(112, act="PRelu"), "gray-48": lambda: resnet(48, 1, (32, 64, 128)),
    "scrfd-320": scrfd, "mini-xception-64": xception, "densenet-112": dense_net, "shufflenet-112": shuffle,
    "retinaface-320": retina,
}


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__.splitlines()[0])
    os.makedirs(sys.argv[1], exist_ok=True)
    makers = dict(NETS)
    for kind in ("pad", "reflect", "edge", "channels", "linear", "shrink", "odd", "near"):
        makers[f"move-{kind}"] = lambda kind=kind: moves(kind)
    for name, make in makers.items():
        net, outputs = make()
        net.write(os.path.join(sys.argv[1], f"{name}.onnx"), *outputs)


if __name__ == "__main__":
    main()
