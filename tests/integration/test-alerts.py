#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The alert rules and the Grafana board: promtool tests the rules, and both ask only for figures that the bridge has."""
import json
import os
import re
import shutil
import subprocess

import lib
from bridgelib import Bridge
from lib import Skip, contains, equal

FOLDER = os.path.join(lib.SRCDIR, "docs", "examples", "prometheus")
RULES = os.path.join(FOLDER, "emotiond-alerts.yml")
TESTS = os.path.join(FOLDER, "emotiond-alerts-test.yml")
BOARD = os.path.join(FOLDER, "emotiond-board.json")
bus = lib.Bus()


def promtool(*args):
    if not shutil.which("promtool"):
        raise Skip("the Debian package prometheus is not installed")
    p = subprocess.run(["promtool", *args], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return p.returncode, p.stdout


def read(path):
    with open(path) as f:
        return f.read()


def names(text):
    return set(re.findall(r"\b((?:emotiond|emotion_bridge|process)_[a-z_]+)\b(?=\{|\[| |\))", text)) - {"emotion_bridge_info"}


def test_rules():
    """each alert fires in its trouble and keeps quiet about a good screen"""
    code, said = promtool("test", "rules", TESTS)
    equal(code, 0, said)
    contains(said, "SUCCESS")


def test_rules_can_fail():
    """the test of the rules finds a rule that never fires"""
    text = read(RULES).replace("emotiond_camera_failed{job=\"emotiond\"} == 1", "emotiond_camera_failed{job=\"emotiond\"} == 2")
    for path, content in (("emotiond-alerts.yml", text), ("emotiond-alerts-test.yml", read(TESTS))):
        with open(os.path.join(bus.folder, path), "w") as f:
            f.write(content)
    code, said = promtool("test", "rules", os.path.join(bus.folder, "emotiond-alerts-test.yml"))
    equal(code != 0, True)
    contains(said, "EmotionCameraFailed")


def test_each_alert_is_tested():
    """each alert of the rules has a test that wants it to fire"""
    alerts = set(re.findall(r"- alert: (\w+)", read(RULES)))
    tests = read(TESTS)
    for name in alerts:
        equal(re.search(r"alertname: %s\n *exp_alerts:\n" % name, tests) is not None, True, name)


def test_figures_exist():
    """rules and board ask for figures that the bridge tells; those of MQTT are compared with the source"""
    board = json.loads(read(BOARD))
    asked = names(read(RULES).split("rules:", 1)[1])
    for panel in board["panels"]:
        for target in panel["targets"]:
            asked |= names(target["expr"])
    equal(len(asked) > 12, True, str(asked))
    source = read(os.path.join(lib.SRCDIR, "bridge", "metrics.c"))
    with Bridge(bus) as b:
        told = b.ask("GET", "/metrics")[2].decode()
    for name in asked:
        if not re.search(r"^# TYPE %s " % name, told, re.M):
            contains(source, '"%s"' % name)


def test_board_expressions():
    """the board's expressions are ones that Prometheus can read"""
    rules = ["groups:", "  - name: board", "    rules:"]
    board = json.loads(read(BOARD))
    n = 0
    for panel in board["panels"]:
        for target in panel["targets"]:
            n += 1
            rules += ["      - record: board:%d" % n, "        expr: %s" % json.dumps(target["expr"].replace("$screen", ".*"))]
    path = os.path.join(bus.folder, "board.yml")
    with open(path, "w") as f:
        f.write("\n".join(rules) + "\n")
    code, said = promtool("check", "rules", path)
    equal(code, 0, said)
    contains(said, "%d rules found" % n)
    equal(len({p["id"] for p in board["panels"]}), len(board["panels"]))


lib.run(globals())
