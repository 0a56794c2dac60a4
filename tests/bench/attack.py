#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""attack.py [--seconds N] [--only NAME]...: what an honest client notices while others mean harm.

emotiond plays a clip on a message bus of its own. An honest client holds a claim and asks for the faces 50 times a second;
beside it each attack runs for N seconds. Prints a table for docs/RELIABILITY.md: median, 99th percentile and maximum of the
honest client's calls in milliseconds, without and during the attack ("ended" if the service did), how many of its calls were
refused, signals lost, and how many descriptors and KiB of memory the service holds 5 s afterwards more than before. All of it
stays on this machine.
EMO_BUILDDIR and EMO_SRCDIR say where the programs are, as for the integration tests.
"""
import argparse
import os
import signal
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "integration"))
import lib  # noqa: E402
from lib import MANAGER, NAME, ROOT, dbus  # noqa: E402

PROPERTIES = "org.freedesktop.DBus.Properties"
PERIOD = 0.02
LIMITS = "org.freedesktop.DBus.Error.LimitsExceeded"


def message(member, *args, interface=MANAGER, signature=None, reply=False):
    m = dbus.lowlevel.MethodCallMessage(NAME, ROOT, interface, member)
    m.set_no_reply(not reply)
    m.append(*args, signature=signature)
    return m


def claim():
    return message("Claim", dbus.Dictionary({}, signature="sv"), signature="a{sv}")


def forever(step):
    while True:
        step()


# === Attacks: each runs in a process of its own until it is killed ===

def descriptors(bus):
    """claims, and calls that bring 16 descriptors each"""
    c, f = bus.connect(), open("/dev/null")

    def step():
        c.send_message(claim())
        for _ in range(70):
            c.send_message(message("Get", *[dbus.types.UnixFd(f)] * 16, interface=PROPERTIES, signature="h" * 16))
        c.flush()
    forever(step)


def outside_descriptors(bus):
    """6 processes without a claim whose calls bring 16 descriptors each"""
    for _ in range(5):
        if os.fork() == 0:
            break
    c, f = bus.connect(), open("/dev/null")

    def step():
        for _ in range(100):
            c.send_message(message("Claim", *[dbus.types.UnixFd(f)] * 16, signature="h" * 16))
        c.flush()
    forever(step)


def dead(bus):
    """clients that die with 12 calls under way"""
    def step():
        c = bus.connect()
        for member in ("Claim", "GetFaces") * 6:
            c.send_message(claim() if member == "Claim" else message(member, reply=True))
        c.flush()
        c.close()
    forever(step)


def never_read(bus):
    """8 claimants that call and never read the answers"""
    many = [bus.connect() for _ in range(8)]

    def step():
        for c in many:
            for _ in range(10):
                c.send_message(message("GetFaces", reply=True))
                c.send_message(message("GetAll", MANAGER, interface=PROPERTIES, signature="s", reply=True))
            c.flush()
        time.sleep(0.001)
    for c in many:
        c.send_message(claim())
    forever(step)


def outsiders(bus):
    """30 connections without a claim that ask for properties and never read"""
    many = [bus.connect() for _ in range(30)]

    def step():
        for c in many:
            for _ in range(5):
                c.send_message(message("GetAll", MANAGER, interface=PROPERTIES, signature="s", reply=True))
            c.flush()
        time.sleep(0.001)
    forever(step)


def crowd(bus):
    """240 connections that claim, again and again"""
    many = [bus.connect() for _ in range(240)]

    def step():
        for c in many:
            c.send_message(claim())
            c.flush()
        time.sleep(0.05)
    forever(step)


def flicker(bus):
    """a claim that is made and released without a pause"""
    c = bus.connect()

    def step():
        for _ in range(50):
            c.send_message(claim())
            c.send_message(message("Release"))
        c.flush()
        time.sleep(0.005)
    forever(step)


def names(bus):
    """connections that come and go"""
    forever(lambda: bus.connect().close())


ATTACKS = (descriptors, outside_descriptors, dead, never_read, outsiders, crowd, flicker, names)


# === The honest client ===

class Honest(lib.Client):
    def measure(self, seconds):
        """Milliseconds that each call took, sorted, and how many were refused."""
        took, refused, end = [], 0, time.monotonic() + seconds
        while time.monotonic() < end:
            begin = time.monotonic()
            try:
                self.proxy.GetFaces()
            except dbus.DBusException as e:
                if e.get_dbus_name() != LIMITS:
                    raise
                refused += 1
            took.append(1000 * (time.monotonic() - begin))
            lib.pump()
            time.sleep(max(0, PERIOD - (time.monotonic() - begin)))
        return sorted(took), refused


def three(took):
    return "%.1f / %.1f / %.1f" % (took[len(took) // 2], took[min(int(0.99 * len(took)), len(took) - 1)], took[-1])


def run_beside(attack, bus):
    """The attack in a group of processes of its own."""
    pid = os.fork()
    if pid == 0:
        try:
            os.setpgid(0, 0)
            attack(bus)
        finally:
            os._exit(0)
    try:
        os.setpgid(pid, pid)
    except PermissionError:
        pass  # it has done so
    return pid


def row(attack, seconds):
    bus = lib.Bus()
    with lib.Daemon(bus, lib.synthetic_clip(), camera={"replay_loop": True}) as d:
        honest = Honest(bus)
        honest.claim()
        honest.proxy = honest.manager
        lib.wait_for(lambda: honest.signals)

        def held():
            return len(os.listdir("/proc/%d/fd" % d.process.pid)), d.memory_kib()

        quiet, _ = honest.measure(seconds)
        before = held()
        pid = run_beside(attack, bus)
        try:
            (during, refused), why = honest.measure(seconds), ""
        except dbus.DBusException as e:
            (during, refused), why = ([0], 0), " (%s)" % e.get_dbus_name()
        finally:
            os.killpg(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
        if d.process.poll() is not None:
            print("| %s | %s | ended%s | | | | |" % (attack.__doc__, three(quiet), why), flush=True)
            return
        lib.linger(5)
        after = held()
        lost = int(honest.statistics()["events-lost"])
        print("| %s | %s | %s%s | %d | %d | %+d | %+d |" % (attack.__doc__, three(quiet), three(during), why, refused, lost,
                                                            after[0] - before[0], after[1] - before[1]), flush=True)
        honest.close()
    bus.stop()


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--seconds", type=float, default=10)
    p.add_argument("--only", action="append", choices=[a.__name__ for a in ATTACKS])
    a = p.parse_args()
    print("| attack | quiet: median / p99 / max, ms | during | refused | signals lost | descriptors | KiB |")
    print("|---|---|---|---|---|---|---|")
    for attack in ATTACKS:
        if not a.only or attack.__name__ in a.only:
            row(attack, a.seconds)


if __name__ == "__main__":
    main()
