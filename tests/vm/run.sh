#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Runs the tests that need a real kernel: a Debian 12 guest under emulation, with a simulated USB camera.
#
#   tests/vm/run.sh [capture|service]...      (default: both)
#
# Opt-in, because it takes minutes, 2 GB of disk and root. EMO_VM_DIR is where all of it goes (default:
# /var/tmp/emotiond-vm); the guest in it is built once. Prints TAP; without root, network or QEMU it skips.
set -u

here=$(cd "$(dirname "$0")" && pwd)
src=$(cd "$here/../.." && pwd)
dir=${EMO_VM_DIR:-/var/tmp/emotiond-vm}
share=$dir/share
export VM_DIR=$dir/guest DEBIAN_FRONTEND=noninteractive
export VM_PKGS="libv4l-0 libturbojpeg0 libpng16-16 libconfig9 libopenblas0-pthread libprotobuf-c1 libjson-c5
  libopencv-objdetect406 opencv-data"
multiarch=$(dpkg-architecture -qDEB_HOST_MULTIARCH 2> /dev/null || echo x86_64-linux-gnu)

skip() { echo "1..0 # SKIP $*"; exit 0; }
bail() { echo "Bail out! $*"; exit 1; }

prepare_guest() {
  [ -e "$VM_DIR/ok" ] && return
  # shellcheck disable=SC1091
  [ "$(. /etc/os-release && echo "$ID $VERSION_ID")" = "debian 12" ] ||
    skip "programs built here must run in a Debian 12 guest"
  "$here/guest.sh" deps > "$dir/deps.log" 2>&1 || skip "QEMU and its tools cannot be installed (see $dir/deps.log)"
  "$here/guest.sh" build > "$dir/guest.log" 2>&1 || skip "the guest cannot be built (see $dir/guest.log)"
}

# A build of its own: the programs must lie where Debian's dbus and systemd look for their files.
build_tree() {
  [ -x "$src/configure" ] || (cd "$src" && ./autogen.sh) || return
  if [ ! -e "$dir/build/Makefile" ]; then
    (cd "$dir/build" && "$src/configure" -q --prefix=/usr --sysconfdir=/etc --localstatedir=/var \
      --libdir="/usr/lib/$multiarch") || return
  fi
  make -C "$dir/build" -j"$(nproc)" all tests/vm/usb-camera tests/vm/grab &&
    rm -rf "$share/tree" && make -C "$dir/build" install DESTDIR="$share/tree" || return
  install -m 755 "$dir/build/tests/vm/usb-camera" "$dir/build/tests/vm/grab" "$share/" &&
    install -m 644 "$here/lib.sh" "$share/" || return
}

# What the camera shows: the synthetic face, as JPEG pictures one behind the other
make_frames() {
  local tool=$dir/build/emotion-nn
  "$tool" clip "$src/models/meanfaces.png" -o "$dir/clip.avi" && python3 - "$dir/clip.avi" "$share/frames.mjpg" << 'P'
import struct
import sys

data = open(sys.argv[1], "rb").read()
at = data.index(b"movi") + 4
with open(sys.argv[2], "wb") as out:
    while at + 8 <= len(data) and data[at:at + 4] != b"idx1":
        size, = struct.unpack("<I", data[at + 4:at + 8])
        if data[at:at + 4] == b"00dc":
            out.write(data[at + 8:at + 8 + size])
        at += 8 + size + (size & 1)
P
}

[ "$(id -u)" = 0 ] || skip "needs root, to build the guest"
mkdir -p "$share" "$dir/build" || bail "no folder $dir"
prepare_guest
build_tree > "$dir/build.log" 2>&1 || bail "the build failed (see $dir/build.log)"
make_frames >> "$dir/build.log" 2>&1 || bail "no frames for the camera (see $dir/build.log)"

[ $# -gt 0 ] || set -- capture service
echo "1..$#"
n=0 failed=0
for name; do
  n=$((n + 1))
  "$here/guest.sh" run -s "$share" -t 900 "$here/check-$name.sh" > "$dir/$name.log" 2>&1
  rc=$?
  sed 's/^/# /' "$dir/$name.log"
  case $rc in
    0) echo "ok $n - $name" ;;
    *) echo "not ok $n - $name (exit code $rc)"; failed=1 ;;
  esac
done
exit $failed
