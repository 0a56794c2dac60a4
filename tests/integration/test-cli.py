#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""emotionctl against a stand-in for the service."""
import atexit
import json
import os
import pwd
import re
import shutil
import signal
import struct
import subprocess
import tempfile
import time
import zlib

import lib
from lib import Fake, Watch, contains, ctl, equal, wait_for

bus = lib.Bus()
fake = None


def png(width, height):
    """A grey PNG file."""
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    rows = zlib.compress(b"".join(b"\0" + b"\x80" * width for _ in range(height)))
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)) +
            chunk(b"IDAT", rows) + chunk(b"IEND", b""))


def picture(name="face.png", width=32, height=24):
    path = os.path.join(bus.folder, name)
    with open(path, "wb") as f:
        f.write(png(width, height))
    return path


def claims():
    return fake(claims=True)["claims"]


def n_calls(member):
    return fake(calls=True)["calls"].get(member, 0)


def claimed(n=1):
    def that_many_claims():
        return len(claims()) == n
    wait_for(that_many_claims)


def test_without_service():
    """Every verb says that the service is not there, and how to start it: status 3"""
    for verb in ("status", "show", "faces", "cameras", "plugins", "enable", "disable", "reload"):
        r = ctl(verb, code=3)
        contains(r.err, "systemctl start emotiond")
        equal(r.out, "", verb)
    path = picture()
    r = ctl("classify", path, path, code=3)
    equal(r.err.count("not running"), 1, "said once, not for each file")


def test_without_bus():
    """No message bus: status 1, and its address is named"""
    r = ctl("status", "--address=unix:path=/nonexistent/bus", code=1)
    contains(r.err, "/nonexistent/bus")
    r = ctl("status", env={**os.environ, "DBUS_SYSTEM_BUS_ADDRESS": "unix:path=/nonexistent/other"}, code=1)
    contains(r.err, "/nonexistent/other")


def test_command_line():
    """A bad command line is refused before the bus is touched"""
    env = {**os.environ, "DBUS_SYSTEM_BUS_ADDRESS": "unix:path=/nonexistent/bus"}

    def bad(*args):
        r = ctl(*args, code=1, env=env)
        assert "message bus" not in r.err, r.err
        return r.err
    contains(bad("stauts"), "Did you mean 'status'?")
    contains(bad("wathc"), "Did you mean 'watch'?")
    assert "Did you mean" not in bad("xyzzy")
    contains(bad("classify"), "FILE")
    contains(bad("faces", "more"), "too many")
    contains(bad("--json=xml"), "short, pretty or off")
    for option in ("--min-confidence=1.5", "--min-confidence=nan", "--min-confidence=", "--min-hold-ms=60001",
                   "--min-hold-ms=-1", "--max-rate-hz=0.01", "--max-rate-hz=11", "--count=0", "--seconds=0",
                   "--seconds=x", "--emotion="):
        contains(bad("watch", option), option.split("=")[0])
    contains(bad("status", "--count=3"), "does not take")
    contains(bad("watch", "-p", "State"), "does not take")
    contains(bad("--timeout=never"), "--timeout")
    bad("--nonsense")


def test_help_and_version():
    """--help and --version need no bus; a full disk is noticed"""
    contains(ctl("--help").out, "watch")
    contains(ctl("--version").out, "emotionctl ")
    with open("/dev/full", "w") as full:
        p = subprocess.run([lib.tool("emotionctl"), "--help"], stdout=full, stderr=subprocess.PIPE)
        equal(p.returncode, 1)
        contains(p.stderr.decode(), "No space left")


def test_status():
    """status says what is going on, as text and as JSON"""
    global fake
    fake = Fake()
    r = ctl()
    for part in ("emotiond 0.1.0: watching", "fake", "/dev/video0", "640x480", "29.5 of 30.0", "box 0.1.0 (aligner)",
                 "1 could not be loaded"):
        contains(r.out, part)
    equal(r.out, ctl("status").out)
    assert "\033" not in r.out
    j = ctl("status", "--json=short").json()
    equal(j["State"], "watching")
    equal(j["Cameras"][0]["Device"], "/dev/video0")
    equal(ctl("-j").out.count("\n"), 1, "-j into a pipe is short")
    assert ctl("--json=pretty").out.count("\n") > 20


def test_status_in_view():
    """status counts who is in view for those who may ask, and does without it for others"""
    contains(ctl("status").out, "In view: 1 face\n")
    fake(faces=[{}, {"number": 2}])
    contains(ctl("status").out, "In view: 2 faces\n")
    fake(faces=[{}], fail=["GetFaces", "org.freedesktop.DBus.Error.AccessDenied", "policy"])
    r = ctl("status")
    assert "In view" not in r.out, r.out
    contains(r.out, "Claims: 0")
    equal(r.err, "")
    fake(fail=["GetFaces"])


def test_status_reasons():
    """status explains why nothing is watched"""
    for state, error, part in (("disabled", "", "emotionctl enable"), ("idle", "", "nobody watches"),
                               ("no-camera", "NoCamera", "no camera"), ("no-camera", "CameraBusy", "fuser"),
                               ("error", "ModelInvalid", "model"), ("error", "PluginFailed", "emotionctl plugins")):
        fake(set={"State": state, "LastError": error and lib.ERROR + error})
        contains(ctl("status").out, part)
    fake(set={"State": "error", "LastError": lib.ERROR + "ModelInvalid", "LastErrorText": "x.onnx: it is cut short"})
    contains(ctl("status").out, "Why: x.onnx: it is cut short\n")
    contains(ctl("status").out, "emotionctl reload")
    fake(set={"State": "watching", "LastError": "", "LastErrorText": ""}, **{"camera-error": "the cable is loose"})
    contains(ctl("status").out, "the cable is loose")
    contains(ctl("cameras").err, "the cable is loose")
    fake(cameras=[])
    contains(ctl("status").out, "Camera: none")
    fake(cameras=[["/dev/video0", "streaming"]])


def test_status_plugin_with_error():
    """status shows a plugin that is in use although something is wrong with it"""
    before = ctl("show", "--json=short", "-p", "Plugins").json()["Plugins"]
    fake(set={"Plugins": [{**p, "error": "has changed on disk"} if p["name"] == "box" else p for p in before]})
    contains(ctl("status").out, "box 0.1.0 (aligner); something is wrong")
    contains(ctl("status").out, "1 could not be loaded")
    fake(set={"Plugins": before})
    assert "something is wrong" not in ctl("status").out


def test_show():
    """show prints NAME=VALUE, all or some, of the service or a camera"""
    lines = ctl("show").out.splitlines()
    for line in ("State=watching", "Enabled=yes", "Features=claims classify-image replay", "Model.name=fake",
                 "Statistics.frames=100", "Plugins.0.in-use=aligner", "LastError="):
        assert line in lines, line
    equal(ctl("show", "-p", "State").out, "State=watching\n")
    equal(ctl("show", "-p", "State", "-p", "Version", "--value").out.split(), ["0.1.0", "watching"])
    equal(ctl("show", "-p", "Model.name", "--value").out, "fake\n")
    assert len(ctl("show", "-p", "Model").out.splitlines()) == 6
    r = ctl("show", "-p", "Stat", code=3)
    contains(r.err, "'Stat'")
    equal(r.out, "")
    equal(ctl("show", "--json=short", "-p", "Model.name", "-p", "Enabled").json(), {"Model.name": "fake", "Enabled": True})
    ctl("show", "--json=short", "-p", "Nothing", code=3)
    equal(ctl("show", "--json=short").json()["Statistics"]["frames-dropped"], 2)
    for camera in ("0", "camera/0", "/dev/video0", lib.ROOT + "/camera/0"):
        equal(ctl("show", camera, "-p", "Width").out, "Width=640\n")
    contains(ctl("show", "7", code=3).err, "no camera '7'")


def test_faces():
    """faces lists who is in view; nobody is no error"""
    fake(faces=[{"number": 4000000000}, {"number": 2, "emotion": "unsure", "confidence": 0.25, "points": 68}])
    r = ctl("faces")
    equal(len(r.out.splitlines()), 3)
    contains(r.out, "4000000000")
    contains(r.out, "80x90+10+20")
    equal(len(ctl("faces", "--no-legend").out.splitlines()), 2)
    j = ctl("faces", "--json=short").json()
    equal([f["face"] for f in j], [4000000000, 2])
    equal(len(j[1]["landmarks"]), 68)
    equal(j[0]["box"], [10.5, 20.0, 80.0, 90.25])
    equal([(f["quality"], "yaw" in f) for f in j], [(0.75, False)] * 2)
    fake(faces=[{"yaw": -12.0, "pitch": 4.0, "roll": 1.5, "attention": True, "points": 68}, {"number": 2}])
    lines = ctl("faces").out.splitlines()
    for part in ("yes", "12 left, 4 up", "75%"):
        contains(lines[1], part)
    contains(lines[2], " - ")
    j = ctl("faces", "--json=short").json()
    equal((j[0]["yaw"], j[0]["attention"]), (-12.0, True))
    fake(faces=[])
    equal(ctl("faces").out, "")
    contains(ctl("faces").err, "Nobody")
    equal(ctl("faces", "-q").err, "")
    equal(ctl("faces", "--json=short").json(), [])
    fake(set={"State": "idle"})
    contains(ctl("faces").err, "emotionctl watch")
    fake(set={"State": "watching"}, faces=[{}])


def test_lists():
    """cameras and plugins list what there is, and what is wrong with it"""
    fake(cameras=[["/dev/video%d" % i, "closed"] for i in range(11)])
    j = ctl("cameras", "--json=short").json()
    equal([c["Path"].rsplit("/", 1)[1] for c in j], [str(i) for i in range(11)], "by number, not by letter")
    r = ctl("cameras")
    equal(len(r.out.splitlines()), 12)
    contains(r.err, "11 cameras")
    fake(cameras=[])
    equal(ctl("cameras").out, "")
    contains(ctl("cameras").err, "0 cameras")
    fake(cameras=[["/dev/video0", "streaming"]])
    r = ctl("plugins")
    contains(r.out, "ABI 7")
    contains(r.out, "third party")
    equal(ctl("plugins", "--json=short").json()[1]["error"], "ABI 7, but this emotiond speaks 1")


def test_clients():
    """clients lists who holds a claim, with what this machine knows of the process"""
    r = ctl("clients")
    contains(r.out, pwd.getpwuid(os.getuid()).pw_name)
    contains(r.out, "0.5")
    contains(r.err, "2 claims listed.")
    first, second = ctl("clients", "--json=short").json()
    equal(first["user"], pwd.getpwuid(os.getuid()).pw_name)
    assert "user" not in second and "uid" not in second, second


def test_verbs_are_told_everywhere():
    """Each verb is in the help, in both completions and in the manual page, and nothing else is"""
    def file(name):
        with open(os.path.join(lib.SRCDIR, name)) as f:
            return f.read()

    told = ctl("--help").out.split("Verbs:")[1].split("Options:")[0]
    verbs = [line.split()[0] for line in told.splitlines() if re.match(r"  [a-z]", line)]
    bash = re.search(r"local verbs='([^']*)'", file("conf/completion/bash/emotionctl")).group(1).split()
    zsh = re.search(r"verbs=\((.*?)\n *\)", file("conf/completion/zsh/_emotionctl"), re.S).group(1)
    page = file("docs/emotionctl.1").split(".SH VERBS")[1].split(".SH")[0]
    equal(bash, verbs, "bash")
    equal(re.findall(r"'([a-z]+):", zsh), verbs, "zsh")
    # a paragraph may be of two verbs, and a verb may have several
    heads = [re.findall(r"[a-z]+", head.replace(r"\fI", " ")) for head in re.findall(r"\.TP\n\.[A-Z]+ (.*)", page)]
    named = [word for head in heads for i, word in enumerate(head) if i == 0 or word in verbs]
    equal(list(dict.fromkeys(named)), verbs, "emotionctl(1)")


def test_properties_are_told_everywhere():
    """The service that stands in for emotiond here has the properties of the interface, and no others"""
    for kind, path in (("Manager", lib.ROOT), ("Camera", lib.ROOT + "/camera/0")):
        with open(os.path.join(lib.SRCDIR, "daemon", "%s.%s.xml" % (lib.NAME, kind))) as f:
            wanted = re.findall(r'<property name="([A-Za-z]+)"', f.read())
        equal(sorted(lib.properties(bus.connect(), lib.NAME + "." + kind, path)), sorted(wanted), kind)


def test_control_characters():
    """What a device calls itself cannot steer the terminal"""
    evil = "Evil\033[2JCam\u009b2J \u00e9 \u202ebackwards\u2066\u2028"
    fake(**{"camera-name": evil, "set": {"Version": "1\033]0;x\007\u009b2J\u202e"}})
    for verb in (["status"], ["cameras"], ["show", "0"], ["show"]):
        for json in ([], ["--json=short"], ["--json=pretty"]):
            r = ctl(*verb, *json)
            for c in "\033\007\u009b\u202e\u2066\u2028":
                assert c not in r.out, (verb, json, c)
            if verb != ["show"]:
                contains(r.out, "\u00e9")
    fake(**{"camera-name": "Fake Camera", "set": {"Version": "0.1.0"}})


def on_terminal(*args, **env):
    """What emotionctl prints on a terminal."""
    return on_terminal_code(0, *args, **env)


def on_terminal_code(code, *args, columns=0, **env):
    import fcntl
    import pty
    import struct
    import termios
    try:
        master, slave = pty.openpty()
    except OSError as e: # a container without devpts
        raise lib.Skip("no terminal to be had: %s" % e) from e
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    p = subprocess.Popen([lib.tool("emotionctl"), *args], stdin=slave, stdout=slave, stderr=slave,
                         env={**os.environ, "TERM": "xterm", "PAGER": "", **env})
    os.close(slave)
    out = b""
    while True:
        try:
            data = os.read(master, 4096)
        except OSError:  # EIO: the other side is closed
            break
        if not data:
            break
        out += data
    os.close(master)
    equal(p.wait(lib.PATIENCE), code)
    return out.decode()


def test_terminal():
    """Colours and the pager are for terminals only, and can be switched off"""
    contains(on_terminal("status"), "\033[32mwatching")
    contains(on_terminal("cameras"), "\033[1mCAMERA")
    for env in ({"NO_COLOR": "1"}, {"TERM": "dumb"}):
        assert "\033" not in on_terminal("status", **env), env
    assert "\033" not in on_terminal("status", "--json=short")
    contains(on_terminal("show", "-j"), "\n  \"State\"")
    contains(on_terminal("show", "-p", "State", PAGER="sed s/^/paged:/"), "paged:State=watching")
    equal(on_terminal("show", "-p", "State", "--no-pager", PAGER="sed s/^/paged:/").strip(), "State=watching")


def test_narrow():
    """Tables keep to the terminal: columns of words are cut, why a plugin was refused goes on in the next line"""
    fake(cameras=[["/dev/v4l/by-id/usb-a-very-long-name-of-a-camera-video-index0", "streaming"]])
    for columns in (60, 80):
        for verb in ("plugins", "cameras"):
            lines = on_terminal(verb, columns=columns, NO_COLOR="1", LC_ALL="C.UTF-8").splitlines()
            for line in lines:
                assert len(line.rstrip("\r")) <= columns, line
    lines = on_terminal("plugins", columns=60, NO_COLOR="1", LC_ALL="C.UTF-8").splitlines()
    words = " ".join(" ".join(lines).split())
    for word in "ABI 7, but this emotiond speaks 1".split():
        contains(words, word)
    contains(on_terminal("cameras", columns=80, NO_COLOR="1", LC_ALL="C.UTF-8"), "\u2026")
    for columns, counts in ((60, False), (120, True)):  # numbers are there whole or not at all
        heading = on_terminal("cameras", columns=columns, NO_COLOR="1").splitlines()[0].split()
        equal("FRAMES" in heading, counts)
        assert {"SIZE", "FPS"} <= set(heading), heading
    contains(on_terminal("cameras", columns=80, NO_COLOR="1", LC_ALL="C"), "~")
    contains(ctl("cameras").out, "usb-a-very-long-name-of-a-camera-video-index0")  # no terminal: whole
    fake(cameras=[["/dev/video0", "streaming"]])


def test_words_for_options():
    """help and version are verbs, too"""
    equal(ctl("help").out, ctl("--help").out)
    equal(ctl("version").out, ctl("--version").out)


def completion_folder():
    """A folder with pictures, and the environment of a shell that is in it and finds emotionctl."""
    folder = os.path.join(bus.folder, "pictures")
    os.makedirs(folder, exist_ok=True)
    for name in ("b b.png", "b c.png"):
        with open(os.path.join(folder, name), "w"):
            pass
    return {"cwd": folder, "env": {**os.environ, "PATH": lib.BUILDDIR + ":" + os.environ["PATH"], "TERM": "dumb"}}


def test_bash_completion():
    """bash completes verbs, options and cameras, and files whatever blanks their names have"""
    source = os.path.join(lib.SRCDIR, "conf", "completion", "bash", "emotionctl")
    script = """. "$0"; compopt() { :; }; COMP_WORDS=(emotionctl "$@"); COMP_CWORD=$#; _emotionctl
                printf '%s\\n' "${COMPREPLY[@]}" """

    def complete(*words):
        p = subprocess.run(["bash", "--norc", "-c", script, source, *words], stdout=subprocess.PIPE,
                           stderr=subprocess.PIPE, text=True, **completion_folder())
        equal(p.stderr, "")
        return sorted(p.stdout.splitlines())
    equal(complete("cl"), ["classify", "clients"])
    equal(complete("classify", "b"), ["b b.png", "b c.png"])
    equal(complete("preview", "--png", "=", "b b"), ["b b.png"])
    equal(complete("classify", "faces", "b"), ["b b.png", "b c.png"], "the first word is the verb")
    equal(complete("watch", "--camera", "=", ""), ["/dev/video0", "camera/0"])
    contains(complete("show", "--p"), "--property=")


def test_zsh_completion():
    """zsh completes the words after options, with and without arguments"""
    if not shutil.which("zsh"):
        raise lib.Skip("the Debian package zsh is not installed")
    import pty
    try:
        master, slave = pty.openpty()
    except OSError as e:
        raise lib.Skip("no terminal to be had: %s" % e) from e
    p = subprocess.Popen(["zsh", "-f", "-i"], stdin=slave, stdout=slave, stderr=slave, start_new_session=True,
                         **completion_folder())
    atexit.register(p.kill)  # it is not to be ended by less
    os.close(slave)
    os.set_blocking(master, False)

    def shows(typed, wanted):
        """Types and waits for what is @wanted."""
        seen = ""
        os.write(master, typed.encode())

        def there():
            nonlocal seen
            try:
                seen += os.read(master, 65536).decode(errors="replace")
            except OSError:  # nothing yet
                pass
            return wanted in seen
        try:
            wait_for(there)
        except AssertionError as e:
            raise AssertionError("%r gave %r, not %r" % (typed, seen, wanted)) from e
    shows("fpath=(%s $fpath); autoload -Uz compinit; compinit -u -D; setopt no_auto_menu; echo loa''ded\n" %
          os.path.join(lib.SRCDIR, "conf", "completion", "zsh"), "loaded")
    for typed, wanted in (("-j wat", "watch "), ("-j show /d", "video0 "), ("show -q /d", "video0 "),
                          ("--json=pr", "etty"), ("classify -q ", "b\\ ")):
        shows("emotionctl " + typed + "\t", wanted)
        shows("\x15echo do''ne\n", "done")
    p.kill()
    p.wait()
    os.close(master)


def test_enable_disable():
    """enable and disable say when there is nothing to do: status 2"""
    contains(ctl("enable", code=2).err, "already")
    contains(ctl("disable").err, "off")
    ctl("disable", code=2)
    equal(ctl("enable", "-q").err, "")
    equal(ctl("enable", "-q", code=2).err, "")
    ctl("reload")


def test_refusals():
    """Each error of the service becomes a sentence with something to do"""
    for name, part in ((lib.ERROR + "InvalidConfiguration", "line 3"), ("org.freedesktop.DBus.Error.AccessDenied", "sudo"),
                       ("org.freedesktop.DBus.Error.NoReply", "journalctl"),
                       ("org.freedesktop.DBus.Error.UnknownMethod", "older")):
        fake(fail=["Reload", name, "emotiond.conf, line 3"])
        contains(ctl("reload", code=1).err, part)
    fake(fail=["Reload"])
    fake(fail=["GetFaces", "org.freedesktop.DBus.Error.AccessDenied", "policy"])
    # a test that runs as root is told of the policy instead
    contains(ctl("faces", code=1).err, "policy for emotiond is missing" if os.geteuid() == 0 else "usermod -aG emotion")
    fake(fail=["GetFaces"])
    for name, part in (("Disabled", "emotionctl enable"), ("TooManyClaims", "Too many"), ("InvalidOption", "because")):
        fake(fail=["Claim", lib.ERROR + name, "because"])
        contains(ctl("watch", "--seconds=20", code=1).err, part)
    fake(fail=["Claim"])


def test_timeout():
    """--timeout bounds the wait for an answer"""
    fake(delay=["Reload", 60])
    begin = time.monotonic()
    contains(ctl("reload", "--timeout=0.3", code=1).err, "in time")
    assert time.monotonic() - begin < 50
    fake(delay=["Reload", 0])


def test_classify():
    """classify prints one object for each file, and goes on after a bad one"""
    turned = {"yaw": 40.0, "pitch": 1.0, "roll": 0.0, "attention": False}
    fake(faces=[{"points": 68}, {"emotion": "sadness", "confidence": 0.5, **turned}])
    a, b = picture("a.png", 32, 24), picture("b b.png", 7, 9)
    r = ctl("classify", "--json=short", a, b).lines()
    equal([(o["file"], o["width"], o["height"]) for o in r], [(a, 32, 24), (b, 7, 9)])
    equal(set(r[0]), {"file", "width", "height", "faces"})
    face = r[0]["faces"][0]
    equal(set(face), {"box", "landmarks", "emotion", "confidence", "scores", "quality"})
    equal((len(face["landmarks"]), r[0]["faces"][1]["landmarks"]), (68, []))
    equal({k: v for k, v in r[0]["faces"][1].items() if k in turned}, turned)
    equal(face["emotion"], "happiness")
    assert abs(sum(face["scores"].values()) - 1) < 1e-5
    contains(ctl("classify", a).out, "happiness 90%")
    missing = os.path.join(bus.folder, "missing.jpg")
    r = ctl("classify", missing, a, "--json=short", code=3)
    contains(r.err, "missing.jpg: No such file")
    equal(len(r.lines()), 1)
    broken = os.path.join(bus.folder, "broken.png")
    with open(broken, "wb") as f:
        f.write(png(32, 24)[:30])
    ctl("classify", broken, missing, a, code=1)
    fifo = os.path.join(bus.folder, "fifo")
    os.mkfifo(fifo)
    for path in (fifo, "/dev/zero", bus.folder):
        ctl("classify", path, code=1, seconds=10)
    r = ctl("classify", "-", "--json=short", stdin=open(a, "rb"))
    equal(r.json()["width"], 32)
    p = subprocess.run([lib.tool("emotionctl"), "classify", "-", "--json=short"], input=png(5, 6), stdout=subprocess.PIPE)
    equal(json.loads(p.stdout)["height"], 6)
    fake(faces=[])
    contains(ctl("classify", a).out, "no face")
    equal(ctl("classify", "--json=short", a).json()["faces"], [])
    fake(fail=["ClassifyImage", lib.ERROR + "InvalidImage", "its Huffman table is cut"])
    contains(ctl("classify", a, code=1).err, "a.png: its Huffman table is cut")
    fake(fail=["ClassifyImage"], faces=[{}])


def decode_png(path):
    """Width, height and the pixels (red, green, blue) of one of our PNG files."""
    import zlib
    with open(path, "rb") as f:
        data = f.read()
    at, idat = 8, b""
    while at < len(data):
        n, kind = int.from_bytes(data[at:at + 4], "big"), data[at + 4:at + 8]
        if kind == b"IHDR":
            width, height = (int.from_bytes(data[at + 8 + i:at + 12 + i], "big") for i in (0, 4))
            equal(data[at + 16:at + 18], b"\x08\x02")
        elif kind == b"IDAT":
            idat += data[at + 8:at + 8 + n]
        at += 12 + n
    raw, rows, before = zlib.decompress(idat), [], bytes(3 * width)
    for y in range(height):
        kind, line = raw[y * (3 * width + 1)], bytearray(raw[y * (3 * width + 1) + 1:(y + 1) * (3 * width + 1)])
        for i in range(3 * width):
            a, b, c = line[i - 3] if i > 2 else 0, before[i], before[i - 3] if i > 2 else 0
            pa, pb, pc = abs(b - c), abs(a - c), abs(a + b - 2 * c)
            paeth = a if pa <= pb and pa <= pc else b if pb <= pc else c
            line[i] = (line[i] + (0, a, b, (a + b) // 2, paeth)[kind]) & 255
        before = bytes(line)
        rows.append([tuple(line[i:i + 3]) for i in range(0, 3 * width, 3)])
    return width, height, rows


def test_preview():
    """preview draws boxes and points over the picture, to a file or on the terminal"""
    png_file = os.path.join(bus.folder, "preview.png")
    fake(faces=[{"points": 68, "attention": True, "yaw": 0.0, "pitch": 0.0, "roll": 0.0}])
    claimed(0)
    ctl("preview", "--png", png_file)
    equal(os.stat(png_file).st_mode & 0o777, 0o600, "faces are for the user to show")
    claimed(0)
    width, height, rows = decode_png(png_file)
    equal((width, height), (320, 240))
    equal(rows[200][300], (64 + 75,) * 3)
    equal(rows[20][50], (64, 255, 96))  # the upper edge of a box at 10.5, 20, 80 wide
    equal(rows[60][11], (64, 255, 96))
    equal(rows[4][2], (255, 255, 255))  # a point at 2, 4
    j = ctl("preview", "--json=short", "--count=2").lines()
    equal([(o["width"], o["height"], o["timestamp_usec"], len(o["faces"])) for o in j], [(320, 240, 77, 1)] * 2)
    env = {**os.environ, "COLUMNS": "60", "LINES": "20", "NO_COLOR": ""}
    r = ctl("preview", "--count=1", env={**env, "COLORTERM": "truecolor"})
    lines = r.out.splitlines()
    equal(len([x for x in lines if "\u2580" in x]), 15)
    assert all(x.count("\u2580") == 40 for x in lines[:15]), "60 by 20 cells hold a picture of 40 by 15"
    contains(r.out, "\033[38;2;64;255;96m")
    contains(r.out, "80x90 px, quality 75%, happiness 90%")
    grey = ctl("preview", "--count=1", env={**env, "COLORTERM": ""}).out
    assert "\033[38;2" not in grey
    contains(grey, "\033[38;5;2")
    screen = on_terminal("preview", "--count=2", COLORTERM="truecolor", NO_COLOR="")
    assert screen.startswith("\033[?1049h") and "\033[?1049l" in screen[-20:], "the screen is given back"
    contains(on_terminal_code(1, "preview", TERM="dumb"), "--png")


def test_preview_ends():
    """preview ends with --seconds, SIGINT and SIGTERM, and gives the camera back"""
    ctl("preview", "--json=short", "--seconds=0.3")
    ctl("preview", "--json=short", "--seconds=0.3", "--count=100", code=1)
    for sig in (signal.SIGINT, signal.SIGTERM):
        p = subprocess.Popen([lib.tool("emotionctl"), "preview", "--json=short"], stdout=subprocess.PIPE, text=True)
        json.loads(p.stdout.readline())
        claimed()
        p.send_signal(sig)
        equal(p.wait(lib.PATIENCE), 0)
        p.stdout.close()
        claimed(0)


def test_preview_refused():
    """preview says what is in the way, and opens no camera where it is not allowed"""
    for error, part in (("PreviewForbidden", "allow_preview"), ("Disabled", "emotionctl enable")):
        fake(fail=["Preview", lib.ERROR + error, "why"])
        contains(ctl("preview", "--json=short", code=1).err, part)
        claimed(0)
    fake(fail=["Preview", "org.freedesktop.DBus.Error.AccessDenied", "no"])
    equal(ctl("preview", "--json=short", code=1).err, "Only the administrator may do this: try it with sudo.\n")
    # a camera that opens: asked again until there is a picture
    fake(fail=["Preview", lib.ERROR + "NoCamera", "starting"])
    p = subprocess.Popen([lib.tool("emotionctl"), "preview", "--json=short", "--count=1"], stdout=subprocess.DEVNULL)
    claimed()
    fake(fail=["Preview"])
    equal(p.wait(lib.PATIENCE), 0)
    fake(**{"preview-bytes": 1000})  # less than it says
    contains(ctl("preview", "--json=short", "--count=1", code=1).err, "answer of emotiond")
    fake(**{"preview-bytes": 320 * 240})
    ctl("preview", "--png=/nonexistent/x.png", code=1)
    contains(ctl("preview", "--min-hold-ms=5", code=1).err, "does not take")
    contains(ctl("preview", "--camera=9", "--json=short", code=3).err, "no camera '9'")


def test_preview_of_another_camera():
    """preview --camera shows no picture of a camera that others have open, but waits for its own, and not for ever"""
    path = os.path.join(bus.folder, "another.png")
    fake(**{"preview-camera": 1})
    p = subprocess.Popen([lib.tool("emotionctl"), "preview", "--camera=0", "--json=short", "--count=1"],
                         stdout=subprocess.PIPE, text=True)
    claimed()
    equal(list(claims().values())[0], {"camera": lib.ROOT + "/camera/0"})
    before = n_calls("Preview")
    wait_for(lambda: n_calls("Preview") > before + 1)
    equal(p.poll(), None, "the picture of camera 1 was taken")
    fake(**{"preview-camera": 0})
    equal(len(p.communicate(timeout=lib.PATIENCE)[0].splitlines()), 1)
    equal(p.returncode, 0)
    fake(**{"preview-camera": 1})
    contains(ctl("preview", "--camera=0", "--png", path, code=1).err, "Another camera is in use")
    assert not os.path.exists(path)
    ctl("preview", "--json=short", "--count=1")  # any camera will do
    fake(**{"preview-camera": 0})


def test_watch():
    """watch prints each event as one JSON object, and ends with 0 on SIGINT"""
    claimed(0)
    w = Watch()
    claimed()
    fake(emit=["FaceAppeared", 7])
    fake(emit=["EmotionChanged", 7, "unsure", "happiness", 0.875])
    fake(emit=["FaceVanished", 7])
    fake(emit=["AttentionChanged", 7, True])
    events = wait_for(lambda: len(w.events()) == 4 and w.events())
    equal([e["event"] for e in events], ["FaceAppeared", "EmotionChanged", "FaceVanished", "AttentionChanged"])
    equal((events[3]["face"], events[3]["attention"], events[3]["yaw"]), (7, True, 12.5))
    e = events[1]
    equal((e["face"], e["from"], e["to"], e["confidence"]), (7, "unsure", "happiness", 0.875))
    equal(e["box"], [1.0, 2.0, 3.0, 4.0])
    equal(e["camera"], lib.ROOT + "/camera/0")
    assert abs(sum(e["scores"].values()) - 1) < 1e-5
    assert time.monotonic_ns() // 1000 - e["timestamp_usec"] < 60e6
    equal(len(e["time"]), len("2000-01-01T00:00:00.000000Z"))
    equal(w.stop(), 0)
    claimed(0)


def test_watch_text():
    """watch prints one line for people too; --count ends it, so do SIGTERM and --seconds"""
    claimed(0)
    p = subprocess.Popen([lib.tool("emotionctl"), "watch", "--count=4"], stdout=subprocess.PIPE, text=True)
    claimed()
    fake(emit=["AttentionChanged", 7, True])
    fake(emit=["AttentionChanged", 7, False])
    fake(emit=["EmotionChanged", 7, "unsure", "happiness", 0.875])
    fake(emit=["FaceVanished", 7])
    out = p.communicate(timeout=lib.PATIENCE)[0].splitlines()
    equal(p.returncode, 0)
    contains(out[0], "faces the camera")
    contains(out[1], "looks away")
    contains(out[2], "unsure -> happiness  88%")
    contains(out[3], "vanished")
    equal(len(out), 4)
    claimed(0)
    ctl("watch", "--seconds=0.2", code=0)
    ctl("watch", "--seconds=0.2", "--count=1", code=1)
    claimed(0)
    w = Watch()
    claimed()
    equal(w.stop(signal.SIGTERM), 0)


def test_watch_options():
    """The options of watch become those of its claim"""
    claimed(0)
    w = Watch("--min-confidence=0.5", "--min-hold-ms=250", "--max-rate-hz=2", "--emotion=happiness", "--emotion=fear",
              "--camera=/dev/video0")
    claimed()
    equal(list(claims().values())[0], {"min-confidence": 0.5, "min-hold-ms": 250, "max-rate-hz": 2.0,
                                       "emotions": ["happiness", "fear"], "camera": lib.ROOT + "/camera/0"})
    fake(emit=["FaceAppeared", 7])
    fake(emit=["EmotionChanged", 7, "unsure", "happiness", 0.875])
    wait_for(lambda: w.events())
    equal(w.events()[0]["event"], "EmotionChanged")
    equal(w.stop(), 0)
    claimed(0)
    w = Watch()
    claimed()
    equal(list(claims().values())[0], {})
    equal(w.stop(), 0)
    contains(ctl("watch", "--camera=9", code=3).err, "no camera '9'")


def watched_cameras():
    """The camera of each claim, by its number."""
    return sorted(o["camera"].rsplit("/", 1)[1] for o in claims().values())


def test_watch_camera_unplugged():
    """watch --camera waits for a camera that was unplugged, and claims it again under its new number"""
    claimed(0)
    fake(cameras=[["/dev/video0", "streaming"], ["/dev/video2", "closed"]])
    w = Watch("--camera=1")
    claimed()
    equal(watched_cameras(), ["1"])
    fake(cameras=[["/dev/video0", "streaming"]])
    wait_for(lambda: "/dev/video2 was unplugged; waiting for it.\n" in w.errors())
    asked = n_calls("GetManagedObjects")
    fake(cameras=[["/dev/video0", "streaming"], ["/dev/video4", "closed", 5]])
    wait_for(lambda: n_calls("GetManagedObjects") > asked)
    fake(emit=["FaceAppeared", 6])
    fake(cameras=[["/dev/video0", "streaming"], ["/dev/video4", "closed", 5], ["/dev/video2", "closed", 7]])
    wait_for(lambda: watched_cameras() == ["7"])
    wait_for(lambda: "/dev/video2 is there; watching.\n" in w.errors())
    fake(emit=["FaceAppeared", 8])
    wait_for(lambda: w.events())
    equal([e["face"] for e in w.events()], [8], "camera 5 is another")
    equal(w.errors().count("waiting"), 1, w.errors())
    equal(w.stop(), 0)
    fake(cameras=[["/dev/video0", "streaming"]])


def test_watch_camera_restart():
    """watch --camera outlives the service, and waits for a service and a camera that are not there"""
    claimed(0)
    global fake
    w = Watch("--camera=camera/0")
    claimed()
    fake(rename=[["/dev/video3", "closed"], ["/dev/video0", "closed", 9]])
    wait_for(lambda: watched_cameras() == ["9"])
    fake(rename=[["/dev/video3", "closed"]])
    wait_for(lambda: "/dev/video0 is not there; waiting for it.\n" in w.errors())
    equal(claims(), {})
    fake(cameras=[["/dev/video3", "closed"], ["/dev/video0", "closed", 4]])
    wait_for(lambda: watched_cameras() == ["4"])
    fake.stop()
    early, never = Watch("--camera=/dev/video0"), Watch("--camera=/dev/video9")
    for waits in (w, early, never):
        wait_for(lambda: waits.errors().endswith("emotiond is not running; waiting for it.\n"))
    fake = Fake()
    wait_for(lambda: watched_cameras() == ["0", "0"])
    fake(emit=["FaceAppeared", 8])
    wait_for(lambda: w.events() and early.events())
    equal(never.process.wait(lib.PATIENCE), 3)
    contains(never.errors(), "no camera '/dev/video9'")
    equal((w.stop(), early.stop()), (0, 0))


def test_watch_camera_races():
    """watch --camera bears that its camera goes while it is claimed, and comes while all is switched off"""
    claimed(0)
    fake(fail=["Claim", lib.ERROR + "InvalidOption", "camera: there is none"], delay=["Claim", 1])
    before = n_calls("Claim")
    w = Watch("--camera=0")
    wait_for(lambda: n_calls("Claim") > before)
    fake(cameras=[])
    wait_for(lambda: "was unplugged" in w.errors())
    fake(fail=["Claim"], delay=["Claim", 0])
    lib.linger(1.5)
    equal(w.process.poll(), None, w.errors())
    fake(cameras=[["/dev/video0", "closed", 3]])
    wait_for(lambda: watched_cameras() == ["3"])
    # the service refuses a claim while it is switched off, though it keeps those that it has
    fake(cameras=[], fail=["Claim", lib.ERROR + "Disabled", "off"])
    wait_for(lambda: w.errors().count("was unplugged") == 2)
    fake(cameras=[["/dev/video0", "closed", 5]])
    wait_for(lambda: "emotionctl enable" in w.errors())
    fake(fail=["Claim"])
    fake(set={"Enabled": True})
    wait_for(lambda: watched_cameras() == ["5"])
    equal(w.stop(), 0)
    fake(cameras=[["/dev/video0", "streaming"]])


def test_watch_forgery():
    """A signal from anybody but the service is not believed"""
    claimed(0)
    w = Watch("--camera=0")
    claimed()
    name = list(claims())[0]
    stranger = bus.connect()

    def forge(interface, member, signature, *arguments):
        forged = lib.dbus.lowlevel.SignalMessage(lib.ROOT, interface, member)
        forged.set_destination(name)
        forged.append(*arguments, signature=signature)
        stranger.send_message(forged)
        stranger.flush()
    nothing = lib.dbus.Dictionary({}, signature="sv")
    forge(lib.MANAGER, "FaceAppeared", "uta{sv}", 666, 1, nothing)
    forge("org.freedesktop.DBus.ObjectManager", "InterfacesRemoved", "oas", lib.ROOT + "/camera/0", [lib.CAMERA])
    forge("org.freedesktop.DBus.Properties", "PropertiesChanged", "sa{sv}as", lib.MANAGER,
          {"State": "no-camera"}, lib.dbus.Array([], signature="s"))
    fake(emit=["FaceAppeared", 7])
    wait_for(lambda: w.events())
    equal([e["face"] for e in w.events()], [7])
    equal(w.errors(), "")
    # and while it waits for its camera a stranger cannot have it ask again and again
    fake(cameras=[])
    wait_for(lambda: "unplugged" in w.errors())
    asked = n_calls("GetManagedObjects")
    forge("org.freedesktop.DBus.ObjectManager", "InterfacesAdded", "oa{sa{sv}}", lib.ROOT + "/camera/0",
          lib.dbus.Dictionary({lib.CAMERA: nothing}, signature="sa{sv}"))
    fake(cameras=[["/dev/video0", "streaming"]])
    claimed()
    wait_for(lambda: "is there" in w.errors())
    equal(n_calls("GetManagedObjects"), asked + 1)
    stranger.close()
    equal(w.stop(), 0)


def test_watch_reader_leaves():
    """When its reader leaves, watch gives the camera back at once and in silence"""
    claimed(0)
    p = subprocess.Popen([lib.tool("emotionctl"), "watch"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    claimed()
    p.stdout.close()
    equal(p.wait(lib.PATIENCE), 0)
    equal(p.stderr.read(), b"")
    p.stderr.close()
    claimed(0)
    p = subprocess.Popen([lib.tool("emotionctl"), "show"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    p.stdout.close()
    equal(p.wait(lib.PATIENCE), 0)
    equal(p.stderr.read(), b"")
    p.stderr.close()


def test_watch_restart():
    """watch outlives the service and claims again; it may come before the service, too"""
    claimed(0)
    global fake
    w = Watch("--min-confidence=0.5")
    claimed()
    fake.stop()
    wait_for(lambda: "waiting" in w.errors())
    early = Watch()
    wait_for(lambda: "waiting" in early.errors())
    fake = Fake()
    claimed(2)
    assert {"min-confidence": 0.5} in claims().values()
    fake(emit=["FaceAppeared", 8])
    wait_for(lambda: w.events() and early.events())
    fake.stop()
    fake = Fake()
    claimed(2)
    equal((w.stop(), early.stop()), (0, 0))


def test_watch_switched_off_meanwhile():
    """A service that comes back switched off is claimed when it is switched on"""
    claimed(0)
    w = Watch()
    claimed()
    fake(fail=["Claim", lib.ERROR + "Disabled", "off"])
    fake(rename=True)
    wait_for(lambda: "enable" in w.errors())
    fake(fail=["Claim"])
    fake(set={"Enabled": True})
    claimed()
    equal(w.stop(), 0)


def test_watch_bus_goes():
    """When the message bus goes away, watch says so: status 1"""
    claimed(0)
    w = Watch()
    claimed()
    # one that finds the answer to its claim, and can ask nothing more
    fake(delay=["Claim", 0.5])
    late = Watch()
    claimed(2)
    late.process.send_signal(signal.SIGSTOP)
    lib.linger(1)
    bus.stop()
    late.process.send_signal(signal.SIGCONT)
    for watch in (w, late):
        equal(watch.process.wait(lib.PATIENCE), 1)
        equal(watch.errors().splitlines()[-1], "The message bus went away.")


lib.run(globals())
