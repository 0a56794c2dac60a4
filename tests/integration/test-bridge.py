#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""emotion-bridge over HTTP: what pages hear and say, whom it refuses, and that it outlives the services and bad clients."""
import json
import os
import re
import shutil
import socket
import subprocess
import time

import lib
from bridgelib import ORIGIN, OTHER_TOKEN, TOKEN, Bridge, Reactions, Stream
from lib import Skip, contains, equal, wait_for

bus = lib.Bus()


def test_real_faces():
    """a page hears who is in view on the clip, and also one that comes later"""
    with lib.Daemon(bus, lib.synthetic_clip(), camera={"replay_loop": True}), Bridge(bus) as b:
        first = Stream(b)
        wait_for(lambda: "emotion" in first.names())
        equal(first.names()[0], "state")
        change = [d for _, n, d in first.events if n == "emotion"][0]
        equal(change["from"], "unsure")
        equal(abs(change["at"] / 1000 - time.time()) < 3600, True, "wall clock")
        equal(set(change) >= {"face", "from", "to", "confidence", "scores", "box", "camera", "at"}, True, change)

        def state_has_face():
            """the state has a face with an expression"""
            return [f for f in b.json("GET", "/v1/state")["faces"] if f["emotion"] != "unsure"]
        wait_for(state_has_face)
        second = Stream(b)

        def told_at_once():
            """a face in view when the page loads is told"""
            return "state" in second.names() and second.events[0][2]["watching"]
        wait_for(told_at_once)
        equal(b.metric("emotiond_up"), 1)
        equal(b.metric("emotiond_watching"), 1)
        equal(b.metric("emotiond_faces_seen_total") >= 1, True)
        equal(b.metric("emotiond_dwell_seconds_total") > 0, True)
        first.close()
        second.close()


def test_nobody_asks():
    """no claim is held, and no camera open, before somebody asks"""
    with lib.Daemon(bus, lib.synthetic_clip(), camera={"replay_loop": True}), Bridge(bus) as b:
        wait_for(lambda: b.metric("emotiond_up") == 1)
        time.sleep(2.5)
        equal(b.metric("emotiond_camera_in_use"), 0)
        b.json("GET", "/v1/state")
        wait_for(lambda: b.metric("emotiond_camera_in_use") == 1)


def test_restart():
    """the service restarted: pages see its faces go and come, and the bridge claims again"""
    d = lib.Daemon(bus, lib.synthetic_clip(), camera={"replay_loop": True})
    with Bridge(bus) as b:
        s = Stream(b)
        wait_for(lambda: "face-appeared" in s.names())
        d.stop()
        wait_for(lambda: s.state()["service"] is False)
        equal((s.state()["watching"], s.state()["faces"]), (False, []))
        n = len(s.events)
        d.start()
        wait_for(lambda: "face-appeared" in s.names()[n:])
        equal(s.state()["service"], True)
    d.stop()


def test_last_event_id():
    """who comes back with the last id gets what was missed, and the state if that is of another run"""
    fake = lib.Fake()
    with Bridge(bus) as b:
        s = Stream(b)
        wait_for(lambda: s.state().get("watching"))
        fake(emit=["FaceAppeared", 5])
        wait_for(lambda: "face-appeared" in s.names())
        last = s.events[-1][0]
        s.close()
        fake(emit=["AttentionChanged", 5, True])
        fake(emit=["EmotionChanged", 5, "unsure", "happiness", 0.9])
        wait_for(lambda: b.json("GET", "/v1/state")["faces"][0]["emotion"] == "happiness")
        again = Stream(b, last)
        wait_for(lambda: len(again.events) >= 2)
        equal(again.names(), ["attention", "emotion"])
        face = b.json("GET", "/v1/state")["faces"][0]
        equal((face["face"], face["emotion"], face["attention"]), (5, "happiness", True))
        for wrong in ("0000000000000000-1", "x", last.split("-")[0] + "-99999999", last.split("-")[0] + "-" + "9" * 40):
            other = Stream(b, wrong)
            wait_for(lambda: other.events)
            equal(other.names()[0], "state")
            other.close()
        for i in range(600): # more than are kept
            fake(emit=["AttentionChanged", 5, bool(i % 2)])
        wait_for(lambda: b.metric("emotion_bridge_events_total") >= 603)
        late = Stream(b, last)
        wait_for(lambda: late.events)
        equal(late.names()[0], "state")
        equal(late.state()["faces"][0]["face"], 5)
    fake.stop()


def test_stranger():
    """signals of others than the service are not believed"""
    import dbus
    fake = lib.Fake()
    with Bridge(bus) as b:
        s = Stream(b)
        wait_for(lambda: s.state().get("watching"))
        stranger = bus.connect()
        names = [n for n in stranger.list_names() if n.startswith(":")]
        for name in names:
            signal = dbus.lowlevel.SignalMessage(lib.ROOT, lib.MANAGER, "FaceAppeared")
            signal.append(dbus.UInt32(66), dbus.UInt64(1), dbus.Dictionary({}, signature="sv"), signature="uta{sv}")
            signal.set_destination(name)
            stranger.send_message(signal)
        stranger.flush()
        fake(emit=["FaceAppeared", 7])
        wait_for(lambda: "face-appeared" in s.names())
        lib.linger(0.3)
        equal([d["face"] for _, n, d in s.events if n == "face-appeared"], [7])
        stranger.close()
    fake.stop()


def test_plays():
    """a page begins, marks and ends plays, with a token in the header or in the body as a beacon has it"""
    with Bridge(bus) as b, Reactions(bus, b.folder) as r:
        s = Stream(b)
        play = b.json("POST", "/v1/plays", {"content": "spot", "duration-ms": 3000, "screen": "door"}, 201)["play"]
        wait_for(lambda: any(n == "content" and d == {"content": "spot", "play": play} for _, n, d in s.events))
        equal(b.json("GET", "/v1/state")["content"], "spot")
        b.json("POST", "/v1/plays/%s/mark" % play, {"label": "brand"})
        equal(b.json("POST", "/v1/plays/%s/end" % play)["reason"], "ended")
        equal(b.json("POST", "/v1/plays/%s/end" % play, status=404)["error"], "NoSuchPlay")
        play = b.json("POST", "/v1/plays", {"content": "beacon", "token": TOKEN}, 201, token=None, Origin=ORIGIN,
                      Content_Type="text/plain;charset=UTF-8")["play"]
        b.json("POST", "/v1/plays/%s/end" % play, {"token": TOKEN}, token=None)
        b.json("POST", "/v1/content", {"content": "slide"})
        b.json("POST", "/v1/content", {"content": ""})
        equal(r.plays(), [("spot", "ended"), ("beacon", "ended"), ("slide", "ended")])
        equal(b.metric('emotiond_plays_total{content="spot"}'), 1)
        equal(b.json("POST", "/v1/plays", {"content": "a\nb"}, 400)["error"], "InvalidContent")
        equal(b.json("POST", "/v1/plays", {"content": "x", "play-id": "no uuid"}, 400)["error"], "InvalidContent")
    with Bridge(bus) as b:
        equal(b.json("POST", "/v1/content", {"content": "x"}, 503)["error"], "ReactionsAway")


def test_refused():
    """each wrong request has a status and a word, and nothing of it goes further"""
    with Bridge(bus) as b:
        def refused(status, error, *args, **kw):
            got, _, text = b.ask(*args, **kw)
            equal((got, json.loads(text)["error"]), (status, error), "%r %r" % (args, kw))
        refused(401, "Unauthorized", "GET", "/v1/state", token=None)
        refused(401, "Unauthorized", "GET", "/v1/state", token="wrong")
        refused(401, "Unauthorized", "GET", "/v1/state", token=TOKEN + "x")
        refused(401, "Unauthorized", "GET", "/v1/state", token=None, Authorization="Basic " + TOKEN)
        refused(401, "Unauthorized", "GET", "/metrics", token=None)
        refused(401, "Unauthorized", "GET", "/v1/events", token=None)
        refused(401, "Unauthorized", "POST", "/v1/content", {"content": "x"}, token=None)
        refused(401, "Unauthorized", "POST", "/v1/content", {"content": "x", "token": 5}, token=None)
        refused(401, "BadRequest", "POST", "/v1/content", b"{", token=None)
        refused(403, "Forbidden", "POST", "/v1/content", {"content": "x"}, token=OTHER_TOKEN)
        refused(403, "Forbidden", "POST", "/v1/content", {"content": "x", "token": OTHER_TOKEN}, token=None)
        for origin in ("http://evil.example", ORIGIN + ":81", "https://kiosk.example", "null", ORIGIN + ".evil.example", ""):
            refused(403, "OriginForbidden", "GET", "/v1/state", Origin=origin)
        refused(403, "OriginForbidden", "GET", "/v1/state", token=OTHER_TOKEN, Origin=ORIGIN)
        refused(403, "OriginForbidden", "OPTIONS", "/v1/events", token=None, Origin="http://evil.example")
        for host in ("kiosk.example", "127.0.0.1", "127.0.0.1:1", "127.0.0.1:%d.evil" % b.port, "evil:%d" % b.port,
                     "localhost.:%d" % b.port, " "):
            refused(403, "HostForbidden", "GET", "/v1/state", host=host)
        refused(400, "NoParameters", "GET", "/v1/state?token=" + TOKEN, token=None)
        refused(400, "NoParameters", "GET", "/?token=" + TOKEN)
        for path in ("/v1", "/v1/", "/v1/states", "//", "/../etc/passwd", "/%2e%2e/x", "/v1/plays/0/end", "/v1/plays/-1/end",
                     "/v1/plays/99999999999/end", "/v1/plays/1/end/", "/v1/plays/1", "/v1/plays/1x/end",
                     "/emotion.js%00x", "/%76%31/state"):
            refused(404, "NotFound", "GET", path)
        refused(405, "MethodNotAllowed", "POST", "/v1/state", {})
        refused(405, "MethodNotAllowed", "GET", "/v1/content")
        refused(405, "MethodNotAllowed", "DELETE", "/v1/plays/1/end")
        for body in (b"{", b"[]", b'"x"', b'{"content": 5}', b"{}", b'{"content":"x"} more', b'{"content":"\xff"}',
                     b'{"content":"x","unknown":1}', b'{"content":"x","duration-ms":-1}', b'{"content":"x","screen":1}',
                     b'{"content":"x","duration-ms":4294967296}', b'{"content":"a\\u0000b"}', b'{"content":"x"}\0{}',
                     b'{"content":"x","a":' + b"[" * 2000 + b"]" * 2000 + b"}"):
            refused(400, "BadRequest", "POST", "/v1/content", body)
        refused(413, "TooLarge", "POST", "/v1/content", b"x" * 5000)
        refused(413, "TooLarge", "POST", "/v1/content", b"x", Content_Length="1000000000")
        equal(b.metric("emotiond_up"), 0)


def test_cors():
    """a browser may read answers for pages of the origins in the configuration, and of no others"""
    with Bridge(bus) as b:
        status, headers, _ = b.ask("OPTIONS", "/v1/events", token=None, Origin=ORIGIN)
        equal((status, headers["Access-Control-Allow-Origin"]), (204, ORIGIN))
        contains(headers["Access-Control-Allow-Headers"], "Authorization")
        contains(headers["Access-Control-Allow-Headers"], "Last-Event-ID")
        status, headers, _ = b.ask("GET", "/v1/state", Origin=ORIGIN)
        equal((status, headers["Access-Control-Allow-Origin"], headers["Vary"]), (200, ORIGIN, "Origin"))
        equal(b.ask("GET", "/v1/state", Origin="http://evil.example")[1]["Access-Control-Allow-Origin"], None)
        equal(b.status("GET", "/v1/state", Origin="http://127.0.0.1:%d" % b.port, token=OTHER_TOKEN), 200)
        equal(b.status("GET", "/v1/state", host="localhost:%d" % b.port), 200)
        status, headers, body = b.ask("GET", "/", token=None)
        equal(status, 200)
        contains(headers["Content-Security-Policy"], "default-src 'none'")
        for word in (b"http://", b"https://"):
            equal(word in body.replace(b"http://www.w3.org/2000/svg", b""), False, "the board asks nobody else")
        equal(b.status("GET", "/emotion.js", token=None, Origin="http://any.example"), 200)


def test_addresses():
    """it listens on loopback addresses only"""
    with Bridge(bus) as b:
        out = subprocess.run(["cat", "/proc/%d/net/tcp" % b.process.pid, "/proc/%d/net/tcp6" % b.process.pid],
                             stdout=subprocess.PIPE).stdout.decode()
        found = {m[1] for m in re.finditer(r": ([0-9A-F]+):%04X [0-9A-F:]+ 0A" % b.port, out)}
        equal(found <= {"0100007F", "00000000000000000000000001000000"} and "0100007F" in found, True, found)
        if len(found) == 2:
            equal(b.status("GET", "/v1/state", address="::1", host="[::1]:%d" % b.port), 200)


def test_broken_requests():
    """requests of every broken form leave it as it was"""
    with Bridge(bus) as b:
        before = b.memory_kib()
        host = b"Host: 127.0.0.1:%d\r\n" % b.port
        for raw in (b"\r\n\r\n", b"\0" * 100, b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n",
                    b"GET / HTTP/1.1\r\n" + host + b"Host: evil\r\n\r\n", b"GET / HTTP/1.1\r\n" + host + b"X: " + b"y" * 100000,
                    b"GET /" + b"a" * 100000 + b" HTTP/1.1\r\n\r\n", b"POST /v1/content HTTP/1.1\r\n" + host +
                    b"Content-Length: -1\r\n\r\n", b"POST /v1/content HTTP/1.1\r\n" + host + b"Content-Length: 99999999999999999999999\r\n\r\n",
                    b"POST /v1/content HTTP/1.1\r\n" + host + b"Transfer-Encoding: chunked\r\n\r\nffffffffff\r\n",
                    b"POST /v1/content HTTP/1.1\r\n" + host + b"Transfer-Encoding: chunked\r\n\r\n" + b"1000\r\n" + b"x" * 4096 + b"\r\n1000\r\n"
                    + b"x" * 4096 + b"\r\n0\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", os.urandom(2000)):
            with socket.create_connection(("127.0.0.1", b.port), lib.PATIENCE) as s:
                try:
                    s.sendall(raw)
                    s.shutdown(socket.SHUT_WR)
                    while s.recv(65536):
                        pass
                except OSError:
                    pass
        equal(b.status("GET", "/v1/state"), 200)
        if not lib.SANITIZED:
            equal(b.memory_kib() < before + 4096, True, "memory: %d KiB, then %d" % (before, b.memory_kib()))


def test_slow_reader():
    """a page that stops reading is dropped and counted; others hear everything"""
    fake = lib.Fake()
    with Bridge(bus, http="slow_s = 1;") as b:
        good = Stream(b)
        wait_for(lambda: good.state().get("watching"))
        slow = socket.socket()
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        slow.connect(("127.0.0.1", b.port))
        slow.sendall(b"GET /v1/events HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nAuthorization: Bearer %s\r\n\r\n"
                     % (b.port, TOKEN.encode()))
        wait_for(lambda: b.metric("emotion_bridge_streams") == 2)
        n = 0

        def dropped():
            """the page that does not read is dropped"""
            nonlocal n
            for _ in range(50):
                fake(emit=["EmotionChanged", 5, "unsure", "happiness", 0.9])
                n += 1
            good.read()
            return b.metric("emotion_bridge_slow_readers_total") == 1
        wait_for(dropped)
        wait_for(lambda: b.metric("emotion_bridge_streams") == 1)
        wait_for(lambda: good.names().count("emotion") == n or b.metric("emotion_bridge_gaps_total"))
        slow.close()
    fake.stop()


def test_many_pages():
    """200 pages at once hear the same"""
    fake = lib.Fake()
    with Bridge(bus) as b:
        pages = [Stream(b) for _ in range(200)]
        wait_for(lambda: all(p.state().get("watching") for p in pages))
        fake(emit=["FaceAppeared", 5])
        wait_for(lambda: all("face-appeared" in p.names() for p in pages))
        equal({p.names()[-1] for p in pages}, {"face-appeared"})
        equal(b.metric("emotion_bridge_streams"), 200)
        print("# memory with 200 pages: %d KiB" % b.memory_kib())
        for p in pages:
            p.close()
    fake.stop()


def test_reload():
    """SIGHUP takes a new configuration; one with a mistake is refused and the old one stays"""
    with Bridge(bus) as b:
        b.configure("http: { port = %d; pages = ( { name = \"new\"; token = \"another-token-of-tests\"; } ); };" % b.port)
        b.reload()
        wait_for(lambda: "read again" in b.log())
        wait_for(lambda: b.status("GET", "/v1/state", token="another-token-of-tests") == 200)
        equal(b.status("GET", "/v1/state"), 401)
        b.configure("http: { port = 70000; };")
        b.reload()
        wait_for(lambda: "stays as it was" in b.log())
        equal(b.status("GET", "/v1/state", token="another-token-of-tests"), 200)


def test_configuration():
    """a wrong configuration is told with file, line and key, and status 78; the shipped one is right and serves nothing"""
    page = '{ name = "a"; token = "0123456789abcdef"; }'
    for text, said in (("http: {\n port = -1; };", "emotion-bridge.conf:2: port"), ("http: { port = 1; };", "without pages"),
                       ('http: { pages = ( { name = "a"; token = "short"; } ); };', "token of 16"),
                       ('http: { pages = ( { token = "0123456789abcdef"; } ); };', "needs a name"),
                       ("http: { pages = ( %s, %s ); };" % (page, page), "same token"),
                       ('http: { pages = ( { name = "a"; token = "0123456789abcdef"; origins = [ "*" ]; } ); };', "origin"),
                       ("nonsense: { };\nx = 1;", "x"), ("http: { nonsense = 1; };", "nonsense"), ("http: {", "emotion-bridge.conf"),
                       ('mqtt: { nonsense = 1; };', "nonsense: there is no such setting")):
        path = os.path.join(bus.folder, "emotion-bridge.conf")
        with open(path, "w") as f:
            f.write(text)
        if not os.path.exists(lib.tool("emotion-bridge")):
            raise Skip("emotion-bridge is not built")
        p = subprocess.run([lib.tool("emotion-bridge"), "--config", path], stderr=subprocess.PIPE, text=True)
        equal(p.returncode, 78, text)
        contains(p.stderr, said)
    shipped = os.path.join(lib.SRCDIR, "conf", "emotion-bridge.conf")
    p = subprocess.run([lib.tool("emotion-bridge"), "--check-config", "--config", shipped], stderr=subprocess.PIPE, text=True)
    equal((p.returncode, p.stderr), (0, ""))


def test_promtool():
    """promtool finds nothing wrong with the metrics, also with contents that hold quotes"""
    if not shutil.which("promtool"):
        raise Skip("the Debian package prometheus is not installed")
    fake = lib.Fake()
    with Bridge(bus) as b, Reactions(bus, b.folder):
        s = Stream(b)
        wait_for(lambda: s.state().get("watching"))
        fake(emit=["FaceAppeared", 5])
        def begins(i): # the service takes a limited number in a short time
            return b.ask("POST", "/v1/content", {"content": 'a "quoted" \\ one %d' % i})[0] == 200

        for i in range(60):
            wait_for(lambda: begins(i))
        wait_for(lambda: b.metric('emotiond_plays_total{content="(other)"}') >= 1)
        text = b.ask("GET", "/metrics")[2]
        p = subprocess.run(["promtool", "check", "metrics"], input=text, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        equal((p.returncode, p.stdout.decode()), (0, ""))
        equal(text.count(b"emotiond_plays_total{") <= 51, True)
    fake.stop()


def test_textfile():
    """the textfile for node_exporter is the same text, and appears whole"""
    path = os.path.join(bus.folder, "emotion.prom")
    with Bridge(bus, 'prometheus: { textfile = "%s"; };' % path):
        wait_for(lambda: os.path.exists(path))
        with open(path) as f:
            text = f.read()
        contains(text, "emotiond_up 0\n")
        equal(text.endswith("\n"), True)


lib.run(globals())
