#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What emotionctl says, and how soon, when systemd knows why emotiond is not there; this file is also that systemd."""
import os
import subprocess
import sys
import time

import lib  # first: it finds the interpreter that has dbus
from lib import BusConnection, DBusGMainLoop, GLib, contains, equal, wait_for

import dbus.service

SYSTEMD = "org.freedesktop.systemd1"
UNIT = "/org/freedesktop/systemd1/unit/emotiond_2eservice"


def be_systemd(load, active, result, status):
    """Owns systemd's name, and tells this of the unit until it is killed."""
    values = {"LoadState": load, "ActiveState": active, "Result": result, "ExecMainStatus": dbus.Int32(int(status))}

    class Unit(dbus.service.Object):
        @dbus.service.method("org.freedesktop.DBus.Properties", in_signature="ss", out_signature="v")
        def Get(self, interface, name):
            return values[name]

    connection = BusConnection(os.environ["DBUS_SYSTEM_BUS_ADDRESS"], mainloop=DBusGMainLoop())
    unit = Unit(connection, UNIT)
    equal(connection.request_name(SYSTEMD), dbus.bus.REQUEST_NAME_REPLY_PRIMARY_OWNER)
    GLib.MainLoop().run()
    return unit


class Systemd:
    def __init__(self, *state):
        self.process = subprocess.Popen([sys.executable, os.path.abspath(__file__), "systemd", *state])
        wait_for(lambda: bus_connection.name_has_owner(SYSTEMD))

    def __enter__(self):
        return self

    def __exit__(self, *args):
        lib.end_process(self.process)
        wait_for(lambda: not bus_connection.name_has_owner(SYSTEMD))


def set_journal(line):
    """The journalctl that emotionctl finds prints this line."""
    path = os.path.join(bus.folder, "bin", "journalctl")
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as f:
        f.write("#!/bin/sh\nprintf '%s'\n" % line)
    os.chmod(path, 0o755)


def status(*options):
    """Standard error of "emotionctl status", which must not have waited; the exit status says "not found"."""
    path = os.path.join(bus.folder, "bin") + ":" + os.environ["PATH"]
    begin = time.monotonic()
    p = subprocess.run([os.path.join(lib.BUILDDIR, "emotionctl"), "status", "--timeout=300", *options],
                       stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, "PATH": path},
                       timeout=600)
    equal(p.returncode, 3, p.stderr)
    assert time.monotonic() - begin < 200, "it waited"
    return p.stderr


def test_masked():
    """A unit that is masked is told, with how to undo that"""
    with Systemd("masked", "inactive", "success", "0"):
        contains(status(), "systemctl unmask emotiond")


def test_configuration():
    """Exit status 78 is an error in the configuration, and the journal's line says which"""
    set_journal("emotiond.conf, line 3: vision.keep_ms = 70000: this takes 0 to 60000")
    with Systemd("loaded", "failed", "exit-code", "78"):
        said = status()
        contains(said, "its configuration has an error: emotiond.conf, line 3")
        contains(said, "systemctl start emotiond")


def test_start_limit():
    """A unit that failed too often is told; where the journal may not be read, where to look"""
    set_journal("")
    with Systemd("loaded", "failed", "start-limit-hit", "1"):
        contains(status(), "several times in a row; \"journalctl -u emotiond\"")


def test_control_characters():
    """What the journal says cannot steer the terminal"""
    set_journal("a\\033]0;b\\007c")
    with Systemd("loaded", "failed", "exit-code", "1"):
        said = status()
        assert "\033" not in said and "\007" not in said, repr(said)


def test_not_loaded():
    """Where there is no such unit the bus has its say"""
    with Systemd("not-found", "inactive", "success", "0"):
        contains(status(), "emotiond is not running.")


def test_no_systemd():
    """Nor is systemd asked for where there is none"""
    contains(status(), "emotiond is not running.")


if sys.argv[1:2] == ["systemd"]:
    be_systemd(*sys.argv[2:])
lib.BUS_CONFIG = lib.BUS_CONFIG.replace("  <include>", """  <policy context="default">
    <allow own="%s"/>
    <allow send_destination="%s"/>
  </policy>
  <include>""" % (SYSTEMD, SYSTEMD))
bus = lib.Bus()
bus_connection = bus.connect()
lib.run(globals())
