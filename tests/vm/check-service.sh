# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# In the guest: the installed service under systemd, activated over D-Bus, with a camera that comes and goes.
. /share/lib.sh

modprobe vhci-hcd
cp -a /share/tree/. /
ldconfig
systemd-sysusers
systemctl daemon-reload
systemctl reload dbus

name=org.emotiond.Emotion1 root=/org/emotiond/Emotion1
property() { busctl --json=short get-property $name $root $name.Manager "$1"; }
is_state() { property State 2> /dev/null | grep -q "\"$1\""; }
statistic() { property Statistics | grep -o "\"$1\":{[^}]*}" | grep -o '[0-9]*}' | tr -d '}'; }
report() {
  t "--- state $(property State), last error $(property LastError)"
  systemctl status emotiond --no-pager -l -n 0
  journalctl -b -u emotiond -o cat --no-pager | tail -n 40
  t "--- watch"; tail -n 20 /run/watch.log
  t "$fails failed"
}
give_up() { report; exit 1; }
counter() { # those that are not for everybody
	busctl --json=short call org.emotiond.Emotion1 /org/emotiond/Emotion1 org.emotiond.Emotion1.Manager GetStatistics |
		grep -o "\"$1\":{[^}]*}" | grep -o '[0-9]*}' | tr -d '}'
}
frames_flow() { [ "$(statistic frames)" -gt "$1" ]; }
active() { [ "$(systemctl is-active emotiond)" = "$1" ]; }

# Started before there ever was a camera: no driver is loaded, and the name video4linux not yet known, by which systemd
# looks up whom the unit allows what. Cameras that come later must be open to it all the same.
unknown() { ! grep -q "$1" /proc/devices; }
want "no camera driver is loaded" unknown video4linux
want "the service starts without one" systemctl start emotiond
emotionctl watch > /run/watch.log 2>&1 & watch=$!
want "state: no-camera" within 60 is_state no-camera
modprobe uvcvideo nodrop=1
want "the first camera appears" plug 5
want "it is opened: watching" within 90 is_state watching
kill $watch
want "the claim is gone: idle" within 60 is_state idle
unplug
systemctl stop emotiond
[ $fails = 0 ] || give_up

want "the service does not run yet" active inactive
want "a camera appears" plug 5
udevadm settle

# emotionctl holds a claim as long as it runs; the bus starts the service for it
emotionctl watch > /run/watch.log 2>&1 & watch=$!
want "a claim starts the service" within 60 active active
want "state: watching" within 90 is_state watching
[ $fails = 0 ] || give_up
want "frames flow" within 60 frames_flow 3

sleep 5
want "unplugged" unplug
want "state: no-camera" within 60 is_state no-camera
want "the service goes on" active active
frames=$(statistic frames) dropped=$(counter frames-dropped) corrupt=$(statistic frames-corrupt)
t "camera sent $(sent); frames $frames, dropped $dropped, corrupt $corrupt"
all=$((frames + dropped + corrupt))
# what was in the driver's buffers when the plug was pulled, and one picture that the worker held
want "every frame is accounted for" [ "$all" -le "$(sent)" -a "$all" -ge $(($(sent) - 7)) ]

want "plugged in again" plug 5
want "state: watching again" within 90 is_state watching
want "frames flow again" within 60 frames_flow "$frames"

kill $watch
want "the claim is gone: idle" within 60 is_state idle
unplug
want "the service never failed" [ "$(systemctl show -P NRestarts emotiond)" = 0 ]
report; [ $fails = 0 ]
