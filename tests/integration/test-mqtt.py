#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""emotion-bridge and a real mosquitto: what is told, and that each window arrives once whatever is killed."""
import contextlib
import json
import os
import re
import signal
import socket
import sqlite3
import subprocess
import uuid

import lib
from bridgelib import Bridge, Reactions, Stream
from brokerlib import Broker, Subscriber, find_tool
from lib import Skip, contains, equal, wait_for

bus = lib.Bus()


def make_bridge(broker, more="", wait=True, host="127.0.0.1", always="true"):
    port = broker if isinstance(broker, int) else broker.port
    b = Bridge(bus, 'watch: { always = %s; };\nmqtt: { host = "%s"; port = %d; prefix = "shop"; device = "till-3";'
                    " window_s = 1; %s };" % (always, host, port, more), wait=wait)
    if "built without MQTT" in b.log():
        raise Skip("emotion-bridge is built without MQTT (--with-mqtt, Debian package libmosquitto-dev)")
    return b


def has_mqtt():
    path = os.path.join(bus.folder, "probe.conf")
    with open(path, "w") as f:
        f.write('mqtt: { host = "127.0.0.1"; device = "x"; };')
    if not os.path.exists(lib.tool("emotion-bridge")):
        raise Skip("emotion-bridge is not built (--with-bridge, Debian package libmicrohttpd-dev)")
    p = subprocess.run([lib.tool("emotion-bridge"), "--check-config", "--config", path], stderr=subprocess.PIPE, text=True)
    if "without MQTT" in p.stderr:
        raise Skip("emotion-bridge is built without MQTT (--with-mqtt, Debian package libmosquitto-dev)")


@contextlib.contextmanager
def place(more="", broker=None, persistence=False, sub_args=()):
    """A fake service, a broker, a reader of all topics and a bridge between them."""
    has_mqtt()
    broker = broker or Broker(bus.folder, persistence=persistence)
    fake = lib.Fake()
    sub = Subscriber(broker, "shop/#", args=sub_args)
    wait_for(lambda: "SUBSCRIBE" in broker.log())
    with make_bridge(broker, more) as b:
        yield fake, broker, sub, b
    fake.stop()
    sub.stop()
    broker.stop()


def by_sequence(windows):
    """{sequence: window}, each once: what came twice must be the same."""
    found = {}
    for w in windows:
        if found.setdefault(w["sequence"], w) != w:
            raise AssertionError("two windows have the number %d" % w["sequence"])
    equal(len({w["id"] for w in found.values()}), len(found), "each number has an id of its own")
    return found


def all_arrived(sub, at_least, first=1):
    """Numbers from @first on without a gap; returns how many."""
    def enough():
        """enough windows have come"""
        return len(by_sequence(sub.json("/window"))) >= at_least
    wait_for(enough)
    numbers = sorted(by_sequence(sub.json("/window")))
    equal(numbers, list(range(first, first + len(numbers))))
    return len(numbers)


def test_state():
    """state and status are retained, the audience is told as it changes, without a face by itself"""
    with place() as (fake, broker, sub, b):
        wait_for(lambda: sub.last("/state").get("watching"))
        fake(emit=["FaceAppeared", 5])
        fake(emit=["AttentionChanged", 5, True])
        wait_for(lambda: sub.last("/state").get("attentive") == 1)
        equal(sub.last("/state")["viewers"], 1)
        wait_for(lambda: sub.last("/event") == {"viewers": 1, "attentive": 1, "event": "audience"})
        late = Subscriber(broker, "shop/#") # who comes later knows at once
        wait_for(lambda: late.of("/status") == ["online"] and late.last("/state").get("viewers") == 1)
        equal([r for t, r, _ in late.messages() if t.endswith("/status")], ["1"], "retained")
        late.stop()
        for _, _, text in sub.messages():
            equal("face\"" in text or "emotion\"" in text, False, text)


def test_will():
    """a bridge that is killed is offline, and so is one that ends"""
    with place() as (fake, broker, sub, b):
        wait_for(lambda: sub.of("/status")[-1:] == ["online"])
        b.process.kill()
        b.process.wait()
        wait_for(lambda: sub.of("/status")[-1:] == ["offline"])
        b.start()
        wait_for(lambda: sub.of("/status")[-1:] == ["online"])
        b.stop()
        wait_for(lambda: sub.of("/status")[-1:] == ["offline"])
        b.start()


def test_windows():
    """windows have sums, ids of version 7 and numbers without a gap; expressions wait for enough faces"""
    with place("minimum_group = 3;") as (fake, broker, sub, b):
        wait_for(lambda: sub.last("/state").get("watching"))
        fake(emit=["FaceAppeared", 5])
        fake(emit=["EmotionChanged", 5, "unsure", "happiness", 0.9])
        all_arrived(sub, 3)
        windows = sub.json("/window")
        for w in windows:
            equal(w["schema"], "emotiond.window/1.0")
            equal(uuid.UUID(w["id"]).version, 7)
            equal((w["device"], w["queue"]), ("till-3", windows[0]["queue"]))
            equal("expressions" in w, False, "one face alone")
            equal(0 < w["watched-ms"] <= w["end"] - w["begin"] + 2, True, str(w))
            equal(w["attention-ms"] <= w["dwell-ms"] <= w["watched-ms"], True, str(w))
        equal(windows[-1]["dwell-ms"] > 0, True)
        for before, after in zip(windows, windows[1:]):
            equal(before["end"] <= after["begin"] + 5, True, "windows do not overlap")
        fake(emit=["FaceAppeared", 6])
        fake(emit=["FaceAppeared", 7])
        told = wait_for(lambda: [w for w in sub.json("/window") if "expressions" in w])[0]
        equal(told["expressions"]["faces"], 3)
        equal(told["expressions"]["begin"] <= windows[0]["begin"] + 5, True, "from the start on")
        until = [w for w in sub.json("/window") if w["sequence"] <= told["sequence"]]
        ms = told["expressions"]["ms"]
        equal(abs(sum(ms.values()) - sum(w["dwell-ms"] for w in until)) <= 2 * len(until), True, "%s, %s" % (ms, until))
        equal(ms["happiness"] > 0, True)


def test_content():
    """a window has one content: another one ends it"""
    with place() as (fake, broker, sub, b):
        with Reactions(bus, b.folder):
            wait_for(lambda: sub.last("/state").get("watching"))
            wait_for(lambda: b.status("POST", "/v1/content", {"content": "spot-17"}) == 200)
            wait_for(lambda: sub.last("/state").get("content") == "spot-17")
            wait_for(lambda: {"event": "content", "content": "spot-17"} in sub.json("/event"))
            wait_for(lambda: [w for w in sub.json("/window") if w["content"] == "spot-17"])


def test_broker_killed():
    """a broker that is killed and comes back gets each window once"""
    with place(persistence=True, sub_args=("-c", "-i", "consumer")) as (fake, broker, sub, b):
        all_arrived(sub, 2)
        for round in range(2):
            b.process.send_signal(signal.SIGSTOP) # so that nothing is on its way
            lib.linger(0.5)
            broker.kill()
            b.process.send_signal(signal.SIGCONT)
            wait_for(lambda: b.metric("emotion_bridge_mqtt_up") == 0)
            wait_for(lambda: b.metric("emotion_bridge_windows_queued") >= 3)
            broker.start()
            wait_for(lambda: b.metric("emotion_bridge_mqtt_up") == 1)
            wait_for(lambda: b.metric("emotion_bridge_windows_queued") == 0)
            n = int(b.metric("emotion_bridge_windows_total"))
            all_arrived(sub, n)
        contains(b.log(), "windows wait on disk")
        equal(b.metric("emotion_bridge_windows_lost_total"), 0)


def test_bridge_killed():
    """a bridge that is killed at any moment loses no window that was closed; one that ends keeps the last, too"""
    with place() as (fake, broker, sub, b):
        for round in range(3):
            before = len(by_sequence(sub.json("/window")))
            all_arrived(sub, before + 2)
            b.process.kill()
            b.process.wait()
            b.start()
        broker.kill() # what is closed now waits
        wait_for(lambda: b.metric("emotion_bridge_windows_queued") >= 2)
        b.process.kill()
        b.process.wait()
        b.start()
        wait_for(lambda: b.metric("emotion_bridge_windows_queued") >= 4)
        b.stop()
        with sqlite3.connect(os.path.join(b.folder, "queue.sqlite")) as db:
            last = db.execute("SELECT max(sequence) FROM window").fetchone()[0]
        broker.start()
        late = Subscriber(broker, "shop/#")
        wait_for(lambda: broker.log().count("Received SUBSCRIBE") >= 2)
        wait_for(lambda: "shop/till-3/status" in broker.log())
        b.start()
        wait_for(lambda: b.metric("emotion_bridge_windows_queued") == 0)
        wait_for(lambda: last in by_sequence(sub.json("/window") + late.json("/window")))
        got = sorted(by_sequence(sub.json("/window") + late.json("/window")))
        equal(got, list(range(1, len(got) + 1)))
        late.stop()


def test_many_stored():
    """three days of windows, stored while no broker was there, arrive each once"""
    has_mqtt()
    n = 25920 if not lib.SANITIZED else 3000
    broker = Broker(bus.folder)
    broker.stop()
    b = make_bridge(broker, always="false")
    b.stop() # has made the file
    with sqlite3.connect(os.path.join(b.folder, "queue.sqlite")) as db:
        queue, = db.execute("SELECT id FROM self").fetchone()
        db.executemany("INSERT INTO window VALUES(?, ?)",
                       (((i, '{"id": "%s", "queue": "%s", "sequence": %d, "content": "%s"}' % (uuid.uuid4(), queue, i, "x" * 300))
                         for i in range(1, n + 1))))
        db.execute("UPDATE self SET next_sequence = %d" % (n + 1))
    broker.start()
    sub = Subscriber(broker, "shop/#")
    wait_for(lambda: "Received SUBSCRIBE" in broker.log())
    b.start()
    with b:
        wait_for(lambda: b.metric("emotion_bridge_windows_queued") == 0, 10 * lib.PATIENCE)
        wait_for(lambda: len(sub.of("/window")) >= n)
        windows = sub.json("/window")
        equal(len(windows), n, "as many as there are, since nothing broke")
        equal(sorted(by_sequence(windows)), list(range(1, n + 1)))
        print("# memory after %d windows: %d KiB" % (n, b.memory_kib()))
    sub.stop()
    broker.stop()


def test_full_queue():
    """a full queue gives up the oldest, and says how many"""
    with place("queue_windows = 10;") as (fake, broker, sub, b):
        broker.kill()
        wait_for(lambda: b.metric("emotion_bridge_windows_dropped_total") >= 2)
        equal(b.metric("emotion_bridge_windows_queued"), 10)
        broker.start()
        late = Subscriber(broker, "shop/#")
        wait_for(lambda: late.json("/window") and b.metric("emotion_bridge_windows_queued") == 0)

        def told():
            """windows tell of those that were dropped"""
            return [w for w in late.json("/window") if w["dropped"] >= 2]
        wait_for(told)
        late.stop()


def test_disk():
    """a queue that cannot be used is said, its windows are counted, and it is used when it can be; a broken one is put aside"""
    with place() as (fake, broker, sub, b):
        all_arrived(sub, 1)
        b.stop()
        path = os.path.join(b.folder, "queue.sqlite")
        with sqlite3.connect(path) as db:
            db.execute("PRAGMA user_version = 99")
        b.start()
        wait_for(lambda: b.metric("emotion_bridge_windows_lost_total") >= 1)
        contains(b.log(), "a newer version wrote it")
        b.stop()
        with open(path, "wb") as f:
            f.write(b"this is no database " * 1000)
        for tail in ("-wal", "-shm"):
            if os.path.exists(path + tail):
                os.unlink(path + tail)
        b.start()
        before = len(sub.json("/window"))
        wait_for(lambda: len(sub.json("/window")) > before)
        contains(b.log(), "was broken and is")
        equal(len([f for f in os.listdir(b.folder) if "broken" in f]), 1)


def test_password():
    """a wrong password is said with what to look at, and the right one works after a reload, without losing the queue"""
    has_mqtt()
    folder = os.path.join(bus.folder, "passwords")
    os.mkdir(folder)
    words = os.path.join(folder, "words")
    subprocess.run([find_tool("mosquitto_passwd", "mosquitto"), "-b", "-c", words, "till", "right"], check=True)
    broker = Broker(folder, "allow_anonymous false\npassword_file " + words)
    sub = Subscriber(broker, "shop/#", args=("-u", "till", "-P", "right"))
    fake = lib.Fake()
    with make_bridge(broker, 'user = "till"; password = "wrong";') as b:
        wait_for(lambda: "look at mqtt.user" in b.log())
        equal("wrong" in b.log(), False, "no password in the log")
        wait_for(lambda: b.metric("emotion_bridge_windows_queued") >= 2)
        with open(b.config) as f:
            text = f.read()
        b.configure(text.replace('"wrong"', '"right"'))
        b.reload()
        wait_for(lambda: sub.of("/status")[-1:] == ["online"])
        all_arrived(sub, 3)
    fake.stop()
    sub.stop()
    broker.stop()


def make_authority(folder, name):
    """An authority and a certificate of it for localhost."""
    openssl = find_tool("openssl", "openssl")

    def call(*args):
        subprocess.run([openssl, *args], check=True, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    with open(os.path.join(folder, "names"), "w") as f:
        f.write("subjectAltName=DNS:localhost,IP:127.0.0.1\n")
    call("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", name + "-ca.key", "-out", name + "-ca.crt", "-subj",
         "/CN=authority " + name, "-days", "2")
    call("req", "-newkey", "rsa:2048", "-nodes", "-keyout", name + ".key", "-out", name + ".csr", "-subj", "/CN=localhost")
    call("x509", "-req", "-in", name + ".csr", "-CA", name + "-ca.crt", "-CAkey", name + "-ca.key", "-CAcreateserial",
         "-out", name + ".crt", "-days", "2", "-extfile", "names")
    return [os.path.join(folder, name + tail) for tail in ("-ca.crt", ".crt", ".key")]


def test_tls():
    """TLS with an authority of one's own and a certificate of the device; another authority is refused"""
    has_mqtt()
    folder = os.path.join(bus.folder, "tls")
    os.mkdir(folder)
    ca, crt, key = make_authority(folder, "right")
    other, _, _ = make_authority(folder, "other")
    broker = Broker(folder, "allow_anonymous true\ncafile %s\ncertfile %s\nkeyfile %s\nrequire_certificate true" % (ca, crt, key))
    sub = Subscriber(broker, "shop/#", args=("--cafile", ca, "--cert", crt, "--key", key))
    fake = lib.Fake()
    files = 'tls = true; ca_file = "%s"; cert_file = "%s"; key_file = "%s";'
    with make_bridge(broker, files % (ca, crt, key)):
        wait_for(lambda: sub.of("/status")[-1:] == ["online"])
        all_arrived(sub, 2)
    n = sub.of("/status").count("online")
    with make_bridge(broker, files % (other, crt, key)) as b:
        wait_for(lambda: "TLS fails" in b.log())
        equal(sub.of("/status").count("online"), n)
    fake.stop()
    sub.stop()
    broker.stop()


def test_switch():
    """the switch lets the claim go; rubbish, also retained by another device, is counted and ignored"""
    has_mqtt()
    broker = Broker(bus.folder)
    for topic in ("watch/set", "state", "status", "window"):
        broker.publish("shop/till-3/" + topic, '{"id": 5, "viewers": "many"', "-r")
    with place("allow_switch = true;", broker) as (fake, _, sub, b):
        wait_for(lambda: b.metric("emotion_bridge_mqtt_refused_total") == 1)
        broker.publish("shop/till-3/watch/set", "explode " * 10000)
        wait_for(lambda: b.metric("emotion_bridge_mqtt_refused_total") == 2)
        wait_for(lambda: sub.last("/state").get("watching"))
        broker.publish("shop/till-3/watch/set", "OFF")
        wait_for(lambda: sub.last("/state").get("watching") is False)
        wait_for(lambda: sub.last("/state")["may-watch"] is False)
        page = Stream(b) # nobody is watched, whoever asks
        wait_for(lambda: page.state())
        lib.linger(1.5)
        equal(page.state()["watching"], False)
        broker.publish("shop/till-3/watch/set", "ON")
        wait_for(lambda: sub.last("/state").get("watching"))


# https://www.home-assistant.io/integrations/mqtt/#discovery-topic and the pages of the three integrations
WANTED = {"binary_sensor": {"state_topic"}, "sensor": {"state_topic"}, "switch": {"command_topic"}}
ALLOWED = {"name", "unique_id", "state_topic", "value_template", "availability_topic", "device", "device_class", "command_topic",
           "unit_of_measurement", "state_class"}
CLASSES = {"binary_sensor": {"occupancy", "running", "problem"}, "sensor": set(), "switch": set()}


def test_discovery():
    """Home Assistant is told of each entity: a topic of its schema, members it knows, values that the state has"""
    with place("discovery = true; allow_switch = true;") as (fake, broker, sub, b):
        ha = Subscriber(broker, "homeassistant/#")
        wait_for(lambda: len(ha.of("/config")) == 7)
        ha.stop()
        ha = Subscriber(broker, "homeassistant/#") # after the fact: what is retained
        wait_for(lambda: len(ha.of("/config")) == 7)
        state = wait_for(lambda: sub.last("/state"))
        ids = set()
        for topic, retained, text in ha.messages():
            m = re.fullmatch(r"homeassistant/([a-z_]+)/[a-zA-Z0-9_-]+/[a-zA-Z0-9_-]+/config", topic)
            o = json.loads(text)
            equal(retained, "1")
            equal(WANTED[m[1]] <= set(o) <= ALLOWED, True, text)
            equal("device_class" not in o or o["device_class"] in CLASSES[m[1]], True, text)
            equal(o["state_topic"], "shop/till-3/state")
            equal(o["availability_topic"], "shop/till-3/status")
            name = re.search(r"value_json(?:\.|\[')([a-z-]+)", o["value_template"])[1]
            equal(name in state, True, name)
            equal(o["device"]["identifiers"], ["emotiond_till-3"])
            ids.add(o["unique_id"])
        equal(len(ids), 7)
        ha.stop()


def test_silent_broker():
    """a broker that takes the connection and never answers makes nothing wait"""
    has_mqtt()
    fake = lib.Fake()
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        s.listen(5)
        with make_bridge(s.getsockname()[1]) as b:
            wait_for(lambda: b.metric("emotion_bridge_windows_queued") >= 2)
            equal(b.metric("emotion_bridge_mqtt_up"), 0)
    with socket.socket() as s: # one that answers with something else
        s.bind(("127.0.0.1", 0))
        s.listen(5)
        s.settimeout(lib.PATIENCE)
        with make_bridge(s.getsockname()[1]) as b:
            c, _ = s.accept()
            c.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n" + b"\xff" * 4096)
            wait_for(lambda: "windows wait on disk" in b.log())
            wait_for(lambda: b.metric("emotion_bridge_windows_queued") >= 2)
            c.close()
    fake.stop()


def test_configuration():
    """wrong settings are told with what is wanted"""
    has_mqtt()
    for text, said in (('device = "a/b";', "mqtt.device"), ('device = "a"; prefix = "a/#";', "mqtt.prefix"),
                       ('device = "a"; ca_file = "/etc/hostname";', "mqtt.tls"),
                       ('device = "a"; tls = true; cert_file = "/etc/hostname";', "mqtt.key_file"),
                       ('device = "a"; tls = true; ca_file = "/nonexistent/ca";', "/nonexistent/ca"),
                       ('device = "a"; password = "x";', "mqtt.user"),
                       ('device = "a"; window_s = 5000;', "window_s"), ('device = "a"; queue_windows = 1;', "queue_windows")):
        path = os.path.join(bus.folder, "emotion-bridge.conf")
        with open(path, "w") as f:
            f.write('mqtt: { host = "localhost"; %s };' % text)
        p = subprocess.run([lib.tool("emotion-bridge"), "--config", path], stderr=subprocess.PIPE, text=True)
        equal(p.returncode, 78, text)
        contains(p.stderr, said)


lib.run(globals())
