# SPDX-License-Identifier: LGPL-2.1-or-later
"""Recipes, as `emotion-nn train` reads them; of their keys, those that are known here."""

import os

import libconf

LAYER_KEYS = {"conv": {"filters", "kernel", "stride", "bias"}, "batchnorm": {"activation"}, "maxpool": set(),
              "globalavgpool": set(), "dropout": {"rate"}, "add": {"activation"}, "fc": {"units"}}
OPTIMISER_KEYS = {"type", "rate", "momentum", "nesterov", "weight_decay"}
SCHEDULE = {"type": "cosine", "warmup_epochs": 1}
TRAINING_KEYS = {"epochs", "batch", "seed", "start", "optimiser", "schedule", "label_smoothing", "votes_task",
                 "distill", "average", "augment"}
INPUT = {"width": 48, "height": 48, "normalisation": "contrast"}


def check(training, path):
    optimiser = training["optimiser"]
    unknown = set(training) - TRAINING_KEYS | set(optimiser) - OPTIMISER_KEYS
    if unknown:
        raise ValueError(f"{path}: {', '.join(sorted(unknown))}: not known here")
    if optimiser["type"] != "sgd" or not optimiser["nesterov"] or dict(training["schedule"]) != SCHEDULE:
        raise ValueError(f"{path}: only SGD with Nesterov's momentum and {SCHEDULE} are known here")


def load(path):
    with open(path) as f:
        return libconf.load(f)


def read(path):
    """A recipe here may take its network from another one, `network_of`, by its path from this one."""
    recipe = load(path)
    check(recipe["training"], path)
    if "network_of" in recipe:
        of = load(os.path.join(os.path.dirname(path), recipe["network_of"]))
        recipe["network"], recipe["input"] = of["network"], of["input"]
    if dict(recipe["input"]) != INPUT:
        raise ValueError(f"{path}: only the input {INPUT} is known here")
    return recipe


def named_layers(recipe):
    """Name, type, settings and inputs (by name, "" is the picture) of each layer, named as `emotion-nn train` does."""
    last = ""
    for number, layer in enumerate(recipe["network"], 1):
        kind = layer["type"]
        unknown = set(layer) - LAYER_KEYS.get(kind, set()) - {"type", "name", "from", "with"}
        if kind not in LAYER_KEYS or unknown:
            raise ValueError(f"layer {number}, {kind}: {' '.join(sorted(unknown))} not known here")
        inputs = [layer.get("from", last)] + ([layer["with"]] if "with" in layer else [])
        last = layer.get("name", f"{kind}{number}")
        yield last, kind, layer, inputs
