# SPDX-License-Identifier: LGPL-2.1-or-later
# Opt-in: tests/vm/run.sh boots a Debian guest and plugs a simulated USB camera into it. Its programs are built by
# make check so that they do not rot.
check_PROGRAMS += tests/vm/usb-camera tests/vm/grab
tests_vm_usb_camera_SOURCES = tests/vm/usb-camera.c
tests_vm_grab_SOURCES = tests/vm/grab.c
tests_vm_grab_LDADD = libcapture.la
EXTRA_DIST += tests/vm/README.md tests/vm/run.sh tests/vm/guest.sh tests/vm/check-capture.sh tests/vm/check-service.sh \
	tests/vm/lib.sh
