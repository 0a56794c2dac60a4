#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""latency.py [--seconds N] [--clip FILE] [--detector NAME] [--aligner NAME] [--models DIR] [--no-mirror]: from capture to signal, through a real bus.

emotiond plays a clip in real time on a message bus of its own; a client with a claim of no hold measures, for each signal
that reaches it, the time since the picture was taken (the signal's own timestamp). Prints KEY=VALUE: percentiles of that
in milliseconds, how often a face's emotion changes, CPU of the service per frame, the share of one core, resident memory.
EMO_BUILDDIR and EMO_SRCDIR say where the programs are, as for the integration tests.
"""
import argparse
import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "integration"))
import lib  # noqa: E402
from lib import dbus  # noqa: E402

# No filter in time and no hysteresis: a change is announced with the frame that shows it, and there are many of them.
QUICK = {"smoothing_ms": 0, "hysteresis": 0.0, "min_hold_ms": 0, "min_confidence": 0.0}


def cpu_seconds(pid):
    with open("/proc/%d/stat" % pid) as f:
        fields = f.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Ear(lib.Client):
    """A client that notes how late each signal comes."""

    def __init__(self, bus):
        self.late_ms = []
        self.n_changes = 0
        super().__init__(bus)

    def on_message(self, connection, message):
        now = time.monotonic_ns() / 1e3
        if message.get_type() == 4 and message.get_interface() == lib.MANAGER:
            stamp = [a for a in message.get_args_list() if isinstance(a, dbus.UInt64)][0]
            # a face vanishes when it was not found for a time: that is no answer to a picture
            self.n_changes += message.get_member() == "EmotionChanged"
            if message.get_member() != "FaceVanished":
                self.late_ms.append((now - stamp) / 1e3)
        return dbus.lowlevel.HANDLER_RESULT_NOT_YET_HANDLED


def percentile(values, share):
    return sorted(values)[min(int(share * len(values)), len(values) - 1)]


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--seconds", type=float, default=60)
    p.add_argument("--clip")
    p.add_argument("--detector", default="haar")
    p.add_argument("--aligner", default="box")
    p.add_argument("--models", help="folder of models, instead of the source's")
    p.add_argument("--no-mirror", action="store_true", help="without a look at each face's mirror image")
    a = p.parse_args()
    bus = lib.Bus()
    with lib.Daemon(bus, os.path.abspath(a.clip) if a.clip else lib.synthetic_clip(), decision=QUICK,
                    model_dir=a.models, vision={"detector": a.detector, "aligner": a.aligner},
                    classifier={"mirror": not a.no_mirror}) as d:
        ear = Ear(bus)
        ear.claim({"min-hold-ms": dbus.UInt32(0), "min-confidence": dbus.Double(0)})
        lib.wait_for(lambda: ear.late_ms)
        lib.linger(2)  # warm
        ear.late_ms.clear()
        ear.n_changes = 0
        frames, cpu, begin = int(ear.get("Statistics")["frames"]), cpu_seconds(d.process.pid), time.monotonic()
        context = lib.GLib.MainContext.default()
        while time.monotonic() - begin < a.seconds:
            lib.GLib.timeout_add(100, lambda: False)
            context.iteration(True)
        seconds = time.monotonic() - begin
        cpu = cpu_seconds(d.process.pid) - cpu
        frames = int(ear.get("Statistics")["frames"]) - frames
        late = ear.late_ms
        print("signals=%d\nchanges_per_s=%.2f" % (len(late), ear.n_changes / seconds))
        if not late:
            sys.exit("no signal came: a clip in which something changes is needed")
        for name, share in (("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("max", 1)):
            print("late_%s_ms=%.2f" % (name, percentile(late, share)))
        print("frames=%d\nfps=%.1f\ncpu_ms_per_frame=%.2f\ncore_share=%.3f\nrss_mib=%.1f"
              % (frames, frames / seconds, 1e3 * cpu / frames, cpu / seconds, d.memory_kib() / 1024))
        ear.close()


main()
