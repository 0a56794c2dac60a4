#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""attack.py [--seconds N] [--only NAME]... [--pictures]: what an honest client notices while others mean harm.

emotiond plays a clip on a message bus of its own. An honest client holds a claim and asks for the faces 50 times a second;
beside it each attack runs for N seconds. Prints a table for docs/RELIABILITY.md: median, 99th percentile and maximum of the
honest client's calls in milliseconds, without and during the attack ("ended" if the service did), how many of its calls were
refused, signals lost, and how many descriptors and KiB of memory the service holds 5 s afterwards more than before.
--pictures: the honest client sends a small picture, others large ones. All of it stays on this machine.
EMO_BUILDDIR and EMO_SRCDIR say where the programs are, as for the integration tests.
"""
import argparse
import ctypes
import os
import pwd
import re
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


# === Pictures: other tables ===

def jpeg(width, height, quality, progressive=False):
    """Noise as a JPEG file: the pixels that cost decoders most."""
    turbo = ctypes.CDLL("libturbojpeg.so.0")
    turbo.tjInitCompress.restype = ctypes.c_void_p
    buffer, size = ctypes.POINTER(ctypes.c_ubyte)(), ctypes.c_ulong()
    pixels = os.urandom(width * 3) * height if not progressive else os.urandom(width * 3 * height)
    if turbo.tjCompress2(ctypes.c_void_p(turbo.tjInitCompress()), pixels, width, 0, height, 0, ctypes.byref(buffer),
                         ctypes.byref(size), 2, quality, 16384 if progressive else 0) != 0:
        sys.exit("attack.py: libturbojpeg cannot make a picture")
    return ctypes.string_at(buffer, size.value)


def become_another_user():
    """A member of the group that stands for "emotion", where this is run by root."""
    if os.getuid() == 0:
        user = next(u for u in pwd.getpwall() if u.pw_gid == lib.emotion_group().gr_gid and u.pw_uid)
        os.setgroups([])
        os.setgid(user.pw_gid)
        os.setuid(user.pw_uid)


def send_pictures(bus, path):
    """Four clients that each send the picture again and again."""
    for _ in range(3):
        if os.fork() == 0:
            break
    become_another_user()
    proxy = lib.interface(bus.connect())
    with open(path, "rb") as f:
        def step():
            try:
                proxy.ClassifyImage(dbus.types.UnixFd(f), dbus.Dictionary({}, signature="sv"), timeout=60)
            except dbus.DBusException as e:
                if e.get_dbus_name() != "org.emotiond.Emotion1.Error.ImageTimeout":
                    time.sleep(0.01)
        forever(step)


def peak_kib(pid, reset=False):
    if reset:
        with open("/proc/%d/clear_refs" % pid, "w") as f:
            f.write("5")
    with open("/proc/%d/status" % pid) as f:
        return int(re.search(r"VmHWM:\s*(\d+)", f.read()).group(1))


def frames(client):
    s = client.statistics()
    return int(s["frames"]), int(s["frames-dropped"])


def classify_beside(honest, path, seconds):
    """Milliseconds of one small picture after the other, and frames dropped of those that came."""
    took, before, end = [], frames(honest), time.monotonic() + seconds
    with open(path, "rb") as f:
        while time.monotonic() < end:
            begin = time.monotonic()
            honest.proxy.ClassifyImage(dbus.types.UnixFd(f), dbus.Dictionary({}, signature="sv"))
            took.append(1000 * (time.monotonic() - begin))
            lib.pump()
            time.sleep(0.1)
    after = frames(honest)
    return sorted(took), after[1] - before[1], after[0] - before[0] + after[1] - before[1]


def picture_row(name, data, seconds):
    bus = lib.Bus()
    big, small = os.path.join(bus.folder, "big.jpg"), os.path.join(bus.folder, "small.jpg")
    for path, content in ((big, data), (small, jpeg(640, 480, 80))):
        with open(path, "wb") as f:
            f.write(content)
    with lib.Daemon(bus, lib.synthetic_clip(), camera={"replay_loop": True}) as d:
        honest = Honest(bus)
        honest.claim()
        honest.proxy = honest.manager
        lib.wait_for(lambda: honest.signals)
        quiet, dropped0, n0 = classify_beside(honest, small, seconds)
        base = peak_kib(d.process.pid, reset=True)
        pid = run_beside(lambda b: send_pictures(b, big), bus)
        try:
            during, dropped, n = classify_beside(honest, small, seconds)
        finally:
            os.killpg(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
        print("| %s, %.1f MB | %s | %s | %d of %d | %d of %d | %.0f | %.0f |" % (
            name, len(data) / 1e6, three(quiet), three(during), dropped0, n0, dropped, n, base / 1024,
            peak_kib(d.process.pid) / 1024), flush=True)
        lib.linger(6)
        honest.close()
    bus.stop()


def pictures(seconds):
    print("| four clients of another user send | small picture, quiet: median / p99 / max, ms | during | frames dropped, quiet "
          "| during | peak before, MiB | during |")
    print("|---|---|---|---|---|---|---|")
    picture_row("40 megapixels", jpeg(7296, 5472, 75), seconds)
    picture_row("40 megapixels, progressive", jpeg(7296, 5472, 80, progressive=True), seconds)


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--seconds", type=float, default=10)
    p.add_argument("--only", action="append", choices=[a.__name__ for a in ATTACKS])
    p.add_argument("--pictures", action="store_true", help="large pictures in the place of floods")
    a = p.parse_args()
    if a.pictures:
        pictures(a.seconds)
        return
    print("| attack | quiet: median / p99 / max, ms | during | refused | signals lost | descriptors | KiB |")
    print("|---|---|---|---|---|---|---|")
    for attack in ATTACKS:
        if not a.only or attack.__name__ in a.only:
            row(attack, a.seconds)


if __name__ == "__main__":
    main()
