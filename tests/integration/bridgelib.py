# SPDX-License-Identifier: LGPL-2.1-or-later
"""emotion-bridge of the build tree, and a client of its HTTP, for the tests of both."""
import atexit
import http.client
import json
import os
import signal
import socket
import sqlite3
import subprocess
import tempfile

import lib
from lib import Skip, wait_for

TOKEN, OTHER_TOKEN = "kiosk-token-of-the-tests", "other-token-of-the-tests"
ORIGIN = "http://kiosk.example"


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Bridge:
    """@more: further lines of the configuration"""

    def __init__(self, bus, more="", http="", page="", port=None, wait=True):
        if not os.path.exists(lib.tool("emotion-bridge")):
            raise Skip("emotion-bridge is not built (--with-bridge, Debian package libmicrohttpd-dev)")
        self.folder = tempfile.mkdtemp(prefix="bridge-", dir=bus.folder)
        self.port = port or free_port()
        self.config = os.path.join(self.folder, "emotion-bridge.conf")
        self.configure("""http: { port = %d; %s pages = (
            { name = "kiosk"; token = "%s"; origins = [ "%s" ]; tell = true; %s },
            { name = "board"; token = "%s"; }); };\n%s""" % (self.port, http, TOKEN, ORIGIN, page, OTHER_TOKEN, more))
        self.start(wait)

    def configure(self, text):
        with open(self.config, "w") as f:
            f.write(text)
        os.chmod(self.config, 0o600)

    def start(self, wait=True):
        self.log_file = open(os.path.join(self.folder, "log"), "a+")
        self.process = subprocess.Popen([lib.tool("emotion-bridge"), "--config", self.config, "--page-dir",
                                         os.path.join(lib.SRCDIR, "bridge")],
                                        env={**os.environ, "STATE_DIRECTORY": self.folder}, stdin=subprocess.DEVNULL,
                                        stdout=self.log_file, stderr=self.log_file)
        atexit.register(lib.end_process, self.process)
        if wait:
            wait_for(self.listens)

    def listens(self):
        """the bridge listens"""
        if self.process.poll() is not None:
            raise AssertionError("emotion-bridge ended with %d:\n%s" % (self.process.returncode, self.log()))
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
            return True
        except OSError:
            return False

    def log(self):
        with open(self.log_file.name) as f:
            return f.read()

    def reload(self):
        self.process.send_signal(signal.SIGHUP)

    def memory_kib(self):
        with open("/proc/%d/status" % self.process.pid) as f:
            return int([line for line in f if line.startswith("VmRSS")][0].split()[1])

    # ---- HTTP

    def ask(self, method, path, body=None, token=TOKEN, host=None, address="127.0.0.1", **headers):
        """(status, headers, body) of one request"""
        c = http.client.HTTPConnection(address, self.port, timeout=lib.PATIENCE)
        try:
            c.putrequest(method, path, skip_host=True)
            c.putheader("Host", host or "127.0.0.1:%d" % self.port)
            if token:
                c.putheader("Authorization", "Bearer " + token)
            for name, value in headers.items():
                c.putheader(name.replace("_", "-"), value)
            if body is not None:
                body = body if isinstance(body, bytes) else json.dumps(body).encode()
                if "Content_Length" not in headers:
                    c.putheader("Content-Length", str(len(body)))
            c.endheaders(body)
            answer = c.getresponse()
            return answer.status, answer.headers, answer.read()
        finally:
            c.close()

    def status(self, *args, **kw):
        return self.ask(*args, **kw)[0]

    def json(self, method, path, body=None, status=200, **kw):
        got, _, text = self.ask(method, path, body, **kw)
        if got != status:
            raise AssertionError("%s %s: status %d, wanted %d: %s" % (method, path, got, status, text))
        return json.loads(text)

    def metric(self, name):
        for line in self.ask("GET", "/metrics")[2].decode().splitlines():
            if line.rsplit(" ", 1)[0] == name:
                return float(line.rsplit(" ", 1)[1])
        raise AssertionError("there is no metric " + name)

    def stop(self):
        code = lib.end_process(self.process)
        if code != 0 or "Sanitizer" in self.log() or "runtime error" in self.log():
            raise AssertionError("emotion-bridge ended with %d:\n%s" % (code, self.log()))

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        if kind is None:
            self.stop()
        else:
            lib.end_process(self.process)
            print("\n".join("# " + line for line in self.log().splitlines()[-20:]), flush=True)


class Reactions:
    """emotion-reactions, with a store of its own"""

    def __init__(self, bus, folder):
        config = os.path.join(folder, "reactions.conf")
        with open(config, "w") as f:
            f.write('privacy: { notice = "a sign at the door"; };')
        self.store = os.path.join(folder, "reactions.db")
        self.process = subprocess.Popen([lib.tool("emotion-reactions"), "--config", config],
                                        env={**os.environ, "STATE_DIRECTORY": folder}, stderr=subprocess.DEVNULL)
        probe = bus.connect()
        wait_for(lambda: probe.name_has_owner("org.emotiond.Reactions1"))
        probe.close()

    def plays(self):
        with sqlite3.connect("file:%s?mode=ro" % self.store, uri=True) as db:
            return db.execute("SELECT content.name, reason FROM play JOIN content ON content.id = play.content "
                              "ORDER BY number").fetchall()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        lib.end_process(self.process)


class Stream:
    """A page that listens: what came so far is in events, (id, name, data)."""

    def __init__(self, bridge, last_id=None, token=TOKEN):
        self.socket = socket.create_connection(("127.0.0.1", bridge.port), lib.PATIENCE)
        head = "GET /v1/events HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nAuthorization: Bearer %s\r\n" % (bridge.port, token)
        self.socket.sendall((head + ("Last-Event-ID: %s\r\n" % last_id if last_id else "") + "\r\n").encode())
        self.socket.setblocking(False)
        self.raw, self.ended = b"", False

    def read(self):
        try:
            while True:
                part = self.socket.recv(65536)
                if not part:
                    self.ended = True
                    return
                self.raw += part
        except BlockingIOError:
            pass
        except OSError:
            self.ended = True

    @property
    def events(self):
        self.read()
        head, _, body = self.raw.partition(b"\r\n\r\n")
        text = b""
        while True: # chunks
            size, _, body = body.partition(b"\r\n")
            if not size or len(body) < int(size, 16):
                break
            text, body = text + body[:int(size, 16)], body[int(size, 16) + 2:]
        found = []
        for block in text.decode().split("\n\n")[:-1]:
            fields = dict(line.split(": ", 1) for line in block.split("\n") if ": " in line)
            if "event" in fields:
                found.append((fields["id"], fields["event"], json.loads(fields["data"])))
        return found

    def names(self):
        return [name for _, name, _ in self.events]

    def state(self):
        """The last state that was told."""
        states = [data for _, name, data in self.events if name == "state"]
        return states[-1] if states else {}

    def close(self):
        self.socket.close()
