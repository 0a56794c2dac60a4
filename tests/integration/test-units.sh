#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# The installed unit, bus policy, activation and sysusers files, as their own tools see them.
if ! command -v systemd-analyze >/dev/null; then
        echo "1..0 # SKIP the Debian package systemd is not installed"
        exit 0
fi
root=$(mktemp -d) || exit 1
trap 'rm -rf "$root"' EXIT
# only what is looked at here: an installation of the libraries would relink them while other tests use them
targets="install-systemdsystemunitDATA install-dbussystemservicesDATA install-dist_dbuspolicyDATA install-sysusersDATA
        install-dist_dbusinterfacesDATA install-man"
# shellcheck disable=SC2086 # one word a target
if ! env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL make -C "$EMO_BUILDDIR" $targets DESTDIR="$root" >"$root.log" 2>&1; then
        sed 's/^/# /' "$root.log" | tail -n 20
        rm -f "$root.log"
        echo "Bail out! make install failed"
        exit 1
fi
rm -f "$root.log"

n=0 failed=0
result() { # result STATUS NAME
        n=$((n + 1))
        if [ "$1" = 0 ]; then
                echo "ok $n - $2"
        else
                echo "not ok $n - $2"
                failed=1
        fi
}
unit=$(find "$root" -name emotiond.service -path '*/systemd/system/*')
[ -n "$unit" ]
result $? "the unit is installed"

# verify wants the program to be where the unit says: here it is not
program=$root$(sed -n 's|^ExecStart=\(/[^ ]*\).*|\1|p' "$unit")
mkdir -p "${program%/*}" && cp /bin/true "$program"
sed -E "s|^(ExecStart=)(/.*/emotiond)|\1$root\2|" "$unit" >"$root/emotiond.service"
said=$(systemd-analyze verify --man=no "$root/emotiond.service" 2>&1 | grep -F emotiond.service)
[ -z "$said" ]
result $? "systemd-analyze verify has nothing to say"
[ -z "$said" ] || echo "$said" | sed 's/^/# /'

level=$(systemd-analyze security --offline=true "$unit" 2>/dev/null | sed -n 's/.*exposure level for .*: \([0-9.]*\).*/\1/p')
echo "# exposure level: $level"
[ -n "$level" ] && awk "BEGIN { exit !($level <= 0.8) }"
result $? "systemd-analyze security: exposure of 0.8 at most"

for line in Type=notify WatchdogSec= BusName=org.emotiond.Emotion1 User= DeviceAllow= MemorySwapMax=0 StateDirectory= \
        Restart=always StartLimitBurst= StartLimitIntervalSec= MemoryMax= OOMPolicy=continue TasksMax= LimitNOFILE= \
        PrivateUsers=yes; do
        grep -q "^$line" "$unit"
        result $? "the unit has $line"
done
# a crash and its restart take at least RestartSec: the limit must be within reach
restart=$(sed -n 's/^RestartSec=\([0-9]*\)s$/\1/p' "$unit") burst=$(sed -n 's/^StartLimitBurst=//p' "$unit")
minutes=$(sed -n 's/^StartLimitIntervalSec=\([0-9]*\)min$/\1/p' "$unit")
[ $((burst * (restart + 10))) -lt $((minutes * 60)) ]
result $? "a service that crashes within 10 s of each start reaches the start limit"
activation=$(find "$root" -path '*/dbus-1/system-services/org.emotiond.Emotion1.service')
[ -n "$activation" ] && grep -q '^SystemdService=' "$activation"
result $? "the bus starts the unit"
policy=$(find "$root" -path '*/dbus-1/system.d/*.conf')
[ -n "$policy" ]
result $? "the bus policy is installed"
sysusers=$(find "$root" -path '*/sysusers.d/emotiond.conf')
user=$(sed -n 's/^User=//p' "$unit")
[ -n "$user" ] && grep -Eq "^u +\"?$user" "$sysusers" && grep -Eq '^g +"?emotion"?' "$sysusers"
result $? "sysusers makes the unit's user and the group"
grep -q "^m $user video" "$sysusers"
result $? "sysusers lets the unit's user open cameras"
if command -v systemd-sysusers >/dev/null && systemd-sysusers --help | grep -q dry-run; then
        systemd-sysusers --dry-run "$sysusers" >/dev/null 2>&1
        result $? "systemd-sysusers reads its file"
fi
reactions=$(find "$root" -name emotion-reactions.service -path '*/systemd/system/*')
level=$(systemd-analyze security --offline=true "$reactions" 2>/dev/null | sed -n 's/.*exposure level for .*: \([0-9.]*\).*/\1/p')
echo "# exposure level of emotion-reactions: $level"
[ -n "$level" ] && awk "BEGIN { exit !($level <= 0.5) }"
result $? "emotion-reactions: exposure at most 0.5"
[ -n "$(find "$root" -path '*/system-services/org.emotiond.Reactions1.service')" ]
result $? "the bus starts emotion-reactions"
cp /bin/true "${program%/*}/emotion-reactions"
sed -E "s|^(ExecStart=)(/.*/emotion-reactions)|\1$root\2|" "$reactions" >"$root/emotion-reactions.service"
said=$(systemd-analyze verify --man=no "$root/emotion-reactions.service" 2>&1 | grep -F emotion-reactions.service)
[ -z "$said" ]
result $? "systemd-analyze verify has nothing to say of emotion-reactions"
[ -z "$said" ] || echo "$said" | sed 's/^/# /'
rm -f "$root/emotion-reactions.service"
bridge=$(find "$root" -name emotion-bridge.service -path '*/systemd/system/*')
if [ -n "$bridge" ]; then
        level=$(systemd-analyze security --offline=true "$bridge" 2>/dev/null | sed -n 's/.*exposure level for .*: \([0-9.]*\).*/\1/p')
        echo "# exposure level of emotion-bridge: $level"
        [ -n "$level" ] && awk "BEGIN { exit !($level <= 1.5) }"
        result $? "emotion-bridge: exposure at most 1.5"
        cp /bin/true "${program%/*}/emotion-bridge"
        sed -E "s|^(ExecStart=)(/.*/emotion-bridge)|\1$root\2|" "$bridge" >"$root/emotion-bridge.service"
        said=$(systemd-analyze verify --man=no "$root/emotion-bridge.service" 2>&1 | grep -F emotion-bridge.service)
        [ -z "$said" ]
        result $? "systemd-analyze verify has nothing to say of emotion-bridge"
        [ -z "$said" ] || echo "$said" | sed 's/^/# /'
        rm -f "$root/emotion-bridge.service"
        sysusers=$(find "$root" -path '*/sysusers.d/emotion-bridge.conf')
        grep -q '^m emotion-bridge emotion$' "$sysusers" && grep -q '^m emotion-bridge emotion-content$' "$sysusers"
        result $? "sysusers lets emotion-bridge watch and tell"
        for page in emotion-bridge.8 emotion-bridge.conf.5; do
                [ -n "$(find "$root" -name "$page" -path '*/man/*')" ]
                result $? "manual page $page"
        done
fi
[ "$(find "$root" -path '*/dbus-1/interfaces/*.xml' | wc -l)" -ge 4 ]
result $? "the interfaces are installed"
for page in emotionctl.1 emotiond.8 emotiond.conf.5 emotion-nn.1 emotion-reactions.8 reactions.conf.5; do
        [ -n "$(find "$root" -name "$page" -path '*/man/*')" ]
        result $? "manual page $page"
done
echo "1..$n"
exit $failed
