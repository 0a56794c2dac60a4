#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The example kiosk in headless Chromium, served from another origin: what it shows follows what the service sees, through
restarts of service and bridge, and it goes on showing when it is refused."""
import atexit
import contextlib
import http.server
import json
import os
import shutil
import signal
import subprocess
import tempfile
import threading

import bridgelib
import lib
from bridgelib import TOKEN, Bridge, Reactions
from lib import Skip, equal, wait_for

bus = lib.Bus()
KIOSK = os.path.join(lib.SRCDIR, "docs", "examples", "kiosk", "index.html")
# added to the page as it is served: it tells the test what it shows
REPORT = b"""<script>
const tell = () => fetch("/seen", { method: "POST", body: JSON.stringify({ ...document.body.dataset,
  shown: [...document.querySelectorAll(".shown")].map((s) => s.id) }) });
new MutationObserver(tell).observe(document, { attributes: true, subtree: true });
addEventListener("error", (e) => fetch("/error", { method: "POST", body: e.message }));
</script>"""


class Site:
    """A web server with the kiosk, and what its page said."""

    def __init__(self):
        site = self
        self.said, self.errors = [], []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                found = self.path.split("?")[0] == "/kiosk/"
                self.send_response(200 if found else 404)
                self.send_header("Content-Type", "text/html; charset=utf-8")
                self.end_headers()
                if found:
                    with open(KIOSK, "rb") as f:
                        self.wfile.write(f.read().replace(b"</html>", REPORT + b"</html>"))

            def do_POST(self):
                text = self.rfile.read(int(self.headers["Content-Length"])).decode()
                if self.path == "/seen":
                    site.said.append(json.loads(text))
                else:
                    site.errors.append(text)
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_):
                pass
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def last(self):
        return self.said[-1] if self.said else {}

    def shows(self, scene):
        """Waits until the page shows this."""
        def shown():
            return self.last().get("shown") == [scene]
        shown.__doc__ = "the page shows %s; it said %s" % (scene, self.last())
        wait_for(shown)

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


@contextlib.contextmanager
def chromium(site, bridge, token=TOKEN, host="kiosk.example"):
    tool = shutil.which("chromium")
    if not tool:
        raise Skip("the Debian package chromium is not installed")
    folder = tempfile.mkdtemp(prefix="chromium-", dir=bus.folder)
    url = "http://%s:%d/kiosk/#token=%s&bridge=http://127.0.0.1:%d&hold=50" % (host, site.port, token, bridge.port)
    with open(os.path.join(folder, "log"), "w") as log:
        # its own sandbox cannot be set up within one, nor by root
        p = subprocess.Popen([tool, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
                              "--no-first-run", "--disable-background-networking", "--disable-component-update",
                              "--disable-features=LocalNetworkAccessChecks,BlockInsecurePrivateNetworkRequests",
                              "--host-resolver-rules=MAP * 127.0.0.1", "--user-data-dir=" + folder, url],
                             env={**os.environ, "HOME": folder, "LD_PRELOAD": ""}, stdin=subprocess.DEVNULL, stdout=log,
                             stderr=log, start_new_session=True)
    atexit.register(lib.end_process, p)
    try:
        yield p
    finally:
        with contextlib.suppress(OSError):
            os.killpg(p.pid, signal.SIGKILL) # the session that was begun above
        p.wait()
        equal(site.errors, [])
        site.stop()


def make_bridge(site, **kw):
    bridgelib.ORIGIN = "http://kiosk.example:%d" % site.port
    return Bridge(bus, **kw)


def test_follows_audience():
    """what the page shows follows the audience, and emotion-reactions hears of it"""
    site = Site()
    fake = lib.Fake()
    with make_bridge(site) as b, Reactions(bus, b.folder) as reactions, chromium(site, b):
        site.shows("attract")
        wait_for(lambda: site.last().get("watching") == "true")
        fake(emit=["FaceAppeared", 5])
        site.shows("invite")
        fake(emit=["AttentionChanged", 5, True])
        site.shows("offer")
        fake(emit=["FaceAppeared", 6])
        fake(emit=["FaceAppeared", 7])
        site.shows("group")
        wait_for(lambda: site.last().get("told") == "group")
        for face in (5, 6, 7):
            fake(emit=["FaceVanished", face])
        site.shows("attract")
        wait_for(lambda: {"invite", "offer", "group"} <= {name for name, _ in reactions.plays()})
    fake.stop()


def test_restarts():
    """the page goes on after a restart of the service and of the bridge, without being loaded again"""
    site = Site()
    fake = lib.Fake()
    with make_bridge(site) as b, chromium(site, b):
        wait_for(lambda: site.last().get("watching") == "true")
        fake(emit=["FaceAppeared", 5])
        site.shows("invite")
        fake.stop() # nobody is in view for a service that is not there
        wait_for(lambda: site.last().get("problem") == "no service")
        site.shows("attract")
        fake = lib.Fake()
        wait_for(lambda: site.last().get("watching") == "true")
        fake(emit=["FaceAppeared", 6])
        site.shows("invite")
        b.process.kill()
        b.process.wait()
        site.shows("attract")
        wait_for(lambda: site.last().get("problem") == "no bridge")
        b.start()
        wait_for(lambda: site.last().get("watching") == "true")
        fake(emit=["FaceAppeared", 7])
        site.shows("invite")
    fake.stop()


def test_camera_lost():
    """a camera that is lost leaves nobody in view; the page shows what it shows to nobody"""
    site = Site()
    fake = lib.Fake()
    with make_bridge(site) as b, chromium(site, b):
        wait_for(lambda: site.last().get("watching") == "true")
        fake(emit=["FaceAppeared", 5])
        site.shows("invite")
        fake(emit=["FaceVanished", 5])
        fake(set={"State": "no-camera"})
        wait_for(lambda: site.last().get("state") == "no-camera")
        site.shows("attract")
    fake.stop()


def test_refused():
    """a wrong token, and a page of another origin: nothing is told, and the page shows what it has"""
    fake = lib.Fake()
    site = Site()
    with make_bridge(site) as b, chromium(site, b, token="a-token-that-nobody-gave"):
        site.shows("attract")
        wait_for(lambda: site.last().get("problem") == "refused: 401")
        equal("faces" in site.last() and site.last()["faces"] != "0", False)
    site = Site()
    with make_bridge(site) as b, chromium(site, b, host="other.example"):
        site.shows("attract")
        wait_for(lambda: b.metric('emotion_bridge_answers_total{class="4xx"}') >= 1)
        equal(b.metric("emotion_bridge_streams"), 0)
        equal(site.last().get("watching") in (None, "false"), True)
    fake.stop()


def test_face_in_view():
    """a face that is in view when the page loads is told; a page that is closed lets the camera close"""
    site = Site()
    with lib.Daemon(bus, lib.synthetic_clip(), camera={"replay_loop": True}), make_bridge(site) as b:
        with chromium(site, b):
            wait_for(lambda: int(site.last().get("faces") or 0) >= 1)
        wait_for(lambda: b.metric("emotion_bridge_streams") == 0)


lib.run(globals())
