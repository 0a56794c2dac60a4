#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""emotiond on a system bus of its own, with clients that are not ours."""
import contextlib
import os
import re
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import time
import xml.etree.ElementTree as ET
import zlib

import lib
from lib import Client, Daemon, Skip, Watch, contains, ctl, dbus, equal, refused, wait_for

bus = lib.Bus()
# what "auto" stands for
DETECTOR, ALIGNER = ["cnn" if os.path.exists(os.path.join(lib.SRCDIR, "models", network)) else instead
                     for network, instead in (("detect.onnx", "haar"), ("landmarks.onnx", "box"))]
# what only landmarks tell
POSE = {"yaw", "pitch", "roll", "attention"} if ALIGNER == "cnn" else set()
INVALID_OPTION = lib.ERROR + "InvalidOption"


def parse_introspection(text):
    """{interface: set of members, each with its arguments and annotations} of ours."""
    found = {}
    for i in ET.fromstring(re.sub(r"<!DOCTYPE[^>]*>", "", text)).iter("interface"):
        if not i.get("name").startswith(lib.NAME):
            continue
        members = set()
        for m in i:
            if m.tag not in ("method", "signal", "property"):
                continue
            args = tuple((a.get("name"), a.get("type"), a.get("direction", "out" if m.tag == "signal" else "in"))
                         for a in m.iter("arg"))
            emits = {a.get("value") for a in m.iter("annotation") if a.get("name").endswith("EmitsChangedSignal")}
            members.add((m.tag, m.get("name"), m.get("type"), m.get("access"), args, tuple(emits - {"true"})))
        found[i.get("name")] = members
    return found


def live_introspection(client, path):
    return parse_introspection(str(lib.interface(client.connection, "org.freedesktop.DBus.Introspectable",
                                                 path).Introspect()))


def cameras(client):
    objects = lib.interface(client.connection, "org.freedesktop.DBus.ObjectManager").GetManagedObjects()
    return {str(p): i[lib.CAMERA] for p, i in objects.items() if lib.CAMERA in i}


def state_is(client, state):
    def is_in_state():
        return client.get("State") == state
    wait_for(is_in_state)


def camera_closes(client):
    def camera_is_closed():
        return not client.get("InUse")
    wait_for(camera_is_closed, 5)


def test_introspection():
    """What the service says of itself is what daemon/*.xml says"""
    with Daemon(bus, lib.synthetic_clip()):
        c = Client(bus)
        path = wait_for(lambda: cameras(c)).popitem()[0]
        for name, where in ((lib.MANAGER, lib.ROOT), (lib.CAMERA, path)):
            with open(os.path.join(lib.SRCDIR, "daemon", name + ".xml")) as f:
                wanted = parse_introspection(f.read())[name]
            got = live_introspection(c, where)[name]
            equal(sorted(map(str, got - wanted)), [], "only alive in " + name)
            equal(sorted(map(str, wanted - got)), [], "only written in " + name)
        c.close()


def test_claims():
    """Signals reach claimants and nobody else; the camera is open as long as there is a claim"""
    with Daemon(bus, lib.synthetic_clip()) as d:
        a, b = Client(bus), Client(bus)
        equal(a.get("State"), "idle")
        equal(bool(a.get("InUse")), False)
        with refused(lib.ERROR + "NotClaimed"):
            a.manager.Release()
        a.claim()
        state_is(a, "watching")
        equal(bool(a.get("InUse")), True)
        wait_for(lambda: len(a.changes()) >= 2)
        equal(a.members()[0], "FaceAppeared")
        equal(a.changes()[0][0], "unsure")
        equal(b.signals, [], "a client without a claim")
        faces = b.manager.GetFaces()
        equal(len(faces), 1)
        equal(set(faces[0]), {"face", "camera", "emotion", "confidence", "scores", "box", "landmarks", "quality",
                              "since", "seen", "static"} | POSE)
        assert 0.3 < faces[0]["quality"] <= 1, faces[0]["quality"]
        equal(faces[0]["face"], a.signals[0][1][0])
        # a second claimant hears of the face that is there already
        b.claim()
        wait_for(lambda: b.changes())
        b.manager.Release()
        lib.linger(0.3)
        n, m = len(b.signals), len(a.signals)
        wait_for(lambda: len(a.signals) > m + 1)
        equal(len(b.signals), n, "after Release")
        a.manager.Release()
        state_is(a, "idle")
        camera_closes(a)
        equal(int(a.statistics()["claims"]), 0)
        a.close()
        b.close()


def test_details():
    """A change carries the types, the units and the sums that the interface promises"""
    with Daemon(bus, lib.synthetic_clip()):
        c = Client(bus)
        before = time.monotonic_ns() // 1000
        c.claim()
        wait_for(lambda: c.changes())
        labels = [str(e) for e in c.get("Emotions")]
        equal(len(labels), 7)
        face, was, to, confidence, stamp, details = [a for m, a in c.signals if m == "EmotionChanged"][0]
        assert face > 0 and was == "unsure" and to in labels and 0 <= confidence <= 1
        assert before <= stamp <= time.monotonic_ns() // 1000
        equal(set(details), {"camera", "box", "scores", "static"})
        equal(set(details["scores"]), set(labels))
        assert abs(sum(details["scores"].values()) - 1) < 1e-3
        equal(max(details["scores"], key=details["scores"].get), to)
        x, y, w, h = details["box"]
        assert 0 < x and 0 < y and w > 50 and h > 50 and x + w < 640 and y + h < 480, details["box"]
        assert str(details["camera"]) in cameras(c)
        model = c.get("Model")
        equal(int(model["input-width"]) > 0, True)
        equal(len(str(model["sha256"])), 64)
        c.close()


def entry(key, value):
    """One of an ONNX file's metadata_props, which may stand at its end."""
    def field(tag, data):
        size = len(data)
        return bytes([tag]) + (bytes([size]) if size < 128 else bytes([size & 127 | 128, size >> 7])) + data
    return field(0x72, field(0x0a, key.encode()) + field(0x12, value.encode()))


def test_measured_model():
    """What was measured of a model, and what the settings say of it, reaches clients"""
    folder = tempfile.mkdtemp(dir=bus.folder)
    with open(os.path.join(lib.SRCDIR, "models", "emotion-fer2013.onnx"), "rb") as f:  # whose file says nothing of it
        model = f.read()
    rows = ";".join(",".join("1" if i == k else "0" for k in range(8)) for i in range(7))
    with open(os.path.join(folder, "measured.onnx"), "wb") as f:
        f.write(model + entry("emotiond.accuracy", "0.5") + entry("emotiond.measured", "7 rows"))
        f.write(entry("emotiond.decisions", rows))
    with Daemon(bus, lib.synthetic_clip(), classifier={"model": os.path.join(folder, "measured.onnx"),
                                                       "labels": "a,b,c,d,e,f,sad"}):
        c = Client(bus)
        wait_for(lambda: len(c.get("Emotions")) == 7)
        equal([str(e) for e in c.get("Emotions")], ["a", "b", "c", "d", "e", "f", "sadness"])
        model = c.get("Model")
        equal(float(model["accuracy"]), 0.5)
        equal(str(model["measured"]), "7 rows")
        equal([int(n) for n in model["decisions"]], [int(i == k) for i in range(7) for k in range(8)])
        c.close()


def test_claim_options():
    """Options out of range, of another type or unknown are refused by name"""
    with Daemon(bus, lib.synthetic_clip(), service={"max_claims": 2}):
        c = Client(bus)
        wait_for(lambda: len(c.get("Emotions")) == 7)
        equal(c.get("Model")["licence"], "LGPL-2.1-or-later")
        d, u = dbus.Double, dbus.UInt32
        for options in ({"min-confidence": d(-0.1)}, {"min-confidence": d(1.1)}, {"min-confidence": d("nan")},
                        {"min-confidence": u(1)}, {"min-confidence": "1"}, {"min-hold-ms": u(60001)},
                        {"min-hold-ms": d(5)}, {"summary-ms": u(199)},
                        {"summary-ms": u(10001)}, {"summary-ms": d(1000)}, {"max-rate-hz": d(0.05)}, {"max-rate-hz": d(10.5)},
                        {"max-rate-hz": d("inf")}, {"emotions": dbus.Array(["joy"], signature="s")},
                        {"emotions": "happiness"}, {"camera": dbus.ObjectPath("/nowhere")}, {"camera": "x"},
                        {"colour": "red"}, {"": u(0)}, {"x" * 100000: u(0)}):
            with refused(INVALID_OPTION) as message:
                c.claim(options)
            assert len(message[0]) < 500
            if "joy" in str(options):
                contains(message[0], "happiness, ")
        with refused(lib.ERROR + "NotClaimed"):
            c.manager.Release()
        path = dbus.ObjectPath(wait_for(lambda: cameras(c)).popitem()[0])
        c.claim({"min-confidence": d(1), "min-hold-ms": u(60000), "max-rate-hz": d(10), "camera": path,
                         "emotions": dbus.Array(["happiness", "unsure"], signature="s")})
        c.claim()
        other, third = Client(bus), Client(bus)
        other.claim()
        with refused(lib.ERROR + "TooManyClaims"):
            third.claim()
        other.close()

        def may_claim_now():
            try:
                third.claim()
                return True
            except dbus.DBusException:
                return False
        wait_for(may_claim_now)
        third.close()
        c.close()


def test_claims_of_a_user():
    """One user cannot take all claims"""
    with Daemon(bus, lib.synthetic_clip(), service={"max_claims": 9, "max_claims_per_user": 2}):
        a, b, c = (Client(bus) for _ in range(3))
        a.claim()
        b.claim()
        with refused(lib.ERROR + "TooManyClaims") as message:
            c.claim()
        contains(message[0], "user holds 2")
        b.claim()
        a.manager.Release()
        c.claim()
        for client in (a, b, c):
            client.close()


def test_claim_thresholds():
    """Each claim has its own thresholds and filter"""
    with Daemon(bus, lib.synthetic_clip()):
        everything, sure, slow, happy = (Client(bus) for _ in range(4))
        everything.claim()
        sure.claim({"min-confidence": dbus.Double(1)})
        slow.claim({"min-hold-ms": dbus.UInt32(30000)})
        happy.claim({"emotions": dbus.Array(["happiness"], signature="s")})
        wait_for(lambda: len(everything.changes()) >= 5, lib.PATIENCE + 15)
        equal([c for c in sure.changes() if c[1] != "unsure"], [])
        equal(slow.changes(), [])
        assert happy.changes() and all("happiness" in c for c in happy.changes()), happy.changes()
        for c in (everything, sure, slow, happy):
            assert "FaceAppeared" in c.members()
            c.close()


def test_group_policy():
    """A member of the group emotion may claim, another user may not"""
    if os.getuid() != 0:
        raise Skip("needs root, to act as other users")
    if not shutil.which("setpriv"):
        raise Skip("the Debian package util-linux is not installed")
    program = os.path.join(bus.folder, "emotionctl")
    shutil.copy(lib.tool("emotionctl"), program)

    def as_user(groups, *args):
        return subprocess.run(["setpriv", "--reuid=65534", "--regid=65534", *groups, program, *args],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=lib.PATIENCE, text=True)
    member, stranger = ["--groups=%d" % lib.emotion_group().gr_gid], ["--clear-groups"]
    with Daemon(bus, lib.synthetic_clip(), privacy={"allow_preview": True}):
        p = as_user(member, "watch", "--json=short", "--count=2", "--seconds=%d" % lib.PATIENCE)
        equal((p.returncode, len(p.stdout.splitlines())), (0, 2), p.stderr)
        equal(as_user(member, "faces", "--json=short").returncode, 0)
        for args in (["watch", "--count=1", "--seconds=5"], ["faces"], ["classify", picture()]):
            p = as_user(stranger, *args)
            equal((p.returncode, p.stdout), (1, ""), args[0])
            contains(p.stderr, "group emotion")
        p = as_user(stranger, "status")
        equal(p.returncode, 0, "whoever asks may know whether he is watched")
        assert "In view" not in p.stdout, p.stdout
        contains(as_user(member, "status").stdout, "In view")
        for verb in (["disable"], ["reload"], ["preview", "--json=short"]):
            for groups in (member, stranger):
                equal(as_user(groups, *verb).returncode, 1, verb)
        equal(ctl("show", "-p", "Enabled", "--value").out, "yes\n")


# argv: bus address, member of the Manager or "Get", number of descriptors; prints the error's name or "answered"
WITH_DESCRIPTORS = """
import sys, dbus, dbus.lowlevel
from dbus.bus import BusConnection
address, member, n = sys.argv[1], sys.argv[2], int(sys.argv[3])
interface = "org.freedesktop.DBus.Properties" if member == "Get" else "org.emotiond.Emotion1.Manager"
m = dbus.lowlevel.MethodCallMessage("org.emotiond.Emotion1", "/org/emotiond/Emotion1", interface, member)
for _ in range(n):
    m.append(dbus.types.UnixFd(0), signature="h")
try:
    BusConnection(address).send_message_with_reply_and_block(m, 20)
    print("answered")
except dbus.DBusException as e:
    print(e.get_dbus_name())
"""


def test_descriptors_are_refused():
    """The bus keeps from the service every descriptor that it did not ask for"""
    if os.getuid() != 0 or not shutil.which("setpriv"):
        raise Skip("needs root and the Debian package util-linux, to act as another user")

    def send(member, n):
        p = subprocess.run(["setpriv", "--reuid=65534", "--regid=65534", "--groups=%d" % lib.emotion_group().gr_gid,
                            "/usr/bin/python3", "-c", WITH_DESCRIPTORS, bus.address, member, str(n)],
                           stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, timeout=lib.PATIENCE + 20, text=True)
        return p.stdout.strip()
    denied, wrong = "org.freedesktop.DBus.Error.AccessDenied", "org.freedesktop.DBus.Error.InvalidArgs"
    with Daemon(bus, lib.synthetic_clip()):
        for member in ("Claim", "Release", "GetFaces", "Get"):
            equal(send(member, 1), denied, member)
        equal(send("ClassifyImage", 2), denied)
        # without options it is no call, but it arrives
        equal(send("ClassifyImage", 1), wrong)
        equal(send("Claim", 0), wrong)


def picture():
    """A frame of the clip as a file."""
    path = os.path.join(bus.folder, "frame.jpg")
    with open(lib.synthetic_clip(), "rb") as f:
        data = f.read()
    begin = data.index(b"\xff\xd8\xff")
    with open(path, "wb") as f:
        f.write(data[begin:data.index(b"\xff\xd9", begin) + 2])
    return path


def classify(c, fd, options=None):
    return c.manager.ClassifyImage(dbus.types.UnixFd(fd), dbus.Dictionary(options or {}, signature="sv"))


def test_classify():
    """ClassifyImage finds the face of a picture, without a claim, and takes memory as well as files"""
    with Daemon(bus):
        path = picture()
        j = ctl("classify", path, "--json=short").json()
        equal((j["width"], j["height"], len(j["faces"])), (640, 480, 1))
        face = j["faces"][0]
        assert abs(sum(face["scores"].values()) - 1) < 1e-3
        equal(len(face["landmarks"]), 68 if POSE else 0)
        c = Client(bus)
        wanted = {"box", "landmarks", "emotion", "confidence", "scores", "quality"} | POSE
        fd = os.memfd_create("picture")
        with open(path, "rb") as f:
            os.write(fd, f.read())
        answer = classify(c, fd)  # the file offset is at its end: it is read from its start all the same
        equal([set(f) for f in answer], [wanted])
        equal(str(classify(c, fd, {"min-confidence": dbus.Double(1)})[0]["emotion"]), "unsure")
        with refused(INVALID_OPTION):
            classify(c, fd, {"min-confidence": dbus.Double(2)})
        with refused(INVALID_OPTION):
            classify(c, fd, {"colour": dbus.Double(2)})
        os.close(fd)
        equal(c.get("State"), "idle")
        c.close()


def test_bad_descriptors():
    """Descriptors that are no picture are refused at once, and the service goes on"""
    with Daemon(bus) as d:
        c = Client(bus)
        invalid = lib.ERROR + "InvalidImage"
        fifo = os.path.join(bus.folder, "fifo")
        os.mkfifo(fifo)
        good = open(picture(), "rb").read()
        png_of_30000 = (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\x75\x30\0\0\x75\x30\x08\0\0\0\0" + b"\0" * 500)
        png_of_0 = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\0\0\0\0\0\x08\0\0\0\0" + b"\0" * 500

        def file_of(data):
            fd = os.memfd_create("x")
            os.write(fd, data)
            return fd
        sparse = os.memfd_create("sparse")
        os.ftruncate(sparse, 1 << 40)
        sockets = socket.socketpair()
        write_only = os.open(os.path.join(bus.folder, "w"), os.O_WRONLY | os.O_CREAT)
        before = d.memory_kib()
        for name, fd in (("directory", os.open(bus.folder, os.O_RDONLY)), ("FIFO", os.open(fifo, os.O_RDWR)),
                         ("/dev/zero", os.open("/dev/zero", os.O_RDONLY)), ("socket", sockets[0].fileno()),
                         ("O_PATH", os.open("/etc/passwd", os.O_PATH)), ("write only", write_only),
                         ("empty", file_of(b"")), ("text", file_of(b"hello" * 1000)), ("1 TiB", sparse),
                         ("cut JPEG", file_of(good[:200])), ("headless JPEG", file_of(good[20:])),
                         ("30000x30000", file_of(png_of_30000)), ("0x0", file_of(png_of_0)),
                         ("/proc file", os.open("/proc/self/status", os.O_RDONLY))):
            begin = time.monotonic()
            try:
                with refused(invalid):
                    classify(c, fd)
            except AssertionError as e:
                raise AssertionError("%s: %s" % (name, e))
            assert time.monotonic() - begin < lib.PATIENCE / 4, name
        assert d.memory_kib() - before < 100000 * (4 if lib.SANITIZED else 1), "memory grew"
        with open(picture(), "rb") as f:
            equal(len(classify(c, f.fileno())), 1)
        c.close()


def program(name, text):
    """A shell script."""
    path = os.path.join(bus.folder, name)
    with open(path, "w") as f:
        f.write("#!/bin/sh\n%s\n" % text)
    os.chmod(path, 0o755)
    return path


def test_decoder_that_fails():
    """Whatever becomes of the process that decodes, its caller is told what happened, and the service goes on"""
    cases = (("printf r; exec /bin/sleep 1000", "ImageTimeout", "to decode"),
             ("printf r; kill -SEGV $$", "InvalidImage", "given up"),
             ("printf r; exec /bin/cat /dev/zero", "InvalidImage", "given up"))
    for text, error, words in cases:
        with Daemon(bus, lib.synthetic_clip(), decoder=program("bad-decoder", text)):
            c = Client(bus)
            with open(picture(), "rb") as f, refused(lib.ERROR + error) as message:
                classify(c, f.fileno())
            contains(message[0], words)
            equal(c.get("State"), "idle")
            r = ctl("classify", picture(), code=1)
            contains(r.err, words)
            c.close()
    with Daemon(bus, lib.synthetic_clip(), decoder="/nonexistent/decoder") as d:
        c = Client(bus)
        with open(picture(), "rb") as f, refused("org.freedesktop.DBus.Error.Failed"):
            classify(c, f.fileno())
        contains(d.log(), "/nonexistent/decoder cannot be run")
        c.close()


def test_file_that_hangs():
    """A file whose reading never ends gets its caller an error, and keeps neither frames nor other callers waiting"""
    slow = os.path.join(lib.BUILDDIR, "tests", "integration", ".libs", "slow-file.so")
    if lib.SANITIZED:
        raise Skip("a sanitizer wants to be loaded first")
    if not os.path.exists(slow):
        raise Skip("tests/integration/slow-file.la is not built")
    decoder = program("slow-decoder", "LD_PRELOAD='%s' exec '%s' \"$@\"" % (slow, lib.tool("emotion-decode")))
    with Daemon(bus, lib.synthetic_clip(), decoder=decoder) as d:
        c = Client(bus)
        c.claim()
        state_is(c, "watching")
        answers, errors = [], []
        hanging = os.memfd_create("emotion-slow-file")
        os.write(hanging, b"x")
        begin = time.monotonic()
        for _ in range(3):
            c.manager.ClassifyImage(dbus.types.UnixFd(hanging), dbus.Dictionary({}, signature="sv"),
                                    reply_handler=answers.append, error_handler=errors.append)
        frames = int(c.get("Statistics")["frames"])
        longest, good = 0, []
        with open(picture(), "rb") as f:
            c.manager.ClassifyImage(dbus.types.UnixFd(f.fileno()), dbus.Dictionary({}, signature="sv"),
                                    reply_handler=good.append, error_handler=errors.append)
        while len(errors) + len(answers) < 3 and time.monotonic() - begin < 2 * lib.PATIENCE:
            asked = time.monotonic()
            c.manager.GetFaces()
            longest = max(longest, time.monotonic() - asked)
            lib.linger(0.1)
        took = time.monotonic() - begin
        equal({e.get_dbus_name() for e in errors}, {lib.ERROR + "ImageTimeout"})
        contains(errors[0].get_dbus_message(), "could not be read")
        equal((len(errors), len(answers)), (3, 0))
        assert 4 < took < 2 * lib.PATIENCE, took
        assert longest < 4, longest  # the picture hangs for 5 s at least
        wait_for(lambda: good)
        equal(len(good[0]), 1, "the picture behind those that hang")
        assert int(c.get("Statistics")["frames"]) - frames > 3 * took, "frames went on"
        os.close(hanging)
        c.close()


def test_too_many_pictures():
    """More pictures than may wait are refused by LimitsExceeded, the others are answered"""
    with Daemon(bus, service={"max_pictures": 2}):
        c = Client(bus)
        answers, errors = [], []
        with open(picture(), "rb") as f:
            for _ in range(20):
                c.manager.ClassifyImage(dbus.types.UnixFd(f.fileno()), dbus.Dictionary({}, signature="sv"),
                                        reply_handler=answers.append, error_handler=errors.append)
            wait_for(lambda: len(answers) + len(errors) == 20)
        assert len(answers) >= 2 and errors, (len(answers), len(errors))
        equal({e.get_dbus_name() for e in errors}, {"org.freedesktop.DBus.Error.LimitsExceeded"})
        equal({len(a) for a in answers}, {1})
        # emotionctl waits for its turn instead
        path = picture()
        many = [subprocess.Popen([lib.tool("emotionctl"), "classify", path], stdout=subprocess.DEVNULL) for _ in range(6)]
        equal([p.wait(lib.PATIENCE) for p in many], [0] * 6)
        c.close()


def test_claimant_dies():
    """The claim of a client that is killed ends"""
    with Daemon(bus, lib.synthetic_clip()):
        c = Client(bus)
        w = Watch()
        state_is(c, "watching")
        w.process.kill()
        w.process.wait()
        state_is(c, "idle")
        c.close()


def test_claimant_never_reads():
    """A claimant that never reads holds nobody up and costs no memory without end"""
    with Daemon(bus, lib.synthetic_clip(), camera={"replay_pace": "fast", "replay_loop": True}) as d:
        stuck = Watch()
        c = Client(bus)
        state_is(c, "watching")
        stuck.process.send_signal(signal.SIGSTOP)
        c.claim({"min-hold-ms": dbus.UInt32(0)})
        wait_for(lambda: c.signals)
        before, n = d.memory_kib(), len(c.signals)
        lib.linger(5)
        assert len(c.signals) > n, "nothing came any more"
        assert d.memory_kib() - before < 20000, "memory grew by %d KiB" % (d.memory_kib() - before)
        stuck.process.send_signal(signal.SIGCONT)
        equal(stuck.stop(), 0)
        c.close()


def test_no_camera():
    """A camera that is not there, or is none: the service says so, and lives"""
    not_a_camera = os.path.join(bus.folder, "not-a-camera")
    with open(not_a_camera, "w") as f:
        f.write("x" * 1000)
    for device, shown, why in (("/dev/video-none", "missing", "/dev/video-none does not exist"),
                               (not_a_camera, None, "")):
        with Daemon(bus, camera={"device": device}):
            c = Client(bus)
            c.claim()
            state_is(c, "no-camera")
            equal(c.get("LastError"), lib.ERROR + "NoCamera")
            out = ctl("status").out
            contains(out, "no-camera")
            if shown:
                # it was named: that there is none to be plugged in is no help
                wait_for(lambda: [str(x["State"]) for x in cameras(c).values()] == [shown])
                [camera] = cameras(c).values()
                contains(str(camera["LastError"]), why)
                out = ctl("status").out
                contains(out, why)
                equal("Plug one in" in out, False)
            c.close()


def test_bad_clips():
    """A replay file that is missing, cut or no clip at all: no-camera, with the reason"""
    good = open(lib.synthetic_clip(), "rb").read()
    for name, data in (("text", b"hello" * 1000), ("empty", b""), ("header", good[:100]), ("missing", None)):
        path = os.path.join(bus.folder, name + ".avi")
        if data is not None:
            with open(path, "wb") as f:
                f.write(data)
        with Daemon(bus, path):
            c = Client(bus)
            c.claim()
            state_is(c, "no-camera")
            equal([bool(str(x["LastError"])) for x in cameras(c).values()], [True])
            equal([str(x["State"]) for x in cameras(c).values()], ["missing" if data is None else "unreadable"])
            equal(c.get("LastErrorText"), [str(x["LastError"]) for x in cameras(c).values()][0])
            contains(c.get("LastErrorText"), path)
            c.close()
    path = os.path.join(bus.folder, "half.avi")
    with open(path, "wb") as f:
        f.write(good[:len(good) // 2])
    with Daemon(bus, path):
        c = Client(bus)
        c.claim()
        wait_for(lambda: c.changes())
        c.close()


def test_clip_ends():
    """A clip that does not loop ends: its faces vanish, and the camera says so"""
    with Daemon(bus, lib.synthetic_clip(), camera={"replay_pace": "fast", "replay_loop": False}):
        c = Client(bus)
        c.claim()
        wait_for(lambda: "FaceVanished" in c.members(), lib.PATIENCE * 3)
        wait_for(lambda: [str(x["State"]) for x in cameras(c).values()] == ["ended"])
        c.close()


def gray_png():
    """A picture of nobody."""
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 64, 48, 8, 0, 0, 0, 0)) +
            chunk(b"IDAT", zlib.compress((b"\0" + b"\x80" * 64) * 48)) + chunk(b"IEND", b""))


def test_empty_room():
    """A camera's frames are counted while nobody comes; a folder of pictures has the format of its first one"""
    with open(picture(), "rb") as f:
        jpeg = f.read()
    for name, data in (("PNG", gray_png()), ("JPEG", jpeg)):
        folder = os.path.join(bus.folder, "pictures-" + name)
        os.mkdir(folder)
        with open(os.path.join(folder, "1." + name.lower()), "wb") as f:
            f.write(data)
        with Daemon(bus, folder, camera={"frame_rate": 25.0, "replay_loop": True}):
            c = Client(bus)
            c.claim()
            state_is(c, "watching")
            equal([str(x["Format"]) for x in cameras(c).values()], [name])

            def counted():
                return [int(x["Frames"]) for x in cameras(c).values()][0]
            n = wait_for(counted)
            wait_for(lambda: counted() > n + 5)
            wait_for(lambda: [x["MeasuredFrameRate"] for x in cameras(c).values()][0] > 1)
            c.close()


def test_names_that_are_not_utf8():
    """A file whose name is no UTF-8 is played and shown, and takes nothing else from the bus"""
    path = os.fsencode(bus.folder) + b"/\xfcber.avi"
    shutil.copy(lib.synthetic_clip(), path)
    with Daemon(bus) as d:
        c = Client(bus)
        with open(d.config, "wb") as f:
            f.write(b'camera = { replay = "' + path + b'"; };')
        c.manager.Reload()

        def is_shown():
            return [str(x["Device"]) for x in cameras(c).values()] == [bus.folder + "/?ber.avi"]
        wait_for(is_shown)
        c.claim({"camera": dbus.ObjectPath(list(cameras(c))[0])})
        wait_for(lambda: c.changes())
        with open(d.config, "wb") as f:
            f.write(b'camera = { replay = "' + path + b'"; };\ndecision = { \xfcber = 1; };')
        with refused(lib.ERROR + "InvalidConfiguration"):
            c.manager.Reload()
        with refused(INVALID_OPTION):
            c.claim({"x" * 63 + "\u00fc": dbus.Double(1)})
        c.close()


def test_claimed_camera_goes():
    """A claim that names a camera opens no other one when that is gone, and says so"""
    other = os.path.join(bus.folder, "other.avi")
    shutil.copy(lib.synthetic_clip(), other)
    with Daemon(bus, lib.synthetic_clip()) as d:
        c, second = Client(bus), Client(bus)
        first = wait_for(lambda: list(cameras(c)))[0]
        c.claim({"camera": dbus.ObjectPath(first)})
        state_is(c, "watching")
        d.clip = other
        d.configure()
        c.manager.Reload()
        state_is(c, "no-camera")
        equal(c.get("LastError"), lib.ERROR + "NoCamera")
        camera_closes(c)
        second.claim()
        state_is(c, "watching")
        second.manager.Release()
        state_is(c, "no-camera")
        now = list(cameras(c))
        assert len(now) == 1 and now[0] != first, now
        c.claim({"camera": dbus.ObjectPath(now[0])})
        state_is(c, "watching")
        c.close()
        second.close()


def test_one_change_each():
    """The synthetic clip gives exactly one EmotionChanged for each change that it shows"""
    clip = lib.synthetic_clip()
    runs = []
    with open(clip[:-4] + ".csv") as f:
        for row in f.read().splitlines()[1:]:
            _, stamp, label, _ = row.split(",")
            if not runs or runs[-1][0] != label:
                runs.append([label, float(stamp), 0])
            runs[-1][2] = float(stamp) - runs[-1][1]
    # the last frames are on their way back to the first expression, too short to count
    wanted = [label for label, _, seconds in runs if seconds > 0.7]
    with Daemon(bus, clip, camera={"replay_loop": False}):
        c = Client(bus)
        c.claim()
        wait_for(lambda: "FaceVanished" in c.members(), lib.PATIENCE + 30)
        equal(c.changes(), list(zip(["unsure"] + wanted[:-1], wanted)))
        equal(c.members().count("FaceAppeared"), 1)
        equal(c.members().count("FaceVanished"), 1)
        c.close()


def test_enable_disable():
    """Disable closes the camera at once, claims stay, and it lasts over a restart"""
    with Daemon(bus, lib.synthetic_clip()) as d:
        c = Client(bus)
        c.claim()
        state_is(c, "watching")
        ctl("disable")
        state_is(c, "disabled")
        equal(bool(c.get("Enabled")), False)
        camera_closes(c)
        with refused(lib.ERROR + "Disabled"):
            Client(bus).claim()
        d.stop()
        d.start()
        equal(c.get("State"), "disabled")
        contains(ctl("watch", "--seconds=5", code=1).err, "emotionctl enable")
        ctl("enable")
        ctl("enable", code=2)
        state_is(c, "idle")
        d.stop()
        d.start()
        equal(bool(c.get("Enabled")), True)
        c.claim()
        state_is(c, "watching")
        ctl("disable")
        state_is(c, "disabled")
        ctl("enable")
        state_is(c, "watching")
        c.close()


def test_reload():
    """Reload takes a new configuration; with an error in it the old one stays, and the error is told"""
    with Daemon(bus, lib.synthetic_clip(), service={"max_claims": 1}) as d:
        a, b = Client(bus), Client(bus)
        a.claim()
        with refused(lib.ERROR + "TooManyClaims"):
            b.claim()
        with open(d.config) as f:
            old = f.read()
        for broken, part in (("service = { max_claims = 0; };", ":1:"), ("service = {", ":1"),
                             ("\n\nnothing = 1;", ":3:"), ("camera = { width = 1.5; };", "width")):
            with open(d.config, "w") as f:
                f.write(broken)
            with refused(lib.ERROR + "InvalidConfiguration") as message:
                a.manager.Reload()
            contains(message[0], part)
            contains(ctl("reload", code=1).err, part)
            with refused(lib.ERROR + "TooManyClaims"):
                b.claim()
        state_is(a, "watching")
        with open(d.config, "w") as f:
            f.write(old.replace("max_claims = 1", "max_claims = 2"))
        ctl("reload")
        b.claim()
        with open(d.config, "w") as f:
            f.write(old.replace("max_claims = 1", "max_claims = 3"))
        third = Client(bus)
        d.process.send_signal(signal.SIGHUP)

        def may_claim_now():
            try:
                third.claim()
                return True
            except dbus.DBusException:
                return False
        wait_for(may_claim_now)
        for c in (a, b, third):
            c.close()


def test_reload_changes_thresholds():
    """Reload changes the thresholds of the claims that are there, where they have none of their own"""
    with Daemon(bus, lib.synthetic_clip()) as d:
        plain, own = Client(bus), Client(bus)
        plain.claim()
        own.claim({"min-confidence": dbus.Double(0.3)})
        wait_for(lambda: plain.changes() and own.changes())
        d.configure(decision={"min_confidence": 1.0})
        plain.manager.Reload()
        lib.linger(0.5)
        n, m = len(plain.changes()), len(own.changes())
        wait_for(lambda: len(own.changes()) >= m + 3, lib.PATIENCE + 15)
        equal([c for c in plain.changes()[n:] if c[1] != "unsure"], [])
        plain.close()
        own.close()


def test_check_config():
    """--check-config finds errors with file, line and what is allowed; a 10 MB file is no danger"""
    if not os.path.exists(lib.tool("emotiond")):
        raise Skip("emotiond is not built")

    plugins = os.path.join(bus.folder, "check-plugins")
    os.makedirs(plugins, exist_ok=True)
    for file in lib.find_plugins().values():
        shutil.copy(file, plugins)
    models = os.path.join(lib.SRCDIR, "models")

    def check(path, *more):
        p = subprocess.run([lib.tool("emotiond"), "--check-config", "--config", path, "--plugin-dir", plugins, "--model-dir",
                            models, "--decoder", lib.tool("emotion-decode"), *more], stdout=subprocess.PIPE,
                           stderr=subprocess.STDOUT, timeout=lib.PATIENCE, text=True)
        assert p.returncode >= 0, p.stdout
        return p.returncode, p.stdout

    path = os.path.join(bus.folder, "check.conf")
    shipped = os.path.join(lib.SRCDIR, "conf", "emotiond.conf")
    code, out = check(shipped)
    equal(code, 0, out)
    for part in ("ok    configuration: " + shipped, "ok    plugin: cnn", "detector and aligner", "ok    model: " + models, "7 labels",
                 "ok    decoder: "):
        contains(out, part)
    contains(check(shipped, "--replay", lib.synthetic_clip())[1], "ok    replay: " + lib.synthetic_clip())
    # what a start would find: exit status 78, and a line that names the file
    broken = os.path.join(bus.folder, "broken.onnx")
    with open(broken, "w") as f:
        f.write("no network")
    for text, more, part in (("", ("--replay", "/nonexistent/clip.avi"), "FAIL  replay: Cannot open /nonexistent/clip.avi"),
                             ("classifier = { model = \"%s\"; };" % broken, (), "FAIL  model: "),
                             ("vision = { detector = \"nobody\"; };", (), "FAIL  plugin"),
                             ("", ("--decoder", "/nonexistent/emotion-decode"), "FAIL  decoder: /nonexistent/emotion-decode")):
        with open(path, "w") as f:
            f.write(text)
        code, out = check(path, *more)
        equal(code, 78, out)
        contains(out, part)
    contains(check(path, "--replay", "/home/nobody-lives-here/clip.avi")[1], "ProtectHome=yes")
    for text, parts in (("camera = { width = 100000; };", (":1:", "width", "7680")),
                        ("\ncamera = { width = \"wide\"; };", (":2:", "width")),
                        ("camera = {\n  colour = 1;\n};", (":2:", "colour")),
                        ("decision = { min_confidence = 2.0; };", (":1:", "min_confidence", "0", "1")),
                        ("camera = { policy = \"sometimes\"; };", ("policy", "on-demand")),
                        ("camera = ", (":1",)), ("}", (":1",)), ("\0\0\0", ("",)),
                        ("@include \"/etc/passwd\"\n", ("",))):
        with open(path, "w") as f:
            f.write(text)
        code, out = check(path)
        assert code != 0, text
        for part in parts:
            contains(out, part)
        assert "root:" not in out, "the contents of another file are no message"
    for text in ("# " + "x" * 10000000, "camera = { " + "width = 640; " * 800000 + "};", "(" * 10000000):
        with open(path, "w") as f:
            f.write(text)
        code, out = check(path)
        assert code != 0 and len(out) < 2000, (code, len(out))
    for path in (bus.folder, "/dev/zero", "/nonexistent/emotiond.conf"):
        assert check(path)[0] != 0, path


def test_broken_plugins():
    """Plugins that cannot be loaded are shown with the reason, and the others work"""
    with Daemon(bus, lib.synthetic_clip()) as d:
        d.stop()
        with open(os.path.join(d.plugin_dir, "text.so"), "w") as f:
            f.write("no ELF\n")
        with open(os.path.join(d.plugin_dir, "empty.so"), "w") as f:
            pass
        with open(os.path.join(d.plugin_dir, "box.so"), "rb") as f:
            whole = f.read()
        with open(os.path.join(d.plugin_dir, "cut.so"), "wb") as f:
            f.write(whole[:3000])
        os.mkdir(os.path.join(d.plugin_dir, "folder.so"))
        os.symlink("/nonexistent", os.path.join(d.plugin_dir, "dangling.so"))
        refused_ones = {"text", "empty", "cut"}
        if shutil.which("cc"):
            for name, code in (("nosymbol", "int other;"), ("unresolved", "int absent(void); int emo_plugin(void) { return absent(); }"),
                               ("wrongabi", "const unsigned emo_plugin[64] = { 0x12345678, 99, 256 };")):
                subprocess.run(["cc", "-shared", "-fPIC", "-x", "c", "-o", os.path.join(d.plugin_dir, name + ".so"), "-"],
                               input=code.encode(), check=True)
                refused_ones.add(name)
        d.start()
        c = Client(bus)
        found = {p["name"]: p for p in ctl("plugins", "--json=short").json()}
        for name in refused_ones:
            assert found[name].get("error"), name
            equal(found[name]["in-use"], [])
        equal(found[DETECTOR]["in-use"], ["detector"] if ALIGNER != DETECTOR else ["detector", "aligner"])
        equal("aligner" in found[ALIGNER]["in-use"], True)
        assert "error" not in found[DETECTOR]
        contains(ctl("plugins").out, "text")
        c.claim()
        state_is(c, "watching")
        equal(bool(c.get("Tainted")), False)
        c.close()


BAD_PLUGIN = """
#include <stdlib.h>
#include "emo-plugin.h"
static int open_it(const struct emo_host *h, void **self, struct emo_error *error) { *self = NULL; return 0; }
static void close_it(void *self) { }
static int detect(void *self, const struct emo_image *i, const struct emo_detect_hints *hints, struct emo_box *ret,
                  size_t max_boxes, struct emo_error *error)
{
        HOW;
        return 0;
}
static const struct emo_detector_ops ops = { .size_bytes = sizeof(ops), .open = open_it, .detect = detect, .close = close_it };
const struct emo_plugin emo_plugin = {
        .magic = EMO_PLUGIN_MAGIC, .abi = EMO_PLUGIN_ABI, .size_bytes = sizeof(emo_plugin), .format = EMO_GRAY8,
        .name = "bad", .version = "1", .description = "ends the process", .licence = "MIT", .detector = &ops };
"""


def test_plugin_that_ends_the_service():
    """A plugin that crashes or calls exit() is named, and off after the third time, until its file changes"""
    if not shutil.which("cc"):
        raise Skip("there is no C compiler")
    with Daemon(bus, lib.synthetic_clip()) as d:
        d.stop()
        d.configure(vision={"detector": "bad"})
        path = os.path.join(d.plugin_dir, "bad.so")

        def make(how):
            subprocess.run(["cc", "-shared", "-fPIC", "-x", "c", "-I", os.path.join(lib.SRCDIR, "plugins"), "-DHOW=" + how,
                            "-o", path, "-"], input=BAD_PLUGIN.encode(), check=True)

        def run_until_it_ends():
            d.start()
            c = Client(bus)
            try:
                c.claim()
            except dbus.DBusException:
                pass
            d.process.wait(lib.PATIENCE)
            c.close()
        for how in ("abort()", "exit(0)"):
            make(how)
            for _ in range(3):
                run_until_it_ends()
            d.start()
            c = Client(bus)
            c.claim()
            state_is(c, "watching")
            bad = [p for p in ctl("plugins", "--json=short").json() if p["name"] == "bad"][0]
            contains(bad["error"], "switched off")
            equal(bad["in-use"], [])
            contains(d.log(), "plugin bad: the service ended within its detect()")
            contains(d.log(), "takes its place as detector")
            c.close()
            d.stop()
        # another file has another chance; and a new one that works keeps it
        make("(void)self")
        d.start()
        found = {p["name"]: p for p in ctl("plugins", "--json=short").json()}
        equal(found["bad"]["in-use"], ["detector"])


def test_plugin_missing():
    """A detector that cannot be had: state error, PluginFailed, and the service lives"""
    with Daemon(bus, lib.synthetic_clip(), vision={"detector": "nowhere"}) as d:
        c = Client(bus)
        c.claim()
        state_is(c, "error")
        equal(c.get("LastError"), lib.ERROR + "PluginFailed")
        equal(bool(c.get("InUse")), False)
        with open(picture(), "rb") as f, refused(lib.ERROR + "PluginFailed"):
            classify(c, f.fileno())
        contains(ctl("status").out, "emotionctl plugins")
        d.configure(vision={"detector": "haar"})
        ctl("reload")
        state_is(c, "watching")
        c.close()


def test_model_invalid():
    """A model that cannot be used: state error, ModelInvalid, and the service lives"""
    folder = os.path.join(bus.folder, "models")
    os.mkdir(folder)
    shipped = os.path.join(lib.SRCDIR, "models", "emotion-default.onnx")
    if not os.path.exists(shipped):
        raise Skip("there is no model in models/")
    data = open(shipped, "rb").read()
    for name, content in (("emotion-default", b"no model"), ("cut", data[:len(data) // 2]), ("empty", b"")):
        with open(os.path.join(folder, name + ".onnx"), "wb") as f:
            f.write(content)
    for name in ("emotion-default.onnx", "cut.onnx", "empty.onnx", "missing.onnx"):
        with Daemon(bus, lib.synthetic_clip(), model_dir=folder, classifier={"model": name}) as d:
            c = Client(bus)
            c.claim()
            state_is(c, "error")
            equal(c.get("LastError"), lib.ERROR + "ModelInvalid")
            equal((len(c.get("Model")), len(c.get("Emotions"))), (0, 0))
            with open(picture(), "rb") as f, refused(lib.ERROR + "ModelInvalid"):
                classify(c, f.fileno())
            contains(ctl("status").out, "none that works")
            if name == "cut.onnx":
                d.configure(classifier={"model": shipped})
                ctl("reload")
                state_is(c, "watching")
            c.close()


def test_model_auto():
    """classifier.model "auto" is the 8-bit form where the processor is fast with bytes and the file is there"""
    shipped = os.path.join(lib.SRCDIR, "models")
    names = ("emotion-default.onnx", "emotion-default-int8.onnx")
    if not all(os.path.exists(os.path.join(shipped, n)) for n in names):
        raise Skip("the models are not in models/")
    folder = os.path.join(bus.folder, "floats-only")
    os.mkdir(folder)
    shutil.copy(os.path.join(shipped, names[0]), folder)
    with open("/proc/cpuinfo", encoding="ascii", errors="replace") as f:
        flags = set(f.read().split())
    fast = flags & {"avx512_vnni", "avx_vnni", "asimddp"}
    for model_dir, isa, expected in ((shipped, None, names[1 if fast else 0]), (shipped, "portable", names[0]),
                                     (folder, None, names[0])):
        env = {"EMOTION_NN_ISA": isa} if isa else {}
        with Daemon(bus, lib.synthetic_clip(), model_dir=model_dir, env=env):
            c = Client(bus)
            c.claim()
            wait_for(lambda: c.changes())
            equal(os.path.basename(str(c.get("Model")["file"])), expected)
            c.close()


def test_restart_under_watch():
    """emotionctl watch goes on over a restart of the service, with its options"""
    with Daemon(bus, lib.synthetic_clip()) as d:
        w = Watch("--emotion=happiness", "--emotion=neutral", "--min-confidence=0.3")
        wait_for(lambda: w.events())
        d.stop()
        wait_for(lambda: "waiting" in w.errors())
        n = len(w.events())
        d.start()
        wait_for(lambda: len(w.events()) > n, lib.PATIENCE + 15)
        equal(w.stop(), 0)


def test_attention():
    """With landmarks a face that turns to the camera and away is told of, to claimants alone, and not with each frame"""
    clip = os.path.join(lib.SHARED, "data", "clips", "turn-gap-smile.avi")
    if not os.path.exists(clip):
        raise Skip("the real clips are absent")
    if not all(os.path.exists(os.path.join(lib.SRCDIR, "models", n)) for n in ("detect.onnx", "landmarks.onnx")):
        raise Skip("the networks for faces are not in models/")
    with Daemon(bus, clip, vision={"detector": "cnn", "aligner": "cnn"}, attention={"hold_ms": 200}):
        a, b = Client(bus), Client(bus)
        a.claim()
        turns = wait_for(lambda: len([x for m, x in a.signals if m == "AttentionChanged"]) >= 4 and
                         [x for m, x in a.signals if m == "AttentionChanged"], 3 * lib.PATIENCE)
        for face in {int(x[0]) for x in turns}:
            mine = [bool(x[1]) for x in turns if x[0] == face]
            equal(mine, [k % 2 == 0 for k in range(len(mine))], "a face begins with facing, and then takes turns")
        for x in turns:
            if x[1]:
                assert abs(x[3]["yaw"]) <= 25 and abs(x[3]["pitch"]) <= 20, x
        equal(b.signals, [], "a client without a claim")
        face = wait_for(lambda: [f for f in a.manager.GetFaces() if len(f["landmarks"]) == 68])[0]
        assert {"yaw", "pitch", "roll", "attention", "quality"} <= set(face)
        a.close()
        b.close()


def preview(c):
    """Picture, width, height, faces and details that Preview gives to @c."""
    fd, width, height, faces, details = c.manager.Preview(dbus.Dictionary({}, signature="sv"))
    fd = fd.take()
    size = os.fstat(fd).st_size
    data = os.pread(fd, size + 1, 0)
    with refused_write():
        os.pwrite(fd, b"x", 0)
    os.close(fd)
    return data, int(width), int(height), faces, details


@contextlib.contextmanager
def refused_write():
    try:
        yield
    except OSError:
        return
    raise AssertionError("the picture can be written to")


def test_preview_is_forbidden():
    """Without privacy.allow_preview there is no preview, whoever asks, and nothing of it in the journal"""
    with Daemon(bus, lib.synthetic_clip()) as d:
        c = Client(bus)
        c.claim()
        state_is(c, "watching")
        with refused(lib.ERROR + "PreviewForbidden"):
            preview(c)
        contains(ctl("preview", "--json=short", code=1).err, "allow_preview")
        equal(int(c.get("Statistics")["previews"]), 0)
        assert "preview" not in d.log()
        c.close()


def test_preview():
    """With privacy.allow_preview root sees the picture and its faces; each use is in the journal"""
    with Daemon(bus, lib.synthetic_clip(), privacy={"allow_preview": True}) as d:
        c = Client(bus)
        with refused(lib.ERROR + "NoCamera"):
            preview(c)
        assert "preview" not in d.log()
        c.claim()
        wait_for(lambda: c.changes())
        data, width, height, faces, details = preview(c)
        equal((width, height, len(data), len(faces)), (640, 480, 640 * 480, 1))
        assert max(data) - min(data) > 50, "a picture of something"
        x, y, w, h = faces[0]["box"]
        assert 0 < x and w > 50 and "emotion" in faces[0] and "quality" in faces[0]
        assert str(details["camera"]) in cameras(c) and details["timestamp"] > 0
        equal(d.log().count("preview:"), 1)
        contains(d.log(), "given to uid %d, process %d" % (os.getuid(), os.getpid()))
        for _ in range(5):
            preview(c)
        equal(d.log().count("preview:"), 1, "one use is one entry")
        equal(int(c.get("Statistics")["previews"]), 6)
        with refused(INVALID_OPTION):
            c.manager.Preview(dbus.Dictionary({"colour": 1}, signature="sv"))
        c.close()
        # the tool opens the camera by itself, and closes it
        path = os.path.join(bus.folder, "preview.png")
        ctl("preview", "--png=" + path)
        equal(d.log().count("preview:"), 2, "another program is another use")
        face = ctl("classify", path, "--json=short").json()
        equal((face["width"], face["height"], len(face["faces"])), (640, 480, 1))
        c = Client(bus)
        camera_closes(c)
        ctl("disable")
        with refused(lib.ERROR + "Disabled"):
            preview(c)
        ctl("enable")
        # and when the setting is taken back, that is that
        d.configure()
        ctl("reload")
        with refused(lib.ERROR + "PreviewForbidden"):
            preview(c)
        c.close()


def test_preview_in_a_terse_log():
    """Who used Preview is in the journal, whatever service.log_level leaves out"""
    with Daemon(bus, lib.synthetic_clip(), privacy={"allow_preview": True}, service={"log_level": "error"}) as d:
        c = Client(bus)
        c.claim()
        state_is(c, "watching")
        preview(c)
        equal(d.log().splitlines(), ["preview: pictures of the camera are given to uid %d, process %d"
                                     % (os.getuid(), os.getpid())])
        c.close()


def test_too_many_previews():
    """No more than four pictures wait, and asking without end costs no memory"""
    with Daemon(bus, lib.synthetic_clip(), privacy={"allow_preview": True}) as d:
        c = Client(bus)
        c.claim()
        wait_for(lambda: c.changes())
        answers, errors = [], []

        def on_answer(fd, *rest):
            os.close(fd.take())
            answers.append(rest)
        before = d.memory_kib()
        for _ in range(200):
            c.manager.Preview(dbus.Dictionary({}, signature="sv"), reply_handler=on_answer, error_handler=errors.append)
        wait_for(lambda: len(answers) + len(errors) == 200)
        assert len(answers) >= 4 and errors, (len(answers), len(errors))
        equal({e.get_dbus_name() for e in errors}, {"org.freedesktop.DBus.Error.LimitsExceeded"})
        assert d.memory_kib() - before < 10000 * (4 if lib.SANITIZED else 1), "memory grew"
        fds = [os.readlink("/proc/%d/fd/%s" % (d.process.pid, fd)) for fd in os.listdir("/proc/%d/fd" % d.process.pid)]
        equal([f for f in fds if "emotiond-preview" in f], [], "no picture is kept")
        c.close()


def test_bad_calls():
    """Calls of wrong types, unknown members and objects are refused, and the service goes on"""
    with Daemon(bus) as d:
        c = Client(bus)
        for method, signature, args in (("Claim", "s", ["x"]), ("Claim", "", []), ("Claim", "a{sv}s", [{}, "x"]),
                                        ("Release", "s", ["x"]), ("ClassifyImage", "ua{sv}", [0, {}]),
                                        ("GetFaces", "u", [1]), ("Enable", "b", [True]), ("Nothing", "", [])):
            try:
                c.connection.call_blocking(lib.NAME, lib.ROOT, lib.MANAGER, method, signature, args)
                raise AssertionError("%s(%s) was taken" % (method, signature))
            except dbus.DBusException as e:
                assert e.get_dbus_name().startswith("org.freedesktop.DBus.Error."), e
        for path in ("/", lib.ROOT + "/camera/99", lib.ROOT + "/camera/x"):
            try:
                lib.properties(c.connection, lib.CAMERA, path)
                raise AssertionError(path + " is there")
            except dbus.DBusException:
                pass
        try:
            lib.interface(c.connection, "org.freedesktop.DBus.Properties").Set(lib.MANAGER, "Enabled", False)
            raise AssertionError("Enabled can be written")
        except dbus.DBusException:
            pass
        equal(c.get("State"), "idle")
        c.close()


def test_ends_cleanly():
    """SIGTERM and SIGINT end the service with 0, soon, whatever it does"""
    for sig in (signal.SIGTERM, signal.SIGINT):
        with Daemon(bus, lib.synthetic_clip(), camera={"replay_pace": "fast"}) as d:
            c = Client(bus)
            c.claim()
            state_is(c, "watching")
            begin = time.monotonic()
            d.process.send_signal(sig)
            equal(d.process.wait(lib.PATIENCE), 0)
            assert time.monotonic() - begin < 20
            assert not c.connection.name_has_owner(lib.NAME)
            c.close()


def test_nothing_unneeded_is_loaded():
    """Where the networks serve, OpenCV is not in memory, and its plugin is listed all the same"""
    if (DETECTOR, ALIGNER) != ("cnn", "cnn"):
        raise Skip("the networks for faces are not in models/")
    with Daemon(bus, lib.synthetic_clip()) as d:
        c = Client(bus)
        c.claim()
        wait_for(lambda: c.changes())
        plugins = {str(p["name"]): p for p in c.get("Plugins")}
        equal(([str(w) for w in plugins["haar"]["offers"]], len(plugins["haar"]["in-use"])), (["detector"], 0))
        contains(str(plugins["haar"]["description"]), "OpenCV")
        with open("/proc/%d/maps" % d.process.pid) as f:
            text = f.read()
        assert "cnn.so" in text and "opencv" not in text and "haar.so" not in text
        c.close()


def test_no_network():
    """The process that sees the camera has no network socket and no frame on disk"""
    with Daemon(bus, lib.synthetic_clip()) as d:
        c = Client(bus)
        c.claim()
        wait_for(lambda: c.changes())
        inodes = set()
        for fd in os.listdir("/proc/%d/fd" % d.process.pid):
            try:
                target = os.readlink("/proc/%d/fd/%s" % (d.process.pid, fd))
            except OSError:
                continue
            if target.startswith("socket:["):
                inodes.add(target[8:-1])
            elif target.startswith("/") and not target.startswith(("/dev/", "/proc/", bus.folder)):
                assert os.path.samefile(target, lib.synthetic_clip()) or not os.access(target, os.W_OK) or \
                    target.startswith(lib.SRCDIR) or target.startswith("/usr/") or "memfd" in target, target
        for table in ("tcp", "tcp6", "udp", "udp6", "raw", "raw6"):
            with open("/proc/%d/net/%s" % (d.process.pid, table)) as f:
                for line in f.read().splitlines()[1:]:
                    assert line.split()[9] not in inodes, table
        c.close()
        kept = sorted(n for n in os.listdir(d.folder) if n not in ("plugins", "log", "emotiond.conf"))
        for name in kept:
            # plugin-calls: names of 16 plugins and when they crashed, always as long
            limit = 1300 if name == "plugin-calls" else 1000
            assert os.path.getsize(os.path.join(d.folder, name)) < limit, "%s is more than a setting" % name


lib.run(globals())
