#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""emotion-reactions of the build tree on a bus of its own, and a stand-in for emotiond that tells it bins."""
import atexit
import json
import os
import sqlite3
import subprocess
import tempfile
import time

import lib
from lib import Skip, equal, wait_for

import dbus

NAME = "org.emotiond.Reactions1"
ROOT = "/org/emotiond/Reactions1"
MANAGER, PLAY, ERROR = NAME + ".Manager", NAME + ".Play", NAME + ".Error."

bus = lib.Bus()


def interface(connection, name=MANAGER, path=ROOT):
    return dbus.Interface(connection.get_object(NAME, path, introspect=False), name)


class Reactions:
    """The service of the build tree, with a store of its own."""

    def __init__(self, config='privacy: { notice = "a sign at the door"; };', folder=None):
        if not os.path.exists(lib.tool("emotion-reactions")):
            raise Skip("emotion-reactions is not built")
        self.folder = folder or tempfile.mkdtemp(prefix="reactions-", dir=bus.folder)
        self.store = os.path.join(self.folder, "reactions.db")
        self.config = os.path.join(self.folder, "reactions.conf")
        with open(self.config, "w") as f:
            f.write(config)
        self.start()

    def start(self, wait=True):
        self.log_file = open(os.path.join(self.folder, "log"), "a+")
        self.process = subprocess.Popen([lib.tool("emotion-reactions"), "--config", self.config],
                                        env={**os.environ, "STATE_DIRECTORY": self.folder}, stdin=subprocess.DEVNULL,
                                        stdout=self.log_file, stderr=self.log_file)
        atexit.register(lib.end_process, self.process)
        self.connection = bus.connect()
        if wait:
            wait_for(lambda: self.connection.name_has_owner(NAME) or self.process.poll() is not None)

    def log(self):
        with open(self.log_file.name) as f:
            return f.read()

    @property
    def manager(self):
        return interface(self.connection)

    def get(self, name):
        return self.properties()[name]

    def properties(self, path=ROOT, interface=MANAGER):
        return dbus.Interface(self.connection.get_object(NAME, path, introspect=False),
                              "org.freedesktop.DBus.Properties").GetAll(interface)

    def begin(self, content, **options):
        return self.manager.Begin(content, dbus.Dictionary(options, signature="sv"))

    def end(self, play):
        return self.manager.End(play, dbus.Dictionary({}, signature="sv"))

    def report(self, **options):
        fd = self.manager.Query(dbus.Dictionary(options, signature="sv")).take()
        with os.fdopen(fd) as f:
            return json.load(f)

    def plays(self):
        with sqlite3.connect("file:%s?mode=ro" % self.store, uri=True) as db:
            return db.execute("SELECT content.name, reason FROM play JOIN content ON content.id = play.content "
                              "ORDER BY number").fetchall()

    def stop(self):
        self.connection.close()
        code = lib.end_process(self.process)
        log = self.log()
        if code != 0 or "Sanitizer" in log:
            raise AssertionError("emotion-reactions ended with %d:\n%s" % (code, log))

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        if kind is None:
            self.stop()
        else:
            lib.end_process(self.process)
            print("\n".join("# " + line for line in self.log().splitlines()[-20:]), flush=True)


def summed(number, present_ms=200, **more):
    """A face of the signal Summary, turned to the camera and smiling for as long as it was in view."""
    return {"face": number, "present-ms": present_ms, "attention-ms": present_ms, "emotion-ms": {"happiness": present_ms},
            "score-means": {"happiness": 0.75, "neutral": 0.25}, "quality": 0.9, "static": False, **more}


class Bins:
    """A stand-in for emotiond that tells bins which touch, from now on."""

    def __init__(self, s, fake):
        self.fake = fake
        wait_for(lambda: fake(claims=True)["claims"])
        equal([c.get("summary-ms") for c in fake(claims=True)["claims"].values()], [200])
        self.at = time.monotonic_ns() // 1000000
        # a claim counts once the labels are known
        wait_for(lambda: self.tell([], 1) or s.get("State") == "watching")

    def tell(self, faces, n=1):
        for _ in range(n):
            self.fake(summary=[self.at, self.at + 200, faces])
            self.at += 200
        while time.monotonic_ns() // 1000000 < self.at:
            time.sleep(0.01)
