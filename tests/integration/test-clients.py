#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The clients of docs/examples, and the README's, tell expressions and go on when the service was killed under them."""
import atexit
import os
import re
import shutil
import subprocess
import sys
import tempfile

import lib  # first: it finds the interpreter that has dbus
from lib import Daemon, Skip, contains, wait_for

EXAMPLES = os.path.join(lib.SRCDIR, "docs", "examples")


class Running:
    """A client beside the test, and what it printed."""

    def __init__(self, *command):
        self.out = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen(command, stdout=self.out, stderr=self.out, stdin=subprocess.DEVNULL)
        atexit.register(lib.end_process, self.process)

    def text(self):
        return lib.read_beside(self.out)

    def wait(self, pattern, begin=0):
        """The end of the first text after @begin that matches."""
        def printed():
            if self.process.poll() is not None:
                raise AssertionError("the client ended with %d:\n%s" % (self.process.returncode, self.text()))
            return re.compile(pattern).search(self.text(), begin)
        try:
            return wait_for(printed).end()
        except AssertionError:
            print("# the client: " + self.text().replace("\n", "\n# "), flush=True)
            raise


def outlive(*command):
    """The client tells a change, loses the service, and tells a change of the next one."""
    with Daemon(bus, lib.synthetic_clip(), camera={"replay_loop": True}) as d:
        client = Running(*command)
        at = client.wait(r"in view\n")
        at = client.wait(r" -> (happiness|surprise|neutral|anger|sadness|fear|disgust) ", at)
        d.process.kill()
        d.process.wait()
        at = client.wait("waiting for emotiond\n", at)
        d.start()
        at = client.wait(r"in view\n", at)
        client.wait(r" -> (happiness|surprise|neutral|anger|sadness|fear|disgust) ", at)
        lib.end_process(client.process)


def compiled(name, package, debian):
    """A program of docs/examples, built with nothing of this source."""
    compiler = os.environ.get("CC") or shutil.which("cc") or shutil.which("gcc")
    if not compiler or subprocess.run(["pkg-config", "--exists", package]).returncode:
        raise Skip("a compiler and the Debian package %s are needed" % debian)
    flags = subprocess.run(["pkg-config", "--cflags", "--libs", package], stdout=subprocess.PIPE, text=True, check=True)
    program = os.path.join(bus.folder, name)
    p = subprocess.run([*compiler.split(), "-std=gnu11", "-Wall", "-Wextra", "-Wno-unused-parameter", "-Werror", "-o", program,
                        os.path.join(EXAMPLES, name + ".c"), *flags.stdout.split()], stderr=subprocess.PIPE, text=True)
    if p.returncode:
        raise AssertionError(p.stderr)
    return program


def readme_client():
    """The Python of the README, as a file."""
    path = os.path.join(bus.folder, "readme.py")
    with open(os.path.join(lib.SRCDIR, "README.md")) as f, open(path, "w") as out:
        out.write(re.search(r"```python\n(.*?)```", f.read(), re.S).group(1))
    return path


def test_readme():
    """The README's Python hears changes again after the service was killed"""
    with Daemon(bus, lib.synthetic_clip(), camera={"replay_loop": True}) as d:
        client = Running(sys.executable, "-u", readme_client())
        at = client.wait(r"\d+ \w+ -> \w+")
        d.process.kill()
        d.process.wait()
        d.start()
        at = len(client.text())
        client.wait(r"\d+ \w+ -> \w+", at)
        lib.end_process(client.process)


def test_python():
    """watch.py"""
    outlive(sys.executable, os.path.join(EXAMPLES, "watch.py"))


def test_node():
    """watch.js"""
    node = shutil.which("node")
    if not node or subprocess.run([node, "-e", "require('dbus-next')"], stderr=subprocess.DEVNULL).returncode:
        raise Skip("nodejs and the npm package dbus-next, found through NODE_PATH, are needed")
    outlive(node, os.path.join(EXAMPLES, "watch.js"))


def test_sdbus():
    """watch-sdbus.c"""
    outlive(compiled("watch-sdbus", "libsystemd", "libsystemd-dev"))


def test_gio():
    """watch-gio.c"""
    outlive(compiled("watch-gio", "gio-2.0", "libglib2.0-dev"))


def test_disabled():
    """A client that was refused because recognition is off claims once it is switched on"""
    with Daemon(bus, lib.synthetic_clip(), camera={"replay_loop": True}):
        lib.ctl("disable")
        client = Running(sys.executable, os.path.join(EXAMPLES, "watch.py"))
        at = client.wait("switched off|disabled|Disabled")
        lib.ctl("enable")
        client.wait(r" -> \w+ ", at)
        contains(client.text(), "in view")
        lib.end_process(client.process)


bus = lib.Bus()
lib.run(globals())
