#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What emotiond tells the service manager: ready, reloading, stopping, and that it lives."""
import os
import signal
import socket
import subprocess
import tempfile
import time

import lib
from lib import Skip, contains, equal

bus = lib.Bus()


class Notified:
    """emotiond without model and plugins, and the socket of a service manager."""

    def __init__(self):
        if not os.path.exists(lib.tool("emotiond")):
            raise Skip("emotiond is not built")
        self.folder = tempfile.mkdtemp(prefix="emotiond-", dir=bus.folder)
        self.config = os.path.join(self.folder, "emotiond.conf")
        self.write("")
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(os.path.join(self.folder, "notify"))
        self.socket.settimeout(lib.PATIENCE)
        env = {**os.environ, "NOTIFY_SOCKET": self.socket.getsockname(), "WATCHDOG_USEC": "900000",
               "STATE_DIRECTORY": self.folder}
        self.log = open(os.path.join(self.folder, "log"), "w+")
        self.process = subprocess.Popen([lib.tool("emotiond"), "--config", self.config, "--plugin-dir", self.folder,
                                         "--model-dir", self.folder, "--decoder", lib.tool("emotion-decode")], env=env, stderr=self.log)

    def write(self, text):
        with open(self.config, "w") as f:
            f.write(text)

    def wait(self, word):
        """All that was said up to the message with @word."""
        said = []
        end = time.monotonic() + lib.PATIENCE
        while time.monotonic() < end:
            message = self.socket.recv(4096).decode()
            said.append(message)
            if word in message:
                return said
        raise AssertionError("%s never came" % word)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        lib.end_process(self.process)
        self.socket.close()


def test_ready_reload_stop():
    """READY, RELOADING then READY also when the configuration or the model cannot be used, STOPPING"""
    with Notified() as n:
        contains(n.wait("READY=1")[-1], "STATUS=")
        n.process.send_signal(signal.SIGHUP)
        contains(n.wait("RELOADING=1")[-1], "MONOTONIC_USEC=")
        n.wait("READY=1")
        n.write("camera: { width = -1; };")
        n.process.send_signal(signal.SIGHUP)
        n.wait("RELOADING=1")
        n.wait("READY=1")
        n.process.terminate()
        n.wait("STOPPING=1")
        equal(n.process.wait(lib.PATIENCE), 0)


def test_watchdog():
    """The watchdog is fed while all is well, here with the camera closed, and not by a process that is stopped"""
    with Notified() as n:
        n.wait("READY=1")
        start = time.monotonic()
        for _ in range(3):
            n.wait("WATCHDOG=1")
        # at most 0.9 s each where nothing else runs
        if time.monotonic() - start > 30:
            raise AssertionError("three feeds took %.1f s" % (time.monotonic() - start))
        n.process.send_signal(signal.SIGSTOP)
        time.sleep(0.2)
        n.socket.settimeout(1)
        try:
            while True:
                n.socket.recv(4096)
        except socket.timeout:
            pass
        finally:
            n.process.send_signal(signal.SIGCONT)


lib.run(globals())
