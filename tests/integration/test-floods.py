#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Clients that mean harm: whatever they send, the service goes on, others are answered, and nothing is left behind."""
import os
import resource
import sys

import lib
from lib import Bus, Client, Daemon, MANAGER, NAME, ROOT, dbus, equal, wait_for

PROPERTIES = "org.freedesktop.DBus.Properties"
# what the service may have open: fewer than one flood brings
DESCRIPTORS = 512

bus = Bus()


def message(member, *args, interface=MANAGER, signature=None):
    m = dbus.lowlevel.MethodCallMessage(NAME, ROOT, interface, member)
    m.append(*args, signature=signature)
    return m


def claim():
    return message("Claim", dbus.Dictionary({}, signature="sv"), signature="a{sv}")


def n_descriptors(d):
    return len(os.listdir("/proc/%d/fd" % d.process.pid))


class Attacked:
    """A service that an honest client watches; leaving it (with) wants all to be as before."""

    def __enter__(self):
        self.daemon = Daemon(bus, lib.synthetic_clip(), camera={"replay_loop": True})
        resource.prlimit(self.daemon.process.pid, resource.RLIMIT_NOFILE, (DESCRIPTORS, DESCRIPTORS))
        self.honest = Client(bus)
        try:
            self.honest.claim()
            wait_for(lambda: "FaceAppeared" in self.honest.members())
        except BaseException:
            self.daemon.__exit__(*sys.exc_info())
            raise
        self.before = n_descriptors(self.daemon)
        return self

    def __exit__(self, kind, value, trace):
        def all_is_as_before():
            return n_descriptors(self.daemon) <= self.before + 4 and self.honest.statistics()["claims"] == 1

        with self.daemon:  # ended in any case
            if kind is None:
                self.answers()
                wait_for(all_is_as_before)
                n = len(self.honest.signals)
                wait_for(lambda: len(self.honest.signals) > n)
                equal(self.honest.statistics()["events-lost"], 0)
            self.honest.close()

    def answers(self):
        """The honest client is answered, by the process that was there before."""
        equal(self.daemon.process.poll(), None, "the service ended")
        self.honest.manager.GetFaces()


def test_descriptors():
    """Calls that bring many descriptors do not use up those of the service"""
    with Attacked() as a, open("/dev/null") as f:
        c = bus.connect()
        for _ in range(6):
            c.send_message(claim())
            for _ in range(80):
                fds = [dbus.types.UnixFd(f) for _ in range(16)]
                c.send_message(message("Get", *fds, interface=PROPERTIES, signature="h" * 16))
        c.flush()
        a.answers()
        c.close()


def test_descriptors_of_many():
    """The same from many connections at a time, beside claims of others"""
    with Attacked() as a, open("/dev/null") as f:
        many = [bus.connect() for _ in range(12)]
        for c in many:
            c.send_message(claim())
            for _ in range(40):
                fds = [dbus.types.UnixFd(f) for _ in range(16)]
                c.send_message(message("ClassifyImage", *fds, signature="h" * 16))
            c.flush()
        a.answers()
        for c in many:
            c.close()


def test_clients_that_die():
    """Clients that leave the bus with calls under way cost no more than their calls"""
    with open(__file__, "rb") as picture, Attacked() as a: # no picture, which is found out only when it is read
        for _ in range(60):
            c = bus.connect()
            for _ in range(4):
                c.send_message(claim())
                c.send_message(message("GetFaces"))
                c.send_message(message("ClassifyImage", dbus.types.UnixFd(picture), dbus.Dictionary({}, signature="sv"),
                                       signature="ha{sv}"))
            c.flush()
            c.close()
            a.answers()


def test_claim_and_release():
    """Claims that come and go all the time end with none left; the last call counts"""
    with Attacked():
        c = bus.connect()
        for _ in range(20):
            for _ in range(20): # the bus lets a connection have 128 calls under way
                c.send_message(claim())
                c.send_message(message("Release"))
            c.flush()
            # answers come in the order of the calls, so that this one is the last; a slow machine refuses it with a
            # burst like this, which is an answer, too
            try:
                c.call_blocking(NAME, ROOT, PROPERTIES, "Get", "ss", (MANAGER, "State"))
            except dbus.DBusException as e:
                equal(e.get_dbus_name(), "org.freedesktop.DBus.Error.LimitsExceeded")
        c.close()


def test_claims_end_with_their_connection():
    """A client that claims and leaves at once, before it is known who it is, leaves no claim"""
    with Attacked() as a:
        for _ in range(40):
            c = bus.connect()
            c.send_message(claim())
            c.flush()
            c.close()
        a.answers()


def test_journal_tells_for_whom():
    """The journal says for whom the camera is on, once each time"""
    with Daemon(bus, lib.synthetic_clip(), camera={"replay_loop": True}) as d:
        c = Client(bus)
        c.claim()
        wait_for(lambda: "FaceAppeared" in c.members())
        line = "the camera is on for uid %d, process %d (1 claim)" % (os.getuid(), os.getpid())
        equal(d.log().count(line), 1, d.log())
        c.close()


def test_late_claimant():
    """Who claims late is told at once who is in view, and who faces the camera"""
    with Daemon(bus, lib.synthetic_clip(), camera={"replay_loop": True}):
        first = Client(bus)
        first.claim()

        def faces_the_camera():
            return any(f["attention"] for f in first.manager.GetFaces())

        wait_for(faces_the_camera)
        late = Client(bus)
        late.claim()
        wait_for(lambda: "AttentionChanged" in late.members())
        members = [(m, int(a[0])) for m, a in late.signals if m in ("FaceAppeared", "AttentionChanged")]
        face = members[0][1]
        equal(members[0][0], "FaceAppeared")
        equal(members.count(("FaceAppeared", face)), 1)
        first.close()
        late.close()


def test_nothing_to_overhear():
    """What everybody may read stays as it is while people come, turn and go"""
    def everything():
        objects = lib.interface(outsider, "org.freedesktop.DBus.ObjectManager").GetManagedObjects()
        values = {("", k): v for k, v in lib.properties(outsider).items() if k != "Statistics"}
        values.update({("Statistics", k): v for k, v in lib.properties(outsider)["Statistics"].items()})
        values.update({(p, k): v for p, i in objects.items() for k, v in i.get(lib.CAMERA, {}).items()})
        return values

    with Daemon(bus, lib.synthetic_clip(), camera={"replay_loop": True}):
        c, outsider = Client(bus), bus.connect()
        c.claim()
        wait_for(lambda: "FaceAppeared" in c.members())
        before, n = everything(), len(c.signals)
        wait_for(lambda: len(c.signals) > n + 4)
        after = everything()
        moved = {name for (where, name), value in after.items() if before[(where, name)] != value}
        # these count what the camera gives, whoever stands before it
        assert moved <= {"frames", "Frames", "FramesDropped", "MeasuredFrameRate"}, moved
        # who holds no claim gets the rest only as root, which this test may be
        stranger = Client(bus)
        if os.getuid() == 0:
            assert "detections" in stranger.statistics()
            equal([int(x["uid"]) for x in stranger.manager.GetClients()], [0])
            equal([int(x["pid"]) for x in stranger.manager.GetClients()], [os.getpid()])
        for client in (c, stranger):
            client.close()


if __name__ == "__main__":
    lib.run(globals())
