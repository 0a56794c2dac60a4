# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# In the guest: the capture code alone, against the real uvcvideo driver.
. /share/lib.sh

# else the driver keeps marked frames to itself, and they are only a jump in its sequence
modprobe uvcvideo nodrop=1
modprobe vhci-hcd
log=/run/grab.log
lines() { [ "$(grep -c "$1" $log)" -ge "$2" ]; }

want "a simulated camera appears" plug 5
udevadm settle
/share/grab | tee /run/list
want "it is listed once, its metadata node is not" [ "$(grep -c 'Simulated Camera' /run/list)" = 1 ]
for node in /dev/video*; do
  case $(/share/grab $node 1 2>&1) in
    *"it gives metadata"*) metadata=$node ;;
  esac
done
want "the metadata node is refused by name" [ -n "$metadata" ]

# frames, a marked one and a cut one, unplugged, plugged in, frames again
unplug; want "a camera of its own for the count" plug 5
/share/grab auto 60 > $log 2>&1 & grab=$!
want "frames flow" within 40 lines '^frame$' 1
sleep 2; order error; sleep 2; order short; sleep 3
want "the second opener hears that it is busy" sh -c "/share/grab auto 1 | grep -q 'EBUSY.*another program'"
want "unplugged" unplug
want "the source says that it is gone" within 20 lines '^failed ENODEV' 1
counted=$(sed -n 's/^frames \([0-9]*\) dropped \([0-9]*\) corrupt \([0-9]*\) .*/\1 \2 \3/p' $log | head -n 1)
set -- $counted
t "camera sent $(sent); handed out $1, dropped $2, corrupt $3"
want "the marked and the cut frame are counted as corrupt" [ "$3" = 2 ]
# what is in the driver's four buffers, and in the transfers under way, when the plug is pulled was never delivered
all=$(($1 + $2 + $3))
want "every frame is accounted for" [ "$all" -le "$(sent)" -a "$all" -ge $(($(sent) - 6)) ]
want "then, that there is no camera" within 20 lines '^cannot open E' 1

want "plugged in again" plug 5
want "opened again" within 20 lines '^open ' 2
want "frames flow again" within 40 lines '^frame$' 2
order stall
want "a stall is told" within 20 lines '^no frame' 1
order resume
kill $grab
unplug
t "--- log of grab"; cat $log
t "$fails failed"; [ $fails = 0 ]
