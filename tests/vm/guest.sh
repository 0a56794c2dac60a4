#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# guest.sh - a small Debian 12 guest under QEMU's software emulation: real systemd, D-Bus, udev, and Debian's kernel
# with uvcvideo and vhci-hcd. Boots in some 10 s; float code runs 20 to 130 times slower than on the host.
#
#   guest.sh deps                    install what the host needs (apt, root)
#   guest.sh build [STAGE...]        build the guest in $VM_DIR (root; some minutes, 1 GB); stages: root kernel initrd image
#   guest.sh run [-s DIR] [-t SEC] SCRIPT [ARG...]
#        boot, run SCRIPT (bash) as root in the guest; its output comes out here
#        -s DIR   host folder seen read-write at /share
#        -t SEC   give up after SEC seconds (default 300)
#
# Exit code of run: the script's own (127 for more); 124 timeout; 125 the guest died (see $VM_DIR/console.log).
# Nothing that the script does to the guest's disk stays. Settings, in the environment:
#   VM_DIR (./vm-guest)  VM_PKGS: more Debian packages for the guest  VM_MIRROR  VM_ACCEL  VM_CPU  VM_SMP  VM_MEM
set -euo pipefail

VM_DIR=${VM_DIR:-./vm-guest}
VM_PKGS=${VM_PKGS-}
VM_MIRROR=${VM_MIRROR:-$(apt-get indextargets --format '$(SITE)' 2>/dev/null | sed -n 's,/debian/*$,,p' | head -n 1)}
VM_ACCEL=${VM_ACCEL:-tcg,thread=multi}
VM_CPU=${VM_CPU:-max,la57=off}
VM_SMP=${VM_SMP:-2}
VM_MEM=${VM_MEM:-1G}

SUITE=bookworm
HOST_PKGS="qemu-system-x86 mmdebstrap xz-utils kmod cpio e2fsprogs gcc libc6-dev"
GUEST_PKGS="systemd-sysv dbus udev kmod procps"
# Kernel modules kept in the guest, with everything they depend on.
MODULES="autofs4 fuse configfs loop virtio-rng uvcvideo vhci-hcd"
# Loaded by the initrd before the root file system is mounted.
BOOT_MODULES="virtio_pci virtio_blk virtio_console 9p 9pnet_virtio ext4"

say() { echo "guest.sh: $*" >&2; }
die() { say "$*"; exit 125; }
sources() {
  local o="[signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]"
  echo "deb $o $VM_MIRROR/debian $SUITE main"
  echo "deb $o $VM_MIRROR/debian $SUITE-updates main"
  echo "deb $o $VM_MIRROR/debian-security $SUITE-security main"
}

deps() {
  apt-get update
    apt-get install -y --no-install-recommends $HOST_PKGS
}

# --- build ------------------------------------------------------------------

build_root() {                       # the guest's Debian
  rm -rf root; mkdir debs 2>/dev/null || true
  local pkgs; pkgs=$(echo $GUEST_PKGS $VM_PKGS | tr ' ' ',')
  sources | mmdebstrap --variant=minbase --mode=root --include="$pkgs" \
    --dpkgopt=force-unsafe-io --dpkgopt='path-exclude=/usr/share/man/*' \
    --dpkgopt='path-exclude=/usr/share/locale/*' \
    --dpkgopt='path-exclude=/usr/share/doc/*' \
    --customize-hook='mkdir "$1/debs" && cd "$1/debs" && chroot "$1" sh -c "
        k=\$(apt-cache depends linux-image-amd64 | sed -n \"s/ *Depends: //p\")
        cd /debs && apt-get -qq -o APT::Sandbox::User=root download \$k"' \
    $SUITE root - > mmdebstrap.log 2>&1 || { tail -20 mmdebstrap.log >&2; die "mmdebstrap failed"; }
  rm -rf debs; mv root/debs debs
}

build_kernel() {                     # unpack the kernel
  rm -rf kernel; mkdir kernel
  local d
  for d in debs/linux-*.deb; do dpkg-deb -x "$d" kernel; done
  KVER=$(basename kernel/lib/modules/*-amd64)
  echo "$KVER" > kver

  # bzImage -> vmlinux: PVH boot needs no decompression in the guest
  local z=kernel/boot/vmlinuz-$KVER off
  off=$(LC_ALL=C grep -aobP '\xfd7zXZ\x00' "$z" | head -1 | cut -d: -f1)
  tail -c +$((off + 1)) "$z" > vmlinux.xz
  xz -dc --single-stream < vmlinux.xz > vmlinux; rm vmlinux.xz
  [ "$(head -c 4 vmlinux | tail -c 3)" = ELF ] || die "no vmlinux in $z"

  depmod -b kernel "$KVER"
}

# module_files NAME...: paths below kernel/ in load order, dependencies first
module_files() {
  local m
  for m; do modprobe -d "$PWD/kernel" -S "$KVER" --show-depends "$m"; done |
    sed -n "s,^insmod $PWD/kernel/\([^ ]*\).*,\1,p" | awk '!seen[$0]++'
}

build_initrd() {                     # modules + a static init of a few lines
  rm -rf initrd; mkdir -p initrd/m initrd/dev initrd/root
  local f n=100
    for f in $(module_files $BOOT_MODULES); do
    n=$((n + 1)); cp "kernel/$f" "initrd/m/$n.ko"
  done
  cat > init.c <<'C'
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
static void fail(const char *what) { perror(what); sleep(1); _exit(1); }
int main(void)
{
    struct dirent **e;
    char p[300];
    int n = scandir("/m", &e, NULL, alphasort);
    for (int i = 0; i < n; i++) {
        if (e[i]->d_name[0] == '.') continue;
        snprintf(p, sizeof p, "/m/%s", e[i]->d_name);
        int fd = open(p, O_RDONLY | O_CLOEXEC);
        if (fd < 0 || syscall(SYS_finit_module, fd, "", 0)) perror(p);
        close(fd);
    }
    if (mount("dev", "/dev", "devtmpfs", 0, NULL)) fail("devtmpfs");
    for (int i = 0; access("/dev/vda", F_OK) && i < 1000; i++) usleep(10000);
    if (mount("/dev/vda", "/root", "ext4", MS_NOATIME, NULL)) fail("root");
    if (mount("/dev", "/root/dev", NULL, MS_MOVE, NULL)) fail("move dev");
    if (chdir("/root") || mount(".", "/", NULL, MS_MOVE, NULL) || chroot(".") || chdir("/"))
        fail("switch root");
    execl("/lib/systemd/systemd", "systemd", (char *)NULL);
    fail("systemd");
}
C
  gcc -O2 -static -s -o initrd/init init.c
  (cd initrd && find . | cpio -o -H newc --quiet) > initrd.cpio
}

build_image() {                      # finish the guest's root, make the image
  local f u
  rm -rf root/lib/modules/*; mkdir -p "root/lib/modules/$KVER"
    for f in $(module_files $BOOT_MODULES $MODULES); do
    install -D -m 644 "kernel/$f" "root/$f"
    strip --strip-debug "root/$f"
  done
  cp "kernel/lib/modules/$KVER"/modules.{builtin,builtin.modinfo,order} "root/lib/modules/$KVER/"
  depmod -b root "$KVER"

  echo vmtest > root/etc/hostname
  echo '127.0.0.1 localhost vmtest' > root/etc/hosts
  : > root/etc/fstab
  echo 0123456789abcdef0123456789abcdef > root/etc/machine-id
  mkdir -p root/share root/etc/systemd/journald.conf.d
  printf '[Journal]\nStorage=volatile\nRateLimitBurst=0\n' > root/etc/systemd/journald.conf.d/vm.conf
  rm -f root/lib/udev/hwdb.bin root/etc/udev/hwdb.bin

  # what a test guest does not need: each start costs 0.1 s and more
  for u in getty.target systemd-update-utmp.service systemd-update-utmp-runlevel.service \
    systemd-random-seed.service systemd-pstore.service systemd-machine-id-commit.service \
    systemd-journal-flush.service systemd-journal-catalog-update.service \
    systemd-remount-fs.service systemd-hwdb-update.service systemd-fsck-root.service \
    systemd-tmpfiles-clean.timer apt-daily.timer apt-daily-upgrade.timer \
    dpkg-db-backup.timer e2scrub_all.timer e2scrub_reap.service fstrim.timer \
    systemd-binfmt.service proc-sys-fs-binfmt_misc.automount \
    sys-kernel-debug.mount sys-kernel-tracing.mount dev-hugepages.mount dev-mqueue.mount \
    sys-kernel-config.mount sys-fs-fuse-connections.mount kmod-static-nodes.service \
    modprobe@configfs.service modprobe@dm_mod.service modprobe@drm.service \
    modprobe@fuse.service modprobe@loop.service modprobe@efi_pstore.service \
    systemd-modules-load.service systemd-sysusers.service systemd-tmpfiles-setup-dev.service \
    systemd-ask-password-console.path systemd-ask-password-wall.path; do
    ln -sf /dev/null "root/etc/systemd/system/$u"
  done
  # cold-plug only what is there before udevd; drivers loaded later bring their own events
  mkdir -p root/etc/systemd/system/systemd-udev-trigger.service.d
  printf '[Service]\nExecStart=\nExecStart=udevadm trigger --action=add %s\n' \
    '--subsystem-match=virtio-ports --subsystem-match=block --subsystem-match=tty --subsystem-match=misc --subsystem-match=mem' \
    > root/etc/systemd/system/systemd-udev-trigger.service.d/vm.conf

  cat > root/usr/local/sbin/vm-test <<'S'
#!/bin/bash
# started by vmtest.service: run the host's script and hand its exit code out, to qemu's isa-debug-exit
o=trans=virtio,version=9p2000.L,msize=262144
mount -t 9p -o $o,ro job /run/job || exit 125
if grep -q vm.share /proc/cmdline; then mount -t 9p -o $o,cache=none share /share || exit 125; fi
mapfile -d '' -t args < /run/job/args
cd / && bash /run/job/script "${args[@]}" < /dev/null
rc=$?
if [ $rc -gt 127 ]; then echo "vm-test: exit code $rc reported as 127"; rc=127; fi
printf "\\x$(printf %x $rc)" | dd of=/dev/port bs=1 seek=$((0xf4)) status=none
S
  chmod 755 root/usr/local/sbin/vm-test
  cat > root/etc/systemd/system/vmtest.service <<'U'
[Unit]
Description=Run the host's test script
Requires=dev-virtio\x2dports-out.device
After=dev-virtio\x2dports-out.device basic.target
SuccessAction=poweroff-immediate
FailureAction=poweroff-immediate
JobTimeoutSec=120
JobTimeoutAction=poweroff-immediate
[Service]
Type=exec
RuntimeDirectory=job
Environment=HOME=/root LANG=C.UTF-8
ExecStart=/usr/local/sbin/vm-test
StandardOutput=file:/dev/virtio-ports/out
StandardError=inherit
U
  rm -f root.ext4
  truncate -s $(( $(du -sm root | cut -f1) + 512 ))M root.ext4
  mke2fs -q -t ext4 -O ^has_journal,^metadata_csum -E lazy_itable_init=1,root_owner=0:0 \
    -m 0 -d root root.ext4
}

build() {
  [ "$(id -u)" = 0 ] || die "build needs root (mmdebstrap --mode=root)"
  mkdir -p "$VM_DIR"; cd "$VM_DIR"; rm -f ok
  local t=$SECONDS s
  [ $# -gt 0 ] || set -- root kernel initrd image
  for s; do
    KVER=$(cat kver 2>/dev/null || true)
    "build_$s"; say "$s: done after $((SECONDS - t)) s"
  done
  say "image: $(du -m root.ext4 | cut -f1) MB on disk"
  touch ok
}

# --- run --------------------------------------------------------------------

job() {                              # options of run; makes the job folder
  share="" limit=300
  local o OPTIND
  while getopts s:t: o; do
    case $o in s) share=$(realpath "$OPTARG") ;; t) limit=$OPTARG ;; *) die usage ;; esac
  done
  shift $((OPTIND - 1)); [ $# -ge 1 ] || die "no script"
  [ -e "$VM_DIR/ok" ] || die "no guest in $VM_DIR: guest.sh build first"
  dir=$(realpath "$VM_DIR")
  job=$(mktemp -d "${TMPDIR:-/tmp}/vmjob.XXXXXX"); trap 'rm -rf "$job"' EXIT
  case $dir$share$job in *[,:\ ]*) die "no comma, colon or space in paths" ;; esac
  cp "$1" "$job/script"; shift
  : > "$job/args"; [ $# -eq 0 ] || printf '%s\0' "$@" > "$job/args"
}

finish() {                           # finish CODE: the last words of a lost guest
  cp "$job/console" "$dir/console.log" 2>/dev/null || true
  case $1 in
    124) say "no result after $limit s; the end of console.log:" ;;
    125) say "the guest ended without a result; the end of console.log:" ;;
    *) exit "$1" ;;
  esac
  tail -15 "$dir/console.log" >&2; exit "$1"
}

run() {
  local rc t=$SECONDS; job "$@"
  # shellcheck disable=SC2054 # the commas are qemu's
  local q=(qemu-system-x86_64 -nodefaults -no-user-config -display none -no-reboot
    -machine q35 -accel "$VM_ACCEL" -cpu "$VM_CPU" -smp "$VM_SMP" -m "$VM_MEM"
    -kernel "$dir/vmlinux" -initrd "$dir/initrd.cpio"
    -append "console=ttyS0 panic=-1 quiet mitigations=off nokaslr random.trust_cpu=1 tsc=reliable no_timer_check cryptomgr.notests audit=0 systemd.show_status=0 systemd.wants=vmtest.service ${share:+vm.share}"
    -drive "file=$dir/root.ext4,format=raw,if=none,id=d,snapshot=on" -device virtio-blk-pci,drive=d
    -serial "file:$job/console" -device virtio-rng-pci
    -device isa-debug-exit,iobase=0xf4,iosize=0x04
    -device virtio-serial-pci -chardev file,id=out,path=/dev/stdout,append=on
    -device virtserialport,chardev=out,name=out
    -fsdev "local,id=job,path=$job,security_model=none,readonly=on"
    -device virtio-9p-pci,fsdev=job,mount_tag=job)
  if [ -n "$share" ]; then
    # shellcheck disable=SC2054
    q+=(-fsdev "local,id=share,path=$share,security_model=none,multidevs=remap"
        -device virtio-9p-pci,fsdev=share,mount_tag=share)
  fi
  # through a pipe: qemu opens /dev/stdout anew, which a socket would not let it
  set +e; timeout --foreground -k 5 "$limit" "${q[@]}" < /dev/null | cat
  rc=${PIPESTATUS[0]}; set -e
  if [ $rc = 124 ] || { [ $rc = 137 ] && [ $((SECONDS - t)) -ge "$limit" ]; }; then finish 124; fi
  if [ $((rc % 2)) = 1 ]; then finish $((rc / 2)); fi   # isa-debug-exit: code * 2 + 1
  finish 125
}

cmd=${1-}; [ $# -gt 0 ] && shift
case $cmd in
  deps) deps ;;
  build) build "$@" ;;
  run) run "$@" ;;
  *) sed -n '2,/^set/s/^# \{0,1\}//p' "$0"; exit 2 ;;
esac
