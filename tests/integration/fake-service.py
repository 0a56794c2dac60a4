#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A stand-in for emotiond: the bus interface of daemon/*.xml with invented faces, for tests of its clients.

Each line on standard input is a JSON object with one command; each is answered by one line on standard output:
  {"set": {"State": "idle"}}                 change properties, and say so on the bus
  {"faces": [...]}                           what GetFaces and ClassifyImage answer (see face())
  {"emit": ["EmotionChanged", 1, "unsure", "happiness", 0.9]}  a signal to each claimant
  {"emit": [...], "to": ":1.5"}              ... or to one name
  {"summary": [1000, 1200, [{"face": 1}]]}   the signal Summary to each claimant: a bin's begin and end in ms of the clock
                                             that does not run backwards, and its faces
  {"preview-bytes": 100}                     how much of its picture Preview gives
  {"preview-camera": 1}                      and the number of the camera that it says it is of
  {"fail": ["Claim", "org.x.Error.Y", "why"]} the next calls of a method fail; ["Claim"] ends that
  {"delay": ["Reload", 5]}                   a method answers so many seconds late
  {"cameras": [["/dev/video0", "state"]]}    the Camera objects, numbered from 0; [device, state, 7]: from 7 on. What comes
                                             and goes is told on the bus
  {"rename": true}                           lose the bus name and get it again, as a restart does
  {"rename": [...]}                          ... with these cameras
  {"claims": true}                           answers with the options of each claim
  {"calls": true}                            answers how often each method was called
The process ends at the end of its input, or with {"exit": STATUS}.
"""
import json
import os
import sys
import time

import dbus
import dbus.bus
import dbus.lowlevel
import dbus.mainloop.glib
from gi.repository import GLib

NAME = "org.emotiond.Emotion1"
ROOT = "/org/emotiond/Emotion1"
MANAGER, CAMERA = NAME + ".Manager", NAME + ".Camera"
PROPERTIES, OBJECT_MANAGER = "org.freedesktop.DBus.Properties", "org.freedesktop.DBus.ObjectManager"
EMOTIONS = ["anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral"]


def variants(d):
    return dbus.Dictionary({k: variant(k, v) for k, v in d.items()}, signature="sv")


def variant(key, v):
    """A Python value as the type that the interface gives this key."""
    if key == "box":
        return dbus.Struct([dbus.Double(x) for x in v], signature="dddd")
    if key == "landmarks":
        return dbus.Array([dbus.Struct([dbus.Double(x) for x in p], signature="dd") for p in v], signature="(dd)")
    if key == "scores":
        return dbus.Dictionary({k: dbus.Double(x) for k, x in v.items()}, signature="sd")
    if key == "camera":
        return dbus.ObjectPath(v)
    if key in ("offers", "in-use", "Features", "Emotions"):
        return dbus.Array(v, signature="s")
    if key in ("Model", "Statistics"):
        return variants(v)
    if key == "Plugins":
        return dbus.Array([variants(p) for p in v], signature="a{sv}")
    if key == "score-means":
        return dbus.Dictionary({k: dbus.Double(x) for k, x in v.items()}, signature="sd")
    if key == "emotion-ms":
        return dbus.Dictionary({k: dbus.UInt32(x) for k, x in v.items()}, signature="su")
    if key == "decisions":
        return dbus.Array(v, signature="u")
    if key == "attention":
        return dbus.Boolean(v)
    if key in ("present-ms", "attention-ms", "face", "input-width", "input-height", "Width", "Height", "claims", "uid", "pid"):
        return dbus.UInt32(v)
    if isinstance(v, bool):
        return dbus.Boolean(v)
    if isinstance(v, int):
        return dbus.UInt64(v)
    if isinstance(v, float):
        return dbus.Double(v)
    return dbus.String(v)


def face(number=1, emotion="happiness", confidence=0.9, points=0, **pose):
    """One face of GetFaces, with everything in it."""
    rest = (1 - confidence) / (len(EMOTIONS) - 1)
    now = time.monotonic_ns() // 1000
    return {
        "face": number, "camera": ROOT + "/camera/0", "emotion": emotion, "confidence": confidence,
        "scores": {e: confidence if e == emotion else rest for e in EMOTIONS},
        "box": [10.5, 20.0, 80.0, 90.25], "landmarks": [[float(i), 2.0 * i] for i in range(points)],
        "since": now - 3000000, "seen": now, "quality": 0.75, **pose,
    }


class Refusal(Exception):
    """A D-Bus error: its name and message."""


class Service:
    def __init__(self, bus):
        self.bus = bus
        self.claims, self.calls = {}, {}
        self.failures, self.delays = {}, {}
        self.faces = [face()]
        self.clients = [{"name": ":1.5", "since": time.monotonic_ns() // 1000, "uid": os.getuid(), "pid": os.getpid(),
                         "camera": ROOT + "/camera/0", "min-confidence": 0.5},
                        {"name": ":1.6", "since": time.monotonic_ns() // 1000}]
        self.preview_bytes, self.preview_camera = 320 * 240, 0
        self.manager = {
            "Version": "0.1.0", "Features": ["claims", "classify-image", "replay"], "State": "watching",
            "LastError": "", "LastErrorText": "", "Enabled": True, "InUse": True, "Emotions": EMOTIONS,
            "Model": {"file": "/usr/share/emotiond/models/fake.onnx", "sha256": "0" * 64, "name": "fake",
                      "licence": "CC0-1.0", "input-width": 48, "input-height": 48},
            "Plugins": [
                {"name": "box", "version": "0.1.0", "description": "the detector's box", "licence": "LGPL-2.1-or-later",
                 "file": "/usr/lib/emotiond/plugins/box.so", "offers": ["aligner"], "in-use": ["aligner"],
                 "third-party": False},
                {"name": "broken", "version": "", "description": "", "licence": "", "file": "/tmp/broken.so",
                 "offers": [], "in-use": [], "third-party": True, "error": "ABI 7, but this emotiond speaks 1"},
            ],
            "Tainted": False,
            "Zones": dbus.Array([], signature="(sa(dd))"), "ClosedHours": "",
            "Statistics": {"frames": 100, "frames-dropped": 2, "events": 3, "events-lost": 0, "claims": 0},
        }
        self.cameras = {}
        self.set_cameras([["/dev/video0", "streaming"]])

    def set_cameras(self, cameras):
        self.cameras, number = {}, 0
        for device, state, *first in cameras:
            number = first[0] if first else number
            self.cameras["%s/camera/%d" % (ROOT, number)] = {
                "Device": device, "Name": "Fake Camera", "State": state, "Format": "MJPG", "Width": 640, "Height": 480,
                "FrameRate": 30.0, "MeasuredFrameRate": 29.5, "Frames": 98, "FramesDropped": 2, "LastError": "",
            }
            number += 1

    def plug(self, cameras):
        """Sets the cameras, and says on the bus which came and went."""
        before = self.cameras
        self.set_cameras(cameras)
        for path in before.keys() - self.cameras.keys():
            self.tell_objects("InterfacesRemoved", path, dbus.Array([CAMERA], signature="s"), "oas")
        for path in self.cameras.keys() - before.keys():
            self.tell_objects("InterfacesAdded", path, self.interfaces(path), "oa{sa{sv}}")

    def interfaces(self, path):
        return dbus.Dictionary({CAMERA: variants(self.cameras[path])}, signature="sa{sv}")

    def tell_objects(self, member, path, what, signature):
        signal = dbus.lowlevel.SignalMessage(ROOT, OBJECT_MANAGER, member)
        signal.append(dbus.ObjectPath(path), what, signature=signature)
        self.bus.send_message(signal)

    # ---- calls

    def properties(self, path, interface):
        if path == ROOT and interface == MANAGER:
            return self.manager
        if path in self.cameras and interface == CAMERA:
            return self.cameras[path]
        raise KeyError(path)

    def managed(self):
        objects = {dbus.ObjectPath(p): self.interfaces(p) for p in self.cameras}
        return dbus.Dictionary(objects, signature="oa{sa{sv}}")

    def answer(self, message):
        """Returns the arguments of the reply; raises Refusal, or KeyError for what there is not."""
        path, interface, member = message.get_path(), message.get_interface(), message.get_member()
        args, sender = message.get_args_list(), message.get_sender()
        if interface == PROPERTIES and member == "GetAll":
            return [variants(self.properties(path, args[0]))]
        if interface == PROPERTIES and member == "Get":
            return [variant(args[1], self.properties(path, args[0])[args[1]])]
        if member == "GetManagedObjects" and path == ROOT:
            return [self.managed()]
        if interface != MANAGER or path != ROOT:
            raise KeyError(member)
        if member == "Claim":
            if args[0].get("camera") not in [None, *self.cameras]:
                raise Refusal(NAME + ".Error.InvalidOption", "camera: there is no " + args[0]["camera"])
            self.claims[sender] = args[0]
        elif member == "Release":
            del self.claims[sender]
        elif member in ("Enable", "Disable"):
            self.set_manager({"Enabled": member == "Enable", "State": "idle" if member == "Enable" else "disabled"})
        elif member == "GetFaces":
            return [dbus.Array([variants(f) for f in self.faces], signature="a{sv}")]
        elif member == "GetStatistics":
            return [variants(self.manager["Statistics"])]
        elif member == "GetClients":
            return [dbus.Array([variants(c) for c in self.clients], signature="a{sv}")]
        elif member == "ClassifyImage":
            os.close(args[0].take())
            hidden = ("face", "camera", "since", "seen")
            return [dbus.Array([variants({k: v for k, v in f.items() if k not in hidden}) for f in self.faces],
                               signature="a{sv}")]
        elif member == "Preview":
            fd = os.memfd_create("preview")
            os.write(fd, bytes(64 + x // 4 for y in range(240) for x in range(320))[:self.preview_bytes])
            faces = dbus.Array([variants(f) for f in self.faces], signature="a{sv}")
            return [dbus.types.UnixFd(fd), dbus.UInt32(320), dbus.UInt32(240), faces,
                    variants({"camera": "%s/camera/%d" % (ROOT, self.preview_camera), "timestamp": 77})]
        elif member != "Reload":
            raise KeyError(member)
        return []

    def on_message(self, connection, message):
        if message.get_type() == 4 and message.get_member() == "NameOwnerChanged":
            name, _, new = message.get_args_list()
            if not new:
                self.claims.pop(str(name), None)
        if message.get_type() != 1:
            return dbus.lowlevel.HANDLER_RESULT_NOT_YET_HANDLED
        member = message.get_member()
        self.calls[member] = self.calls.get(member, 0) + 1
        if member in self.failures:
            reply = dbus.lowlevel.ErrorMessage(message, *self.failures[member])
        else:
            try:
                args = self.answer(message)
                reply = dbus.lowlevel.MethodReturnMessage(message)
                for a in args:
                    self.append(reply, a)
            except Refusal as e:
                reply = dbus.lowlevel.ErrorMessage(message, *e.args)
            except KeyError as e:
                reply = dbus.lowlevel.ErrorMessage(message, "org.freedesktop.DBus.Error.UnknownMethod", str(e))
        if self.delays.get(member):
            GLib.timeout_add(int(1000 * self.delays[member]), connection.send_message, reply)
        else:
            connection.send_message(reply)
        return dbus.lowlevel.HANDLER_RESULT_HANDLED

    @staticmethod
    def append(message, a):
        if isinstance(a, dbus.types.UnixFd):
            message.append(a, signature="h")
        elif isinstance(a, dbus.UInt32):
            message.append(a, signature="u")
        elif isinstance(a, dbus.Dictionary):
            message.append(a, signature="a{%s}" % a.signature)
        elif isinstance(a, dbus.Array):
            message.append(a, signature="a" + a.signature)
        else:
            message.append(a, signature="v")

    # ---- signals and commands

    def set_manager(self, changed):
        self.manager.update(changed)
        signal = dbus.lowlevel.SignalMessage(ROOT, PROPERTIES, "PropertiesChanged")
        signal.append(MANAGER, variants(changed), dbus.Array([], signature="s"), signature="sa{sv}as")
        self.bus.send_message(signal)

    def emit(self, member, args, to):
        now = time.monotonic_ns() // 1000
        details = {"camera": ROOT + "/camera/0", "box": [1.0, 2.0, 3.0, 4.0]}
        hear = [d for d, options in self.claims.items() if options.get("camera") in [None, *self.cameras]]
        for destination in [to] if to else hear:
            signal = dbus.lowlevel.SignalMessage(ROOT, MANAGER, member)
            signal.set_destination(destination)
            if member == "EmotionChanged":
                details["scores"] = face(emotion=args[2], confidence=args[3])["scores"]
                signal.append(args[0], args[1], args[2], float(args[3]), now, variants(details), signature="ussdta{sv}")
            elif member == "AttentionChanged":
                signal.append(args[0], args[1], now, variants({**details, "yaw": 12.5, "pitch": -3.0, "roll": 0.0}),
                              signature="ubta{sv}")
            else:
                signal.append(args[0], now, variants(details), signature="uta{sv}")
            self.bus.send_message(signal)
        self.bus.flush()

    def emit_summary(self, begin_ms, end_ms, faces, to):
        for destination in [to] if to else list(self.claims):
            signal = dbus.lowlevel.SignalMessage(ROOT, MANAGER, "Summary")
            signal.set_destination(destination)
            signal.append(1000 * begin_ms, 1000 * end_ms, dbus.ObjectPath(ROOT + "/camera/0"),
                          dbus.Array([variants(f) for f in faces], signature="a{sv}"), signature="ttoaa{sv}")
            self.bus.send_message(signal)
        self.bus.flush()

    def command(self, c):
        if "set" in c:
            self.set_manager(c["set"])
        if "preview-bytes" in c:
            self.preview_bytes = c["preview-bytes"]
        if "preview-camera" in c:
            self.preview_camera = c["preview-camera"]
        if "faces" in c:
            self.faces = [face(**f) for f in c["faces"]]
        if "cameras" in c:
            self.plug(c["cameras"])
        if "camera-error" in c:
            for camera in self.cameras.values():
                camera["LastError"] = c["camera-error"]
        if "camera-name" in c:
            for camera in self.cameras.values():
                camera["Name"] = c["camera-name"]
        if "emit" in c:
            self.emit(c["emit"][0], c["emit"][1:], c.get("to"))
        if "summary" in c:
            self.emit_summary(*c["summary"], c.get("to"))
        if "fail" in c:
            member, *error = c["fail"]
            self.failures.pop(member, None)
            if error:
                self.failures[member] = error
        if "delay" in c:
            self.delays[c["delay"][0]] = c["delay"][1]
        if "rename" in c:
            self.claims.clear()
            self.bus.release_name(NAME)
            if c["rename"] is not True:
                self.set_cameras(c["rename"])
            self.bus.request_name(NAME)
        if "exit" in c:
            os._exit(c["exit"])
        told = {"claims": {str(k): v for k, v in self.claims.items()}, "calls": self.calls}
        return {k: v for k, v in told.items() if k in c}


def main():
    dbus.mainloop.glib.DBusGMainLoop(set_as_default=True)
    bus = dbus.SystemBus()
    service = Service(bus)
    bus.add_message_filter(service.on_message)
    bus.add_match_string("type='signal',sender='org.freedesktop.DBus',member='NameOwnerChanged'")
    bus.request_name(NAME)
    loop = GLib.MainLoop()

    def on_input(fd, condition):
        line = sys.stdin.readline()
        if not line:
            loop.quit()
            return False
        print(json.dumps(service.command(json.loads(line))), flush=True)
        return True

    GLib.io_add_watch(0, GLib.PRIORITY_DEFAULT, GLib.IO_IN | GLib.IO_HUP, on_input)
    print(json.dumps({"ready": True}), flush=True)
    loop.run()


main()
