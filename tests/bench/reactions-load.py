#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""reactions-load.py [--seconds N] [--kills N] [--plays N] [cost|kill|report]...: what emotion-reactions costs and stands.

cost     share of a core and memory while a content is shown to 8 faces (sums of 200 ms, however many frames a second)
kill     kill -9 at random moments while contents begin and end: what had ended is there, and the store is whole
report   a store of many plays: time of a report, and from Begin to its answer while reports are made
Prints KEY=VALUE. EMO_BUILDDIR and EMO_SRCDIR say where the programs are, as for the integration tests.
"""
import argparse
import os
import random
import sqlite3
import struct
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "integration"))
import lib  # noqa: E402
from lib import dbus  # noqa: E402
from reactionslib import Bins, Reactions, bus, summed  # noqa: E402


def cpu_seconds(pid):
    with open("/proc/%d/schedstat" % pid) as f:
        return int(f.read().split()[0]) / 1e9


def memory_kib(pid, key):
    with open("/proc/%d/status" % pid) as f:
        return int([line.split()[1] for line in f if line.startswith(key)][0])


def percentile(values, share):
    return sorted(values)[min(int(share * len(values)), len(values) - 1)]


def cost(a):
    fake = lib.Fake()
    labels = ["anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral"]
    with Reactions() as s:
        s.begin("spot", **{"duration-ms": dbus.UInt32(30000)})
        bins = Bins(s, fake)
        faces = [summed(i + 1, **{"score-means": {e: 1 / 7 for e in labels},
                                  "emotion-ms": {"happiness": 80, "neutral": 60, "unsure": 60}}) for i in range(8)]
        bins.tell(faces)
        pid = s.process.pid
        begin, used = time.monotonic(), cpu_seconds(pid)
        n = 0
        while time.monotonic() - begin < a.seconds:
            bins.tell(faces)
            n += 1
        wall, used = time.monotonic() - begin, cpu_seconds(pid) - used
        print("bins=%d\ncpu_percent_of_core=%.3f\ncpu_us_per_bin=%.0f" % (n, 100 * used / wall, 1e6 * used / n))
        print("rss_kib=%d\nanon_kib=%d\npeak_kib=%d" % tuple(memory_kib(pid, k) for k in ("VmRSS", "RssAnon", "VmHWM")))
    fake.stop()


def kill(a):
    random.seed(1)
    s = Reactions()
    ended, lost, broken = 0, 0, 0
    for _ in range(a.kills):
        deadline = time.monotonic() + random.uniform(0, 0.15)
        timer = threading.Timer(max(deadline - time.monotonic(), 0), s.process.kill)
        timer.start()
        try:
            while True:
                s.end(s.begin("spot"))
                ended += 1
        except dbus.DBusException as e:
            if e.get_dbus_name().endswith("TooManyPlays"):
                time.sleep(max(deadline - time.monotonic(), 0))
        timer.join()
        s.process.wait()
        s.connection.close()
        with sqlite3.connect(s.store) as db:
            broken += db.execute("PRAGMA integrity_check").fetchone() != ("ok",)
            have = db.execute("SELECT count(*) FROM play WHERE reason = 'ended'").fetchone()[0]
        db.close()
        # an end that was stored and not answered is not lost
        lost += max(ended - have, 0)
        ended = have
        s.start()
    broken += "was broken" in s.log()
    s.stop()
    print("kills=%d\nended_plays=%d\nended_and_lost=%d\nbroken=%d" % (a.kills, ended, lost, broken))


def fill(path, n_plays, n_contents=30, days=90):
    """Plays, and a closed cell for each content and day, with histograms as wide as those of a full audience."""
    n = n_plays // (n_contents * days) * 4
    pairs = [n, 10.0 * n, 6.0 * n, 110.0 * n, 61.0 * n, 40.0 * n]
    totals = struct.pack("20d", n // 4, 20000 * n / 4, 20000 * n / 4, n, n * 0.7, n * 0.6, n // 2, 0, *pairs, *pairs)
    now = int(time.time() * 1e6)
    with sqlite3.connect(path) as db:
        for c in range(n_contents):
            db.execute("INSERT INTO content(id, name, duration_ms) VALUES(?, ?, 20000)", (c + 1, "content %d" % c))
        db.executemany("INSERT INTO play(id, content, screen, begin_usec, end_usec, reason, shown_ms, observed_ms, viewers,"
                       " watchers, dwell_ms, attention_ms) VALUES(?, ?, 'main', ?, ?, 'ended', 20000, 20000, 4, 3, 40000, 24000)",
                       (("%032x" % i, i % n_contents + 1, now - 86400000000 * days * (n_plays - i) // n_plays - 30000000,
                         now - 86400000000 * days * (n_plays - i) // n_plays - 10000000) for i in range(n_plays)))
        for c in range(n_contents):
            for day in range(days):
                begin = now - (day + 1) * 86400000000
                cell = db.execute("INSERT INTO cell(content, begin_usec, end_usec, closed, viewers, totals, labels, step_ms,"
                                  " n_points) VALUES(?, ?, ?, 1, ?, ?, '', 0, 0)", (c + 1, begin, begin + 80000000000, n, totals)).lastrowid
                db.executemany("INSERT INTO histogram VALUES(?, ?, ?, ?, ?)",
                               ((cell, kind, block, value, n // 16 // 12 + 1) for kind in range(4) for block in range(9, 21)
                                for value in range(2, 34, 2)))
    db.close()


def report(a):
    s = Reactions('privacy: { notice = "a sign at the door"; }; store: { max_mb = 2000; };')
    fill(s.store, a.plays)
    print("plays=%d\nstore_mb=%.1f" % (a.plays, os.path.getsize(s.store) / 1e6))
    for name, options in (("all", {}), ("one", {"contents": ["content 1"]}), ("compare", {"compare": True})):
        took = []
        for _ in range(5):
            begin = time.monotonic()
            got = s.report(**options)
            took.append(time.monotonic() - begin)
        if not got["contents"][0].get("viewers"):
            raise SystemExit("the report tells nothing")
        print("report_%s_s=%.2f" % (name, percentile(took, 0.5)))
    stop, took, n_reports = threading.Event(), [], [0]

    def ask():
        other = bus.connect()
        while not stop.is_set():
            fd = dbus.Interface(other.get_object("org.emotiond.Reactions1", "/org/emotiond/Reactions1", introspect=False),
                                "org.emotiond.Reactions1.Manager").Query(dbus.Dictionary({}, signature="sv"))
            os.close(fd.take())
            n_reports[0] += 1

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    begin = time.monotonic()
    while time.monotonic() - begin < a.seconds:
        at = time.monotonic()
        s.begin("content %d" % random.randrange(30))
        took.append(1000 * (time.monotonic() - at))
        time.sleep(0.11)
    stop.set()
    thread.join()
    print("reports=%d\nbegins=%d" % (n_reports[0], len(took)))
    print("begin_ms_p50=%.2f\nbegin_ms_p99=%.2f\nbegin_ms_max=%.2f" % (percentile(took, 0.5), percentile(took, 0.99), max(took)))
    s.stop()


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--seconds", type=float, default=60)
    p.add_argument("--kills", type=int, default=200)
    p.add_argument("--plays", type=int, default=1000000)
    p.add_argument("what", nargs="*", choices=[[], "cost", "kill", "report"])
    a = p.parse_args()
    for what in a.what or ["cost", "kill", "report"]:
        {"cost": cost, "kill": kill, "report": report}[what](a)


main()
