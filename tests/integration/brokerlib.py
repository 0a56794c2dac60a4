# SPDX-License-Identifier: LGPL-2.1-or-later
"""A real mosquitto on a loopback port, and a reader of its topics, for the tests of what speaks MQTT."""
import atexit
import json
import os
import shutil
import subprocess
import tempfile

import lib
from bridgelib import free_port
from lib import Skip, wait_for


def find_tool(name, package):
    path = shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin")
    if not path:
        raise Skip("the Debian package %s is not installed" % package)
    return path


class Broker:
    """@more: further lines of its configuration, {folder} stands for its folder"""

    def __init__(self, folder, more="allow_anonymous true", port=None, persistence=False):
        self.tool = find_tool("mosquitto", "mosquitto")
        self.folder = tempfile.mkdtemp(prefix="broker-", dir=folder)
        self.port = port or free_port()
        self.config = os.path.join(self.folder, "mosquitto.conf")
        text = "listener %d 127.0.0.1\nlog_type all\nmax_queued_messages 0\nmax_inflight_messages 0\n" % self.port
        if persistence: # saved at each change, so that a kill loses nothing
            text += "persistence true\npersistence_location %s/\nautosave_on_changes true\nautosave_interval 1\n" % self.folder
        with open(self.config, "w") as f:
            f.write(text + more.replace("{folder}", self.folder) + "\n")
        if os.getuid() == 0: # it gives its rights up, and wants to read its files then
            with open(self.config, "a") as f:
                f.write("user root\n")
        self.start()

    def start(self):
        self.log_file = open(os.path.join(self.folder, "log"), "a")
        self.process = subprocess.Popen([self.tool, "-c", self.config], stdin=subprocess.DEVNULL, stdout=self.log_file,
                                        stderr=self.log_file)
        atexit.register(lib.end_process, self.process)
        wait_for(self.listens)

    def listens(self):
        """the broker listens"""
        import socket
        if self.process.poll() is not None:
            raise AssertionError("mosquitto ended:\n" + self.log())
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
            return True
        except OSError:
            return False

    def log(self):
        with open(os.path.join(self.folder, "log")) as f:
            return f.read()

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        lib.end_process(self.process)

    def publish(self, topic, text, *more):
        subprocess.run([find_tool("mosquitto_pub", "mosquitto-clients"), "-p", str(self.port), "-h", "127.0.0.1", "-t",
                        topic, "-m", text, "-q", "1", *more], check=True, timeout=lib.PATIENCE)


class Subscriber:
    """What comes on @topics: messages() gives (topic, text), of those that the file has whole."""

    def __init__(self, broker, *topics, args=()):
        self.path = os.path.join(tempfile.mkdtemp(prefix="subscriber-", dir=broker.folder), "messages")
        self.file = open(self.path, "w")
        words = [w for t in topics for w in ("-t", t)]
        self.process = subprocess.Popen(
            [find_tool("mosquitto_sub", "mosquitto-clients"), "-h", "127.0.0.1", "-p", str(broker.port), "-q", "1", "-F",
             "%t %r %p", *words, *args], stdin=subprocess.DEVNULL, stdout=self.file, stderr=subprocess.STDOUT)
        atexit.register(lib.end_process, self.process)

    def messages(self):
        with open(self.path) as f:
            lines = f.read().split("\n")[:-1]
        return [tuple(line.split(" ", 2)) for line in lines if line.count(" ") >= 2]

    def of(self, tail):
        """Texts of topics that end like this."""
        return [text for topic, _, text in self.messages() if topic.endswith(tail)]

    def json(self, tail):
        found = []
        for text in self.of(tail):
            try:
                found.append(json.loads(text))
            except ValueError: # rubbish that a test left there
                pass
        return found

    def last(self, tail):
        return (self.json(tail) or [{}])[-1]

    def stop(self):
        lib.end_process(self.process)
        self.file.close()
