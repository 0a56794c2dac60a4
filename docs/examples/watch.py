#!/usr/bin/env python3
# SPDX-License-Identifier: MIT-0
"""Prints who is in view, and each change of expression; lasts through restarts of emotiond.

Debian packages: python3-dbus, python3-gi. Its user must be a member of the group "emotion".
"""
import dbus
import dbus.mainloop.glib
from gi.repository import GLib

NAME, PATH = "org.emotiond.Emotion1", "/org/emotiond/Emotion1"
MANAGER = NAME + ".Manager"
OPTIONS = {"min-confidence": 0.6, "min-hold-ms": dbus.UInt32(500)}


def call(method, signature, arguments, on_answer):
    bus.call_async(NAME, PATH, MANAGER, method, signature, arguments, on_answer, on_error)


def claim():
    call("Claim", "a{sv}", (OPTIONS,), lambda: call("GetFaces", "", (), on_faces))


def on_error(error):
    print(error.get_dbus_message(), flush=True)


def on_faces(faces):
    print(len(faces), "in view", flush=True)
    for face in faces:
        print(face["face"], "shows", face["emotion"], flush=True)


def on_emotion(face, before, after, confidence, usec, details):
    print(face, before, "->", after, "%.2f" % confidence, flush=True)


def on_owner(owner):
    """The service came or went: a claim lasts no longer than the service that took it."""
    if owner:
        claim()
    else:
        print("waiting for emotiond", flush=True)


def on_properties(interface, changed, invalidated):
    if changed.get("Enabled"):  # it was switched off, and may have refused the claim
        claim()


dbus.mainloop.glib.DBusGMainLoop(set_as_default=True)
bus = dbus.SystemBus()
bus.add_signal_receiver(on_emotion, "EmotionChanged", MANAGER, NAME, PATH)
bus.add_signal_receiver(on_properties, "PropertiesChanged", dbus.PROPERTIES_IFACE, NAME, PATH)
bus.watch_name_owner(NAME, on_owner)
# starts the service if it is not there; what becomes of that is told to on_owner()
bus.call_async(dbus.BUS_DAEMON_NAME, dbus.BUS_DAEMON_PATH, dbus.BUS_DAEMON_IFACE, "StartServiceByName", "su", (NAME, 0),
               lambda result: None, on_error)
GLib.MainLoop().run()
