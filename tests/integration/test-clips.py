#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Real faces: what is to be seen in the clips of $EMO_SHARED/data/clips is what a client that is not ours hears."""
import os

import lib
from lib import Client, Daemon, Skip, wait_for

bus = lib.Bus()


def play(name, **groups):
    """The signals of one clip, played once, as (member, arguments)."""
    clip = os.path.join(lib.SHARED, "data", "clips", name)
    if not os.path.exists(clip):
        raise Skip("data/clips/%s is not beside the source" % name)
    groups.setdefault("camera", {})["replay_loop"] = False
    with Daemon(bus, clip, **groups):
        c = Client(bus)
        c.claim()

        def clip_ended():
            objects = lib.interface(c.connection, "org.freedesktop.DBus.ObjectManager").GetManagedObjects()
            return [str(i[lib.CAMERA]["State"]) for i in objects.values() if lib.CAMERA in i] == ["ended"]
        wait_for(clip_ended, lib.PATIENCE + 30, pause=0.1)
        lib.linger(0.5)
        statistics = {str(k): int(v) for k, v in c.statistics().items()}
        signals = list(c.signals)
        c.close()
    print("# %s: %s" % (name, " ".join(describe(s) for s in signals)))
    lib.equal(statistics["events-lost"], 0)
    return signals


def describe(s):
    member, args = s
    if member == "EmotionChanged":
        return "%s>%s(%.2f)" % (args[1], args[2], args[3])
    return {"FaceAppeared": "+", "FaceVanished": "-", "AttentionChanged": "@"}[member] + str(int(args[0]) % 1000)


def appeared(signals):
    return [int(a[0]) for m, a in signals if m == "FaceAppeared"]


def vanished(signals):
    return [int(a[0]) for m, a in signals if m == "FaceVanished"]


def emotions_of(signals, face):
    return [str(a[2]) for m, a in signals if m == "EmotionChanged" and int(a[0]) == face]


def test_smile():
    """smile.avi: one face from beginning to end, and it is happy"""
    s = play("smile.avi")
    lib.equal(len(appeared(s)), 1, "faces")
    lib.equal(vanished(s), appeared(s))
    assert "happiness" in emotions_of(s, appeared(s)[0]), describe_all(s)


def test_turn_gap_smile():
    """turn-gap-smile.avi: somebody goes, somebody else comes and smiles; the first is not happy"""
    s = play("turn-gap-smile.avi")
    faces = appeared(s)
    assert len(faces) >= 2, describe_all(s)
    assert len(set(faces)) == len(faces), "a number was used twice"
    lib.equal(sorted(vanished(s)), sorted(faces))
    last = faces[-1]
    order = [(m, int(a[0])) for m, a in s if m in ("FaceAppeared", "FaceVanished")]
    assert order.index(("FaceVanished", faces[0])) < order.index(("FaceAppeared", last)), describe_all(s)
    assert "happiness" in emotions_of(s, last), describe_all(s)
    for face in faces[:-1]:
        assert "happiness" not in emotions_of(s, face), describe_all(s)


def test_three_walk():
    """three-walk.avi: three faces"""
    s = play("three-walk.avi", vision={"min_face_px": 32})
    assert len(set(appeared(s))) >= 3, describe_all(s)
    lib.equal(sorted(vanished(s)), sorted(appeared(s)))


def test_pair():
    """pair-tilt.avi: two people tilt their heads; a detector of upright faces has to find one of them"""
    s = play("pair-tilt.avi")
    assert appeared(s), describe_all(s)
    lib.equal(sorted(vanished(s)), sorted(appeared(s)))


def test_sign_sorry():
    """sign-sorry.avi: one face, and for half a second it smiles, between neutral moments"""
    quick = {"min_hold_ms": 0, "smoothing_ms": 0, "hysteresis": 0.0, "min_confidence": 0.4}
    # every frame is looked at, however slow the machine is: the smile is short
    s = play("sign-sorry.avi", decision=quick, camera={"replay_pace": "fast"})
    lib.equal(len(appeared(s)), 1, describe_all(s))
    heard = emotions_of(s, appeared(s)[0])
    lib.equal((heard[0], heard[-1]), ("neutral", "neutral"))
    assert "happiness" in heard, describe_all(s)


def test_no_face():
    """none-*.jpg: no face, no event"""
    folder = os.path.join(lib.SHARED, "data", "photos")
    names = [n for n in ("none-bottle.jpg", "none-dogs.jpg", "none-fruit.jpg")
             if os.path.exists(os.path.join(folder, n))]
    if not names:
        raise Skip("data/photos is not beside the source")
    with Daemon(bus):
        for name in names:
            r = lib.ctl("classify", "--json=short", os.path.join(folder, name)).json()
            assert len(r["faces"]) <= 1, (name, r["faces"])


def test_photos():
    """The smiling face of smile-24.jpg and the three of three-20.jpg are found in the file, too"""
    folder = os.path.join(lib.SHARED, "data", "photos")
    if not os.path.exists(os.path.join(folder, "smile-24.jpg")):
        raise Skip("data/photos is not beside the source")
    with Daemon(bus):
        r = lib.ctl("classify", "--json=short", os.path.join(folder, "smile-24.jpg"),
                    os.path.join(folder, "three-20.jpg")).lines()
        assert "happiness" in [f["emotion"] for f in r[0]["faces"]], r[0]
        print("# three-20.jpg: %d faces" % len(r[1]["faces"]))


def describe_all(signals):
    return " ".join(map(describe, signals))


lib.run(globals())
