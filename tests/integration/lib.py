# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the integration tests share: TAP, a message bus of their own with the shipped policy, emotionctl, emotiond.

A test file defines functions test_*(...) and calls run(globals()); the first line of each one's docstring names it.
"""
import atexit
import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback

try:
    import dbus
    from dbus.bus import BusConnection
    from dbus.mainloop.glib import DBusGMainLoop
    from gi.repository import GLib
except ImportError:
    # python3-dbus belongs to Debian's own interpreter; another one may come first in PATH
    if sys.executable != "/usr/bin/python3" and os.path.exists("/usr/bin/python3"):
        os.execv("/usr/bin/python3", ["/usr/bin/python3", *sys.argv])
    print("1..0 # SKIP the Debian packages python3-dbus and python3-gi are needed")
    sys.exit(0)

HERE = os.path.dirname(os.path.abspath(__file__))
SRCDIR = os.environ.get("EMO_SRCDIR", os.path.dirname(os.path.dirname(HERE)))
BUILDDIR = os.environ.get("EMO_BUILDDIR", os.path.join(SRCDIR, "build"))
SHARED = os.environ.get("EMO_SHARED", os.path.join(SRCDIR, "..", "shared"))

NAME = "org.emotiond.Emotion1"
ROOT = "/org/emotiond/Emotion1"
MANAGER, CAMERA = NAME + ".Manager", NAME + ".Camera"
ERROR = NAME + ".Error."
POLICY = os.path.join(SRCDIR, "conf", NAME + ".conf")
REACTIONS_POLICY = os.path.join(SRCDIR, "conf", "org.emotiond.Reactions1.conf")



def is_sanitized():
    """True if the programs were built with AddressSanitizer: all is slower, and a leak is an exit status."""
    try:
        with open(os.path.join(BUILDDIR, "emotionctl"), "rb") as f:
            if b"asan" in f.read():
                return True
        with open(os.path.join(BUILDDIR, ".libs", "emotionctl"), "rb") as f:
            return b"asan" in f.read()
    except OSError:
        return False


SANITIZED = is_sanitized()
# seconds until a thing that must happen is given up: for a busy machine with several tests at a time
PATIENCE = 120 if SANITIZED else 60


class Skip(Exception):
    pass


def wait_for(what, seconds=PATIENCE, pause=0.02):
    """Calls what() until it gives something true, and returns that."""
    end = time.monotonic() + seconds
    while True:
        pump()
        value = what()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError("this did not happen in %g s: %s" % (seconds, what.__doc__ or what))
        time.sleep(pause)


def pump():
    """Lets the clients of this process receive."""
    context = GLib.MainContext.default()
    while context.iteration(False):
        pass


def linger(seconds):
    """Receives for a while."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        pump()
        time.sleep(0.02)


def equal(got, wanted, about=""):
    if got != wanted:
        raise AssertionError("%s: got %r, wanted %r" % (about or "not equal", got, wanted))


def contains(text, part):
    if part not in text:
        raise AssertionError("%r is not in %r" % (part, text))


def run(namespace):
    """Runs the test_* functions in the order in which they are written."""
    tests = [f for n, f in namespace.items() if n.startswith("test_") and callable(f)]
    only = sys.argv[1:]
    tests = [f for f in tests if not only or f.__name__[5:] in only]
    print("1..%d" % len(tests), flush=True)
    failed = 0
    for i, f in enumerate(tests, 1):
        name = (f.__doc__ or f.__name__).splitlines()[0].rstrip(".")
        try:
            f()
            print("ok %d - %s" % (i, name), flush=True)
        except Skip as s:
            print("ok %d - %s # SKIP %s" % (i, name, s), flush=True)
        except Exception:
            failed += 1
            print("not ok %d - %s" % (i, name), flush=True)
            for line in traceback.format_exc().splitlines():
                print("# " + line, flush=True)
            Fake.end_all() # or the next test would find the bus name taken
    sys.exit(1 if failed else 0)


def end_process(p, seconds=PATIENCE):
    """SIGTERM, and SIGKILL if that does not do; returns the exit status."""
    if p.poll() is None:
        p.terminate()
        try:
            p.wait(seconds)
        except subprocess.TimeoutExpired:
            p.kill()
            p.wait()
    return p.returncode


def adapted_policy(path=POLICY):
    """A shipped policy; the users and groups that only an installation has are replaced by what is here."""
    import pwd
    with open(path) as f:
        text = f.read()
    me, group = pwd.getpwuid(os.getuid()).pw_name, emotion_group().gr_name
    text = re.sub('user="(emotiond|emotion-reactions)"', 'user="%s"' % me, text)
    return re.sub('group="(emotion|emotion-content)"', 'group="%s"' % group, text)


def emotion_group():
    """The group that stands for "emotion"; the bus takes only one that exists."""
    import grp
    for name in ("emotion", "games", "users"):
        try:
            return grp.getgrnam(name)
        except KeyError:
            pass
    raise Skip("there is no group to test with")


# As /usr/share/dbus-1/system.conf: what a system bus allows before any service's own policy.
BUS_CONFIG = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-BUS Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>system</type>
  <listen>unix:path={folder}/bus</listen>
  <auth>EXTERNAL</auth>
  <servicedir>{folder}/services</servicedir>
  <policy context="default">
    <allow user="*"/>
    <deny own="*"/>
    <deny send_type="method_call"/>
    <allow send_type="signal"/>
    <allow send_requested_reply="true" send_type="method_return"/>
    <allow send_requested_reply="true" send_type="error"/>
    <allow receive_type="method_call"/>
    <allow receive_type="method_return"/>
    <allow receive_type="error"/>
    <allow receive_type="signal"/>
    <allow send_destination="org.freedesktop.DBus" send_interface="org.freedesktop.DBus"/>
    <allow send_destination="org.freedesktop.DBus" send_interface="org.freedesktop.DBus.Introspectable"/>
    <allow send_destination="org.freedesktop.DBus" send_interface="org.freedesktop.DBus.Properties"/>
  </policy>
  <include>{folder}/policy.conf</include>
  <include>{folder}/reactions-policy.conf</include>
</busconfig>
"""


class Bus:
    """A dbus-daemon that is a system bus in every respect but its address."""

    def __init__(self):
        if not shutil.which("dbus-daemon"):
            raise Skip("the Debian package dbus-daemon is not installed")
        self.folder = tempfile.mkdtemp(prefix="emotion-bus-")
        atexit.register(shutil.rmtree, self.folder, True)
        os.chmod(self.folder, 0o755)
        os.mkdir(os.path.join(self.folder, "services"))
        with open(os.path.join(self.folder, "policy.conf"), "w") as f:
            f.write(adapted_policy())
        with open(os.path.join(self.folder, "reactions-policy.conf"), "w") as f:
            f.write(adapted_policy(REACTIONS_POLICY))
        config = os.path.join(self.folder, "bus.conf")
        with open(config, "w") as f:
            f.write(BUS_CONFIG.format(folder=self.folder))
        self.address = "unix:path=%s/bus" % self.folder
        # not a pipe: nobody would read it, and a bus that has much to complain of would wait for that
        with open(os.path.join(self.folder, "bus.log"), "w") as log:
            self.process = subprocess.Popen(["dbus-daemon", "--nofork", "--config-file=" + config],
                                            stderr=log if not os.environ.get("V") else None)
        atexit.register(end_process, self.process)
        wait_for(lambda: os.path.exists(os.path.join(self.folder, "bus")))
        os.environ["DBUS_SYSTEM_BUS_ADDRESS"] = self.address
        os.environ["NO_COLOR"] = ""

    def stop(self):
        end_process(self.process)

    def connect(self):
        """A connection of its own for a client that is not ours."""
        return BusConnection(self.address, mainloop=DBusGMainLoop())


def interface(connection, name=MANAGER, path=ROOT):
    return dbus.Interface(connection.get_object(NAME, path, introspect=False), name)


def properties(connection, name=MANAGER, path=ROOT):
    return dbus.Interface(connection.get_object(NAME, path, introspect=False),
                          "org.freedesktop.DBus.Properties").GetAll(name)


class Client:
    """A client that is not ours: calls, and every signal of the service that reaches it."""

    def __init__(self, bus):
        self.connection = bus.connect()
        self.signals = []  # (member, arguments)
        self.connection.add_message_filter(self.on_message)
        self.connection.add_match_string("type='signal',interface='%s'" % MANAGER)

    @property
    def manager(self):
        return interface(self.connection)  # a proxy sticks to the process that had the name when it was made

    def on_message(self, connection, message):
        if message.get_type() == 4 and message.get_interface() == MANAGER:
            self.signals.append((str(message.get_member()), message.get_args_list()))
        return dbus.lowlevel.HANDLER_RESULT_NOT_YET_HANDLED

    def claim(self, options=None):
        self.manager.Claim(dbus.Dictionary(options or {}, signature="sv"))

    def get(self, name=None):
        p = properties(self.connection)
        return p[name] if name else p

    def statistics(self):
        return self.manager.GetStatistics()

    def changes(self):
        """(from, to) of each EmotionChanged."""
        return [(str(a[1]), str(a[2])) for m, a in self.signals if m == "EmotionChanged"]

    def members(self):
        return [m for m, _ in self.signals]

    def close(self):
        self.connection.close()


@contextlib.contextmanager
def refused(error_name):
    """The code inside must fail with this D-Bus error; the value collects the message."""
    caught = []
    try:
        yield caught
    except dbus.DBusException as e:
        equal(e.get_dbus_name(), error_name, e.get_dbus_message())
        caught.append(e.get_dbus_message())
        return
    raise AssertionError("no error came, where %s was due" % error_name)


class Result:
    def __init__(self, code, out, err):
        self.code, self.out, self.err = code, out, err

    def json(self):
        return json.loads(self.out)

    def lines(self):
        return [json.loads(line) for line in self.out.splitlines()]


def tool(name):
    return os.path.join(BUILDDIR, name)


def ctl(*args, code=0, prefix=(), seconds=PATIENCE, **kw):
    """Runs emotionctl and holds its exit status against @code (None: any)."""
    p = subprocess.run([*prefix, tool("emotionctl"), *args], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                       timeout=seconds, stdin=kw.pop("stdin", subprocess.DEVNULL), **kw)
    r = Result(p.returncode, p.stdout.decode(), p.stderr.decode())
    if code is not None and r.code != code:
        raise AssertionError("emotionctl %s: exit status %d, wanted %d\n%s%s" % (" ".join(args), r.code, code, r.out, r.err))
    return r


def read_beside(f):
    """All of a file that another process writes through the same open description: its offset must not move."""
    return os.pread(f.fileno(), os.fstat(f.fileno()).st_size, 0).decode()


class Watch:
    """emotionctl watch --json=short that runs beside the test."""

    def __init__(self, *args):
        self.out = tempfile.TemporaryFile("w+")
        self.err = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen([tool("emotionctl"), "watch", "--json=short", *args], stdout=self.out,
                                        stderr=self.err, stdin=subprocess.DEVNULL)
        atexit.register(end_process, self.process)

    def events(self):
        return [json.loads(line) for line in read_beside(self.out).splitlines()]

    def errors(self):
        return read_beside(self.err)

    def stop(self, sig=signal.SIGINT):
        if self.process.poll() is None:
            self.process.send_signal(sig)
        return self.process.wait(PATIENCE)


class Fake:
    """The stand-in for emotiond; see fake-service.py."""

    processes = []

    @classmethod
    def end_all(cls):
        for p in cls.processes:
            end_process(p)
        cls.processes = []

    def __init__(self):
        self.process = subprocess.Popen([sys.executable, os.path.join(HERE, "fake-service.py")], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)
        atexit.register(end_process, self.process)
        Fake.processes.append(self.process)
        equal(json.loads(self.process.stdout.readline()), {"ready": True})

    def __call__(self, **command):
        self.process.stdin.write(json.dumps(command) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def stop(self):
        self.process.stdin.close()
        self.process.stdout.close()
        return self.process.wait(PATIENCE)


def find_plugins():
    """The plugins of the build tree by name."""
    found = {}
    for name in ("haar", "box", "cnn"):
        path = os.path.join(BUILDDIR, "plugins", ".libs", name + ".so")
        if os.path.exists(path):
            found[name] = path
    return found


def config_text(groups):
    """{group: {key: value}} as libconfig writes it."""
    def value(v):
        if isinstance(v, bool):
            return "true" if v else "false"
        return json.dumps(v)
    return "".join("%s = {\n%s};\n" % (g, "".join("  %s = %s;\n" % (k, value(v)) for k, v in keys.items()))
                   for g, keys in groups.items())


class Daemon:
    """emotiond of the build tree, on a clip. Leaving it (with) ends it and wants exit status 0 and a clean log."""

    def __init__(self, bus, clip=None, wait=True, model_dir=None, plugin_dir=None, decoder=None, env=None, **groups):
        """@clip: file to replay (None: none); @decoder: in the place of emotion-decode; @env: more of
        the environment; @groups: of the configuration, camera={"replay_pace": "fast"}"""
        if not os.path.exists(tool("emotiond")):
            raise Skip("emotiond is not built")
        self.bus = bus
        self.folder = tempfile.mkdtemp(prefix="emotiond-", dir=bus.folder)
        self.config = os.path.join(self.folder, "emotiond.conf")
        self.plugin_dir = plugin_dir or self.make_plugin_dir()
        self.model_dir = model_dir or os.path.join(SRCDIR, "models")
        if not model_dir and not os.path.exists(os.path.join(self.model_dir, "emotion-default.onnx")):
            raise Skip("there is no model in models/")
        self.clip = clip
        self.env = env or {}
        self.process = None
        self.decoder = decoder or tool("emotion-decode")
        self.configure(**groups)
        self.start(wait)

    def make_plugin_dir(self):
        folder = os.path.join(self.folder, "plugins")
        os.mkdir(folder)
        for path in find_plugins().values():
            shutil.copy(path, folder)
        if "haar.so" not in os.listdir(folder):
            raise Skip("the haar plugin is not built (--with-opencv)")
        return folder

    def configure(self, **groups):
        camera = groups.setdefault("camera", {})
        if self.clip:
            camera.setdefault("replay", self.clip)
        with open(self.config, "w") as f:
            f.write(config_text(groups))

    def start(self, wait=True):
        env = {**os.environ, "STATE_DIRECTORY": self.folder, **self.env}
        env.pop("NOTIFY_SOCKET", None)
        self.log_file = open(os.path.join(self.folder, "log"), "a+")
        self.process = subprocess.Popen([tool("emotiond"), "--config", self.config, "--plugin-dir", self.plugin_dir,
                                         "--model-dir", self.model_dir, "--decoder", self.decoder], stdin=subprocess.DEVNULL,
                                        stdout=self.log_file, stderr=self.log_file, env=env)
        atexit.register(end_process, self.process)
        if wait:
            probe = self.bus.connect()
            try:
                def name_is_owned():
                    if self.process.poll() is not None:
                        raise AssertionError("emotiond ended with %d:\n%s" % (self.process.returncode, self.log()))
                    return probe.name_has_owner(NAME)
                wait_for(name_is_owned)
            finally:
                probe.close()

    def log(self):
        self.log_file.flush()
        with open(self.log_file.name, errors="replace") as f:
            return f.read()

    def memory_kib(self):
        with open("/proc/%d/status" % self.process.pid) as f:
            return int(re.search(r"VmRSS:\s*(\d+)", f.read()).group(1))

    def stop(self):
        """SIGTERM; fails unless that ends it with status 0 and no sanitizer's report."""
        code = end_process(self.process)
        log = self.log()
        if code != 0 or "Sanitizer" in log or "runtime error" in log:
            raise AssertionError("emotiond ended with %d:\n%s" % (code, log))

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        if kind is None:
            self.stop()
            return
        end_process(self.process)
        if not issubclass(kind, Skip):
            for line in self.log().splitlines()[-40:]:
                print("# emotiond: " + line, flush=True)


def synthetic_clip():
    path = os.path.join(BUILDDIR, "models", "synthetic.avi")
    if not os.path.exists(path):
        raise Skip("the synthetic clip is not built")
    return path
