#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Cameras as they are mounted: turned, mirrored, with zones that are not looked at, and closed at times."""
import time

import lib
from lib import Client, Daemon, contains, ctl, equal, refused, wait_for

bus = lib.Bus()


def camera(client):
    objects = lib.interface(client.connection, "org.freedesktop.DBus.ObjectManager").GetManagedObjects()
    return [i[lib.CAMERA] for i in objects.values() if lib.CAMERA in i][0]


def size(client):
    c = camera(client)
    return int(c["Width"]), int(c["Height"])


def opens(client):
    return int(client.get("Statistics")["camera-opens"])


def write(daemon, zones="", **groups):
    """Another configuration; @zones: the text of that group."""
    daemon.configure(**groups)
    with open(daemon.config, "a") as f:
        f.write("zones = {\n%s};\n" % zones)


def boxes(client):
    return [[float(v) for v in f["box"]] for f in client.manager.GetFaces()]


def test_turned():
    """A reload turns and mirrors the picture; the camera stays open, sizes and boxes are those of the picture as shown"""
    with Daemon(bus, lib.synthetic_clip(), vision={"min_face_px": 50}) as d:
        c = Client(bus)
        c.claim()
        wait_for(lambda: boxes(c))
        equal(size(c), (640, 480))
        upright = wait_for(lambda: boxes(c))[0]
        write(d, camera={"mirror": True}, vision={"min_face_px": 50})
        c.manager.Reload()

        def face_is_on_the_other_side():
            found = boxes(c)
            return found and abs(640 - found[0][0] - found[0][2] - upright[0]) < 0.3 * upright[2]
        wait_for(face_is_on_the_other_side)
        for degrees, wanted in ((90, (480, 640)), (180, (640, 480)), (270, (480, 640))):
            write(d, camera={"rotate": degrees}, vision={"min_face_px": 50})
            c.manager.Reload()
            wait_for(lambda: size(c) == wanted)
        equal(opens(c), 1, "the camera was opened again")
        write(d, camera={"rotate": 0}, vision={"min_face_px": 50})
        c.manager.Reload()
        wait_for(lambda: boxes(c))
        equal(opens(c), 1)
        c.close()


def test_bad_mounting():
    """Angles, zones and hours that make no sense are refused with file, line, key and what is allowed; the old ones stay"""
    with Daemon(bus, lib.synthetic_clip()) as d:
        c = Client(bus)
        write(d, "  till = ( ( 0, 0.5 ), ( 0.3, 0.5 ), ( 0.3, 1.0 ) );\n", camera={"closed_hours": "Mon 00:00-00:01"})
        c.manager.Reload()
        zones = [(str(n), [tuple(map(float, p)) for p in points]) for n, points in c.get("Zones")]
        equal(zones, [("till", [(0, 0.5), (0.3, 0.5), (0.3, 1)])])
        equal(str(c.get("ClosedHours")), "Mon 00:00-00:01")
        for text, parts in (
                ("\ncamera = { rotate = 45; };", (":2: camera.rotate: 45 is not one of 0, 90, 180",)),
                ("camera = { rotate = \"90\"; };", (":1: camera.rotate", "0, 90, 180")),
                ("camera = { closed_hours = \"18:00-09:00\"; };", (":1: camera.closed_hours", "ends before it begins")),
                ("zones = {\n a = ( ( 0, 0 ), ( 1, 1 ), ( 1, 0 ), ( 0, 1 ) ); };", (":2: zones.a", "cross")),
                ("zones = { a = ( ( 0, 0 ), ( 1.5, 1 ), ( 1, 0 ) ); };", (":1: zones.a", "0 to 1")),
                ("zones = { a = ( ( 0, 0 ), ( 1, 1 ) ); };", (":1: zones.a", "3 to 16")),
                ("zones = { a = ( ( 0, 0 ), ( 1, \"1\" ), ( 1, 0 ) ); };", (":1: zones.a", "two numbers")),
                ("zones = { a = 5; };", (":1: zones.a", "3 to 16")),
                ("zones = {\n%s};" % "".join("  z%d = ( ( 0, 0 ), ( 1, 0 ), ( 1, 1 ) );\n" % i for i in range(17)),
                 (":18: zones.z16", "16 zones"))):
            with open(d.config, "w") as f:
                f.write(text)
            with refused(lib.ERROR + "InvalidConfiguration") as message:
                c.manager.Reload()
            for part in parts:
                contains(message[0], part)
        equal([str(n) for n, _ in c.get("Zones")], ["till"])
        c.close()


def test_zones():
    """A face in a zone vanishes, is no more told of, and is there again when the zone is gone; preview shows the zone"""
    privacy = {"allow_preview": True}
    with Daemon(bus, lib.synthetic_clip(), privacy=privacy) as d:
        c = Client(bus)
        c.claim()
        wait_for(lambda: boxes(c))
        write(d, "  all = ( ( 0, 0 ), ( 1, 0 ), ( 1, 1 ), ( 0, 1 ) );\n", privacy=privacy)
        c.manager.Reload()
        wait_for(lambda: not boxes(c))
        lib.linger(0.2)
        del c.signals[:]
        frames = int(camera(c)["Frames"])
        wait_for(lambda: int(camera(c)["Frames"]) > frames + 20)
        equal(c.signals, [])
        shown = ctl("preview", "--json=short", "--seconds=2").lines()[0]
        equal((shown["faces"], shown["zones"][0][0]), ([], "all"))
        contains(ctl("preview", "--seconds=1").out, "not looked at: all")
        write(d, privacy=privacy)
        c.manager.Reload()
        wait_for(lambda: boxes(c))
        equal(opens(c), 1)
        c.close()


def test_hours():
    """In closed hours the camera is closed, whoever holds a claim, and the state says why"""
    with Daemon(bus, lib.synthetic_clip()) as d:
        c = Client(bus)
        c.claim()
        wait_for(lambda: c.get("InUse"))
        write(d, camera={"closed_hours": "00:00-24:00"})
        c.manager.Reload()
        wait_for(lambda: c.get("State") == "closed" and not c.get("InUse"))
        lib.linger(0.5)
        equal(bool(c.get("InUse")), False)
        contains(ctl("status", code=None).out, "closed")
        # another day is no reason
        days = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
        day = days[time.localtime(time.time() + 3 * 86400).tm_wday]
        write(d, camera={"closed_hours": "%s 00:00-24:00" % day})
        c.manager.Reload()
        wait_for(lambda: c.get("State") == "watching")
        c.close()


lib.run(globals())
