#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Summary: the sums that a client hears are those of the changes that it hears, whatever happens to the stream."""
import os

import lib
from lib import Client, Daemon, Skip, dbus, equal, wait_for

bus = lib.Bus()


def claim(client, ms, **options):
    client.claim({"summary-ms": dbus.UInt32(ms), **options})


def bins(client):
    """(begin, end, camera, faces) of each Summary."""
    return [a for m, a in client.signals if m == "Summary"]


def add_up(client):
    """{face: {"present": ms, "attention": ms, emotion: ms}} over all bins."""
    sums = {}
    for begin, end, camera, faces in bins(client):
        assert end > begin and str(camera).startswith(lib.ROOT + "/"), (begin, end, camera)
        for f in faces:
            own = sums.setdefault(int(f["face"]), {"present": 0, "attention": 0})
            equal(sum(f["emotion-ms"].values()), f["present-ms"], "emotions of a bin")
            assert f["attention-ms"] <= f["present-ms"] <= (end - begin) / 1000, f
            assert 0.99 < sum(f["score-means"].values()) < 1.01 and 0 <= f["quality"] <= 1, f
            own["present"] += int(f["present-ms"])
            own["attention"] += int(f["attention-ms"])
            for label, ms in f["emotion-ms"].items():
                own[str(label)] = own.get(str(label), 0) + int(ms)
    return sums


def from_changes(client):
    """The same, from FaceAppeared, FaceVanished, AttentionChanged and EmotionChanged."""
    sums, now = {}, {}

    def pass_time(face, usec):
        state = now[face]
        ms = usec // 1000 - state["since"]
        own = sums.setdefault(face, {"present": 0, "attention": 0})
        own["present"] += ms
        own["attention"] += ms if state["facing"] else 0
        if ms:
            own[state["emotion"]] = own.get(state["emotion"], 0) + ms
        state["since"] = usec // 1000
    for member, a in client.signals:
        if member == "Summary":
            continue
        face, usec = int(a[0]), int(a[4 if member == "EmotionChanged" else 2 if member == "AttentionChanged" else 1])
        if member == "FaceAppeared":
            now[face] = {"since": usec // 1000, "facing": False, "emotion": "unsure"}
            continue
        pass_time(face, usec)
        if member == "FaceVanished":
            del now[face]
        elif member == "AttentionChanged":
            now[face]["facing"] = bool(a[1])
        else:
            now[face]["emotion"] = str(a[2])
    equal(now, {}, "faces that never vanished")
    return {face: own for face, own in sums.items() if own["present"]}


def hold_to_law(client, runs=1):
    """@runs: how often the camera was opened."""
    equal(int(client.statistics()["events-lost"]), 0, "events lost")
    all_bins = bins(client)
    gaps = [(a[1], b[0]) for a, b in zip(all_bins, all_bins[1:]) if a[1] != b[0]]
    assert len(gaps) < runs, gaps
    equal(add_up(client), from_changes(client))


def camera_state(client):
    objects = lib.interface(client.connection, "org.freedesktop.DBus.ObjectManager").GetManagedObjects()
    return [str(i[lib.CAMERA]["State"]) for i in objects.values() if lib.CAMERA in i]


def settle(client, state):
    """Until the camera is in this state, and all was heard."""
    wait_for(lambda: camera_state(client) == [state], 2 * lib.PATIENCE)
    lib.linger(0.5)


def play(clip, ms, **groups):
    """A clip from end to end, as fast as it goes; the client has heard it all."""
    groups.setdefault("camera", {}).update(replay_loop=False, replay_pace="fast")
    with Daemon(bus, clip, **groups):
        c = Client(bus)
        claim(c, ms)
        settle(c, "ended")
        hold_to_law(c)
        longest = max(b[1] - b[0] for b in bins(c))
        assert longest <= ms * 1000, longest
        faces = len(add_up(c))
        signals = list(c.signals)
        c.close()
    print("# %s, %d ms: %d bins, %d faces" % (os.path.basename(clip), ms, len([s for s in signals if s[0] == "Summary"]), faces))
    return faces


def test_synthetic_clip():
    """Sums of the synthetic clip are those of its changes, in bins of 200 ms and of 10 s"""
    assert play(lib.synthetic_clip(), 200) >= 1
    assert play(lib.synthetic_clip(), 10000) >= 1


def test_faces_come_and_go():
    """Faces that come, turn, cross and go: nothing is lost or counted twice"""
    clips = os.path.join(lib.SHARED, "data", "clips")
    names = [n for n in ("turn-gap-smile.avi", "three-walk.avi") if os.path.exists(os.path.join(clips, n))]
    if not names:
        raise Skip("the real clips are absent")
    for name in names:
        assert play(os.path.join(clips, name), 300, attention={"hold_ms": 100}, decision={"min_hold_ms": 0}) >= 1


def test_camera_lost():
    """The camera is closed and opened again in the middle: each stretch adds up, the time between is in no bin"""
    with Daemon(bus, lib.synthetic_clip()) as d:
        c = Client(bus)
        claim(c, 200)
        wait_for(lambda: any(b[3] for b in bins(c)))
        c.manager.Disable()
        settle(c, "closed")
        closed = len(bins(c))
        lib.linger(0.5)
        equal(len(bins(c)), closed, "bins while the camera is closed")
        c.manager.Enable()
        wait_for(lambda: any(b[3] for b in bins(c)[closed:]))
        c.manager.Disable()
        settle(c, "closed")
        hold_to_law(c, runs=2)
        c.manager.Enable()
        c.close()


def test_reload():
    """A reload, and other options of the claim, in the middle: bins go on without a gap"""
    with Daemon(bus, lib.synthetic_clip()) as d:
        c = Client(bus)
        claim(c, 200)
        wait_for(lambda: any(b[3] for b in bins(c)))
        c.manager.Reload()
        after = len(bins(c))
        wait_for(lambda: any(b[3] for b in bins(c)[after:]))
        claim(c, 200, **{"min-confidence": dbus.Double(0.9)})
        after = len(bins(c))
        wait_for(lambda: len(bins(c)) > after + 3)
        c.manager.Disable()
        settle(c, "closed")
        got, wanted = add_up(c), from_changes(c)
        equal({f: (s["present"], s["attention"]) for f, s in got.items()},
              {f: (s["present"], s["attention"]) for f, s in wanted.items()})
        pairs = list(zip(bins(c), bins(c)[1:]))
        equal([(a[1], b[0]) for a, b in pairs if a[1] != b[0]], [], "gaps")
        c.manager.Enable()
        c.close()


def test_only_who_asks():
    """Clients that did not ask for sums hear none, and one that no longer asks hears no more"""
    with Daemon(bus, lib.synthetic_clip()):
        a, b = Client(bus), Client(bus)
        claim(a, 200)
        b.claim()
        wait_for(lambda: len(bins(a)) >= 5)
        equal(bins(b), [])
        a.claim()
        lib.linger(0.5)
        heard = len(bins(a))
        lib.linger(1)
        equal(len(bins(a)), heard, "bins that nobody wants")
        a.close()
        b.close()


lib.run(globals())
