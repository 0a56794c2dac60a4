#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# A plugin is built out of tree, with the installed header and pkg-config file and nothing else, and loaded.
set -u
dir=$(mktemp -d) || exit 99
trap 'rm -rf "$dir"' EXIT
n=0
failed=0

# ok CONDITION-STATUS NAME
ok() {
	n=$((n + 1))
	if [ "$1" -eq 0 ]; then echo "ok $n - $2"; else echo "not ok $n - $2"; failed=1; fi
}

for tool in pkg-config "${CC:-cc}"; do
	command -v "$tool" >/dev/null || { echo "1..0 # SKIP no $tool"; exit 0; }
done
echo "1..6"

# only the two files: an installation of the libraries would relink them while other tests use them
env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL make -s -C "$EMO_BUILDDIR" install-includeHEADERS install-pkgconfigDATA \
	DESTDIR="$dir/root" >"$dir/log" 2>&1
ok $? "header and pkg-config file install"
pc=$(find "$dir/root" -name emotiond-plugin.pc)
PKG_CONFIG_PATH=$(dirname "${pc:-/none/x}")
PKG_CONFIG_SYSROOT_DIR=$dir/root
export PKG_CONFIG_PATH PKG_CONFIG_SYSROOT_DIR
[ -n "$(pkg-config --variable=plugindir emotiond-plugin)" ]
ok $? "the pkg-config file names the plugin folder"

mkdir "$dir/src" "$dir/plugins"
cp "$EMO_SRCDIR/tests/plugins/example/example.c" "$dir/src/"
# shellcheck disable=SC2046 # the flags are words
(cd "$dir/src" && ${CC:-cc} -Wall -Wextra -Wno-unused-parameter -Werror -fPIC -shared \
	$(pkg-config --cflags emotiond-plugin) -o "$dir/plugins/example.so" example.c) >>"$dir/log" 2>&1
ok $? "the example compiles in a folder of its own"

show() {
	"$EMO_BUILDDIR/tests/plugins/show-plugins" "$dir/plugins" "$@" 2>>"$dir/log" >"$dir/out"
}
show example none
grep -qx "example: ok detector third-party used" "$dir/out"
ok $? "it is loaded and opened"

# a library that was there when it was built, and is gone now
echo 'int gone(void); int gone(void) { return 1; }' >"$dir/src/gone.c"
# shellcheck disable=SC2046 # the flags are words
${CC:-cc} -fPIC -shared -o "$dir/src/libemo-gone.so" "$dir/src/gone.c" &&
	sed 's/"example"/"needy"/; s/centre_close(void \*self)/&; int gone(void); static void centre_close(void *self)/; s/free(self)/(void)gone(); &/' \
		"$dir/src/example.c" >"$dir/src/needy.c" &&
	${CC:-cc} -w -fPIC -shared $(pkg-config --cflags emotiond-plugin) -o "$dir/plugins/needy.so" "$dir/src/needy.c" \
		-L"$dir/src" -lemo-gone >>"$dir/log" 2>&1
rm -f "$dir/src/libemo-gone.so"
show needy none
grep -q "^needy: cannot be loaded:.*libemo-gone.so" "$dir/out"
ok $? "a plugin whose library is missing is refused and the library named"
grep -q "^host: plugin needy cannot be loaded:.*libemo-gone.so" "$dir/out"
ok $? "the host says why it cannot work"

if [ "$failed" -ne 0 ]; then sed 's/^/# /' "$dir/log" "$dir/out"; fi
exit "$failed"
