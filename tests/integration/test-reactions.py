#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""emotion-reactions on a bus with the shipped policy: calls, errors by name, what it tells, and emotiond's faces."""
import atexit
import csv
import io
import json
import os
import random
import re
import shutil
import sqlite3
import subprocess
import threading
import time
import uuid
import xml.etree.ElementTree

import lib
from lib import Skip, contains, equal, refused, wait_for

import dbus

from reactionslib import ERROR, MANAGER, NAME, PLAY, ROOT, Bins, Reactions, bus, interface, summed


def test_begin_end():
    """a play begins, is told, ends; another Begin replaces it; SetContent ends it"""
    with Reactions() as s:
        equal(s.get("State"), "idle")
        play = s.begin("spot", **{"duration-ms": dbus.UInt32(3000), "screen": "door", "campaign": "summer"})
        equal(s.get("Current")["content"], "spot")
        equal(s.properties(play, PLAY)["Screen"], "door")
        s.manager.Mark(play, "brand")
        result = s.end(play)
        equal((result["reason"], result["viewers"]), ("ended", 0))
        equal(len(s.get("Current")), 0)
        with refused(ERROR + "NoSuchPlay"):
            s.end(play)
        first = s.begin("one")
        second = s.begin("two")
        with refused(ERROR + "NoSuchPlay"):
            s.end(first)
        interface(s.connection, PLAY, second).End()
        s.manager.SetContent("three", dbus.Dictionary({}, signature="sv"))
        s.manager.SetContent("", dbus.Dictionary({}, signature="sv"))
        equal(s.plays(), [("spot", "ended"), ("one", "replaced"), ("two", "ended"), ("three", "ended")])


def test_bad_input():
    """each mistake has an error of its own, and the service goes on"""
    with Reactions() as s:
        for content in ("", "a\nb", "a\x7f", "x" * 257, "x" * 10_000_000):
            with refused(ERROR + "InvalidContent"):
                s.begin(content)
        for options in ({"nonsense": 1}, {"duration-ms": "long"}, {"screen": dbus.UInt32(1)}):
            with refused(ERROR + "InvalidOption"):
                s.begin("spot", **options)
        with refused(ERROR + "InvalidContent"):
            s.begin("spot", **{"play-id": "no uuid"})
        for off in (60, -60, 1e9):
            with refused(ERROR + "InvalidTime"):
                s.begin("spot", **{"start-usec": dbus.UInt64((time.time() + off) * 1e6)})
        with refused(ERROR + "NoSuchPlay"):
            s.report(contents=["never shown"])
        with refused(ERROR + "NoSuchPlay"):
            s.manager.Mark(dbus.ObjectPath(ROOT + "/play/99"), "cut")
        s.begin("spot", **{"start-usec": dbus.UInt64((time.time() - 2) * 1e6)})


def test_same_id():
    """the same id again is the same play while it runs, and an error once it has ended"""
    with Reactions() as s:
        name = str(uuid.uuid4())
        play = s.begin("spot", **{"play-id": name})
        equal(s.begin("spot", **{"play-id": name}), play)
        s.end(play)
        with refused(ERROR + "PlayEnded"):
            s.begin("spot", **{"play-id": name})
        equal(len(s.plays()), 1)


def test_others_play():
    """a play is ended by who began it; it ends as lost when that client leaves the bus"""
    with Reactions() as s:
        other = bus.connect()
        play = interface(other).Begin("spot", dbus.Dictionary({}, signature="sv"))
        with refused(ERROR + "NotYourPlay"):
            s.end(play)
        other.close()
        wait_for(lambda: len(s.get("Current")) == 0)
        equal(s.plays(), [("spot", "lost")])


def test_stay():
    """a play that stays outlives who began it, and anybody may end it"""
    with Reactions() as s:
        other = bus.connect()
        play = interface(other).Begin("spot", dbus.Dictionary({"stay": True}, signature="sv"))
        other.close()
        equal(s.get("Current")["play"], play)
        s.end(play)
        equal(s.plays(), [("spot", "ended")])


def test_flood():
    """more plays than a screen can show are refused by name"""
    with Reactions() as s:
        n_refused = 0
        for i in range(400):
            try:
                s.begin("spot")
            except dbus.DBusException as e:
                equal(e.get_dbus_name(), ERROR + "TooManyPlays")
                n_refused += 1
        if n_refused == 0:
            print("# this machine took so long for 400 calls that the limit was not reached")
        equal(s.get("PlaysNotStored"), 0)


def test_notice_first():
    """nothing is recorded until the configuration says where people are told"""
    with Reactions("") as s:
        equal(s.get("State"), "no-notice")
        with refused(ERROR + "NoticeMissing"):
            s.begin("spot")
        equal(s.plays(), [])


def test_configuration():
    """a wrong configuration is told with file, line and key, and status 78"""
    for text, said in (("privacy: {\n minimum_group = 2; };", "reactions.conf:2: minimum_group"),
                       ("privacy: { notice = 5; };", "notice"), ("nonsense: { };\nx = 1;", "x"), ("privacy: {", "reactions.conf")):
        s = Reactions(text)
        equal(s.process.wait(lib.PATIENCE), 78)
        contains(s.log(), said)
    equal(subprocess.run([lib.tool("emotion-reactions"), "--check-config", "--config",
                          os.path.join(lib.SRCDIR, "conf", "reactions.conf")]).returncode, 0)


def test_killed_at_any_moment():
    """kill -9 at random moments: no play that had ended is lost, and the store stays whole"""
    s = Reactions()
    ended = 0
    for _ in range(6):
        timer = threading.Timer(random.uniform(0, 0.2), s.process.kill)
        timer.start()
        try:
            while True:
                s.end(s.begin("spot"))
                ended += 1
        except dbus.DBusException:
            pass
        timer.join()
        s.process.wait()
        s.connection.close()
        have = len([p for p in s.plays() if p[1] == "ended"])
        if have < ended:
            raise AssertionError("%d plays had ended, %d are there" % (ended, have))
        ended = have
        s.start()
        equal("was broken" in s.log(), False)
    s.stop()


def test_killed():
    """what had ended is there after kill -9, what ran is lost"""
    s = Reactions()
    s.end(s.begin("spot"))
    s.begin("running")
    s.process.kill()
    s.process.wait()
    s.connection.close()
    s.start()
    equal(s.plays(), [("spot", "ended"), ("running", "lost")])
    s.stop()


def test_store():
    """a broken store is set aside and said; one of a newer version is left alone"""
    s = Reactions()
    s.end(s.begin("spot"))
    s.stop()
    with open(s.store, "r+b") as f:
        f.write(b"this is no database")
    s.start()
    contains(s.log(), "was broken")
    s.end(s.begin("spot"))
    s.stop()
    with sqlite3.connect(s.store) as db:
        db.execute("PRAGMA user_version = 99")
    db.close()
    s.start()
    equal(s.process.wait(lib.PATIENCE), 1)
    contains(s.log(), "newer version")


def test_introspection():
    """the XML that is installed is what the running service says of itself"""
    def members(root, interface):
        node = [i for i in root.findall("interface") if i.get("name") == interface][0]
        found = set()
        for member in node:
            if member.tag not in ("method", "property", "signal"):
                continue
            note = [a.get("value") for a in member.findall("annotation") if "EmitsChanged" in a.get("name")]
            found.add((member.tag, member.get("name"), member.get("type"), (note or ["true"])[0],
                       tuple((a.get("name"), a.get("type"), a.get("direction")) for a in member.findall("arg"))))
        return found

    with Reactions() as s:
        play = s.begin("spot")
        for interface, path in ((MANAGER, ROOT), (PLAY, play)):
            live = dbus.Interface(s.connection.get_object(NAME, path, introspect=False),
                                  "org.freedesktop.DBus.Introspectable").Introspect()
            shipped = xml.etree.ElementTree.parse(os.path.join(lib.SRCDIR, "reactions", interface + ".xml"))
            equal(members(xml.etree.ElementTree.fromstring(live), interface), members(shipped.getroot(), interface))


def fill(s, content, n_viewers, plays=1):
    """Closed cells of made viewers, as the service writes them: what a report is made of."""
    import struct
    pairs = [n_viewers, 10.0 * n_viewers, 6.0 * n_viewers, 100.0 * n_viewers, 60.0 * n_viewers, 36.0 * n_viewers]
    totals = struct.pack("20d", plays, 20000, 20000, n_viewers, n_viewers, 5, n_viewers // 2, 0, *pairs, *pairs)
    with sqlite3.connect(s.store) as db:
        db.execute("INSERT INTO content(name, duration_ms) VALUES(?, 20000)", (content,))
        cell = db.execute("INSERT INTO cell(content, begin_usec, end_usec, closed, viewers, totals, labels, step_ms, n_points)"
                          " SELECT id, 1000000, 2000000, 1, ?, ?, '', 0, 0 FROM content WHERE name = ?",
                          (n_viewers, totals, content)).lastrowid
        for value in range(0, 40, 4):
            db.execute("INSERT INTO histogram VALUES(?, 0, 3, ?, ?)", (cell, value, n_viewers // 10))
    db.close()


def test_ctl_content():
    """emotionctl content begins, marks, lists and ends; a mistake is told with what to do"""
    with Reactions() as s:
        lib.ctl("content", "end", code=3)
        lib.ctl("content", "begin", "spot one")
        equal(s.get("Current")["content"], "spot one")
        lib.ctl("content", "mark", "brand")
        contains(lib.ctl("content", "end").err, "too few viewers")
        equal(s.plays(), [("spot one", "ended")])
        equal([c["content"] for c in lib.ctl("content", "list", "--json=short").json()], ["spot one"])
        contains(lib.ctl("content", "list").out, "too few")
        contains(lib.ctl("content", "nonsense", code=1).err, "Usage")
        lib.ctl("content", "begin", "a\nb", code=1)
    with Reactions(""):
        contains(lib.ctl("content", "begin", "spot", code=1).err, "reactions.conf")


def test_ctl_run():
    """emotionctl run records as long as the command runs, and gives its exit status, also without the service"""
    with Reactions() as s:
        lib.ctl("run", "--content=spot", "--", "sh", "-c", "exit 7", code=7)
        lib.ctl("run", "--content=spot", "--", "/nonexistent/player", code=127)
        lib.ctl("run", "--", "true", code=1)
        equal(s.plays(), [("spot", "ended"), ("spot", "ended")])
    contains(lib.ctl("run", "--content=spot", "--", "sh", "-c", "exit 5", code=5).err, "without being recorded")


def test_ctl_report():
    """emotionctl report prints figures, as a table, JSON, and a page without script or request"""
    with Reactions() as s:
        fill(s, "spot <i>", 100)
        fill(s, "few", 4)
        out = lib.ctl("report").out
        contains(out, "100.0 %")
        contains(out, "too few")
        report = lib.ctl("report", "--compare", "--json=short").json()
        equal([c.get("viewers") for c in report["contents"]], [None, 100])
        equal(round(report["contents"][1]["attraction"]["value"], 6), 0.6)
        equal(report["comparisons"][0]["shown"], False)
        rows = list(csv.DictReader(io.StringIO(lib.ctl("report", "--compare", "--csv").out)))
        figures = {(r["content"], r["figure"], r["part"]): r for r in rows}
        equal(len(figures), len(rows))
        equal(figures["spot <i>", "viewers", ""]["value"], "100")
        attraction = report["contents"][1]["attraction"]
        equal([float(figures["spot <i>", "attraction", ""][k]) for k in ("value", "low", "high")],
              [attraction[k] for k in ("value", "low", "high")])
        equal([r["figure"] for r in rows if r["content"] == "few" and not r["figure"].startswith("comparison.")], ["suppressed"])
        equal(figures["few", "comparison.shown", "spot <i>"]["value"], "0")
        lines = [json.loads(line) for line in lib.ctl("report", "--compare", "--ndjson").out.splitlines()]
        equal([(o["kind"], o["schema"]) for o in lines], [(k, report["schema"]) for k in ("content", "content", "comparison")])
        equal([o["attraction"] for o in lines[1:2]], [attraction])
        lib.ctl("status", "--csv", code=1)
        page = os.path.join(s.folder, "report.html")
        lib.ctl("report", "--content=spot <i>", "--html=" + page)
        with open(page) as f:
            text = f.read()
        contains(text, "spot &lt;i&gt;")
        contains(text, "a sign at the door")
        for word in ("<script", "http://", "https://", "few</h2>"):
            equal(word in text, False, word)
        lib.ctl("report", "--content=never", code=3)
        contains(lib.ctl("report", "--html=/nonexistent/x.html", code=1).err, "/nonexistent/x.html")


def test_ctl_notice():
    """emotionctl notice says what is kept, as it is configured: sums, or nothing; as text and as a page to put up"""
    with Reactions('privacy: { notice = "ask at <the> door"; minimum_group = 7; }; retention: { curve_days = 5; total_days = 6; };') as s:
        out = lib.ctl("notice").out
        words = " ".join(out.split())
        for part in ("at least 7 people", "for 5 days", "for 6 days", "ask at <the> door", "Nobody is recognised"):
            contains(words, part)
        equal([line for line in out.splitlines() if len(line) > 76], [])
        equal(lib.ctl("notice", "--json=short").json(),
              {"more": "ask at <the> door", "keeps": True, "minimum-group": 7, "curve-days": 5, "total-days": 6})
        page = os.path.join(s.folder, "notice.html")
        lib.ctl("notice", "--html=" + page)
        with open(page) as f:
            text = f.read()
        contains(text, "at least 7 people")
        contains(text, "ask at &lt;the&gt; door")
        for word in ("<script", "http"):
            equal(word in text, False, word)
        contains(lib.ctl("notice", "--html=/nonexistent/x.html", code=1).err, "/nonexistent/x.html")
        lib.ctl("notice", "--csv", code=1)
    with Reactions(""):
        contains(" ".join(lib.ctl("notice").out.split()), "keeps nothing")
    contains(" ".join(lib.ctl("notice").out.split()), "keeps nothing")  # there is no such service


def play_totals(s):
    """Viewers, dwell, attention of each play, and how long it was observed."""
    with sqlite3.connect("file:%s?mode=ro" % s.store, uri=True) as db:
        return db.execute("SELECT viewers, dwell_ms, attention_ms, observed_ms FROM play").fetchall()


def test_summary():
    """sums come from the signal Summary: bins are added, things are no viewers, a stranger's bins are not believed"""
    fake = lib.Fake()
    with Reactions() as s:
        play = s.begin("spot")
        bins = Bins(s, fake)
        stranger = bus.connect()
        bins.tell([summed(1), summed(2, 150, **{"attention-ms": 100}), summed(3, static=True)], 10)
        us = s.connection.get_name_owner(NAME)
        signal = dbus.lowlevel.SignalMessage("/org/emotiond/Emotion1", "org.emotiond.Emotion1.Manager", "Summary")
        signal.set_destination(us)
        signal.append(1000 * bins.at, 1000 * bins.at + 200000, dbus.ObjectPath("/"),
                      dbus.Array([dbus.Dictionary({"face": dbus.UInt32(9), "present-ms": dbus.UInt32(200)}, signature="sv")],
                                 signature="a{sv}"), signature="ttoaa{sv}")
        stranger.send_message(signal)
        stranger.flush()
        bins.tell([], 2)
        s.end(play)
        (viewers, dwell, attention, observed), = play_totals(s)
        equal(viewers, 2)
        equal((dwell, attention), (2000 + 1500, 2000 + 1000))
        if observed < 2400:
            raise AssertionError("only %d ms were observed" % observed)
        equal("GetFaces" in fake(calls=True)["calls"], False)
    fake.stop()


def test_summary_ends():
    """without bins nothing is observed; a service that comes back is claimed again; another model's labels are asked for"""
    fake = lib.Fake()
    with Reactions() as s:
        s.begin("spot")
        bins = Bins(s, fake)
        wait_for(lambda: s.get("State") == "blind")
        fake(rename=True)
        bins = Bins(s, fake)
        n = fake(calls=True)["calls"]["GetAll"]
        fake(set={"Emotions": ["happiness", "calm"]})
        wait_for(lambda: fake(calls=True)["calls"]["GetAll"] > n)
        bins.tell([summed(1)], 2)
        equal(s.get("State"), "watching")
    fake.stop()


def test_decisions():
    """expressions are corrected by the decision matrix of the model, and only then said to be"""
    crowd = [summed(i, **{"emotion-ms": {"happiness": 180, "neutral": 16, "unsure": 4}}) for i in range(1, 7)]
    for decisions in ([90, 8, 2, 5, 90, 5], None):
        fake = lib.Fake()
        fake(set={"Emotions": ["happiness", "neutral"],
                  "Model": {"name": "made", "sha256": "a" * 64, **({"decisions": decisions} if decisions else {})}})
        with Reactions() as s:
            play = s.begin("spot")
            Bins(s, fake).tell(crowd, 10)
            s.end(play)
            report = s.report(contents=["spot"])
            content = report["contents"][0]
            equal(report["model"]["name"], "made")
            equal(content["expressions_corrected"], decisions is not None)
            happy = content["expressions"][0]
            equal((happy["label"], round(happy["decided"], 3)), ("happiness", 0.9))
            if decisions and not happy["share"]["value"] > 0.98:
                raise AssertionError("a crowd of happy people is told as %r" % happy)
            equal("share" in happy, decisions is not None)
        fake.stop()


def test_real_faces():
    """emotiond's faces on the clip become viewers of the content, and one viewer alone is not told"""
    with lib.Daemon(bus, lib.synthetic_clip(), camera={"replay_loop": True}):
        with Reactions() as s:
            play = s.begin("spot", **{"duration-ms": dbus.UInt32(4000)})

            def seen():
                return s.get("State") == "watching"
            wait_for(seen)
            time.sleep(5)
            equal(s.end(play)["viewers"], 0)
            with sqlite3.connect("file:%s?mode=ro" % s.store, uri=True) as db:
                viewers, dwell, observed = db.execute("SELECT viewers, dwell_ms, observed_ms FROM play").fetchone()
            if not (viewers >= 1 and dwell >= 1000 and observed >= 1000):
                raise AssertionError("viewers %d, dwell %d ms, observed %d ms" % (viewers, dwell, observed))
            report = s.report(contents=["spot"])
            equal(report["contents"], [{"content": "spot", "suppressed": True}])
            equal(re.fullmatch("[0-9a-f]{64}", report["model"]["sha256"]) is not None, True)


def test_no_new_ways_out():
    """while contents are shown, the process that has the camera opens nothing to write and makes no socket"""
    if not shutil.which("strace"):
        raise Skip("the Debian package strace is not installed")
    with lib.Daemon(bus, lib.synthetic_clip(), camera={"replay_loop": True}) as d, Reactions() as s:
        calls = os.path.join(s.folder, "calls")
        trace = subprocess.Popen(["strace", "-f", "-qq", "-e", "trace=?open,openat,?openat2,?creat,socket,socketpair,connect,"
                                  "bind,?rename,?renameat,renameat2,?mkdir,mkdirat,?unlink,unlinkat",
                                  "-o", calls, "-p", str(d.process.pid)], stderr=subprocess.PIPE, text=True)
        atexit.register(lib.end_process, trace)

        def is_traced():
            with open("/proc/%d/status" % d.process.pid) as f:
                return "TracerPid:\t0\n" not in f.read()
        wait_for(lambda: is_traced() or trace.poll() is not None)
        if trace.poll() is not None:
            raise Skip("strace may not trace here: " + trace.stderr.read().strip())
        play = s.begin("spot")
        wait_for(lambda: s.get("State") == "watching")
        time.sleep(1)
        s.end(play)
        lib.end_process(trace)
        with open(calls) as f:
            lines = [line for line in f if "(" in line and not line.rstrip().endswith("+++")]
        # the clip is opened when the camera is: if nothing was, nothing was traced
        contains("".join(lines), os.path.basename(lib.synthetic_clip()))
        for line in lines:
            if "socket" in line or "O_WRONLY" in line or "O_RDWR" in line or "open" not in line:
                raise AssertionError(line)


lib.run(globals())
