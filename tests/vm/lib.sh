# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# Sourced by the scripts that run inside the guest. /share holds: usb-camera, grab, frames.mjpg, tree/ (installed).

fails=0
t() { read -r now _ < /proc/uptime; echo "[$now] $*"; }

# want WHAT COMMAND...: say ok or FAIL
want() {
  local what=$1; shift
  if "$@"; then t "ok: $what"; else t "FAIL: $what"; fails=$((fails + 1)); fi
}

# within SECONDS COMMAND...: until it succeeds; emulation is slow, so times here only end a hang
within() {
  local end=$((SECONDS + $1)); shift
  until "$@"; do
    [ $SECONDS -lt $end ] || return 1
    sleep 0.2
  done
}

# The camera: plug, then orders on descriptor 7; what it says is in /run/camera.out
plug() {
  mkfifo -m 600 /run/camera.in 2> /dev/null
  /share/usb-camera /share/frames.mjpg "${1-5}" < /run/camera.in > /run/camera.out & camera_pid=$!
  exec 7> /run/camera.in
  within 30 test -e /dev/v4l/by-id/usb-emotiond_tests_Simulated_Camera_0001-video-index0
}
order() { echo "$1" >&7; }
unplug() { order unplug; wait $camera_pid; exec 7>&-; within 30 test ! -e /dev/video0; }
# What the camera has sent, by its own count
sent() { sed -n 's/^sent //p' /run/camera.out | tail -n 1; }
