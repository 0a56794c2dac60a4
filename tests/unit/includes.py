#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The table of docs/ARCHITECTURE.md that says which folder may include from which is what the source does."""
import os
import re
import sys

SRCDIR = os.environ.get("EMO_SRCDIR", ".")
PAGE = "docs/ARCHITECTURE.md"
SOURCES = (".c", ".h", ".cc", ".cpp")
# headers that the build makes
MADE = ("config.h",)


def read(path):
    with open(os.path.join(SRCDIR, path), encoding="utf-8") as f:
        return f.read()


def rows():
    """{folder: names of folders, with a slash at the end, and of single headers}, from the page's table"""
    found = {}
    for line in read(PAGE).splitlines():
        m = re.match(r"\| `([a-z/-]+)/` \|([^|]*)\|$", line)
        if m:
            found[m[1]] = set(re.findall(r"`([^`]+)`", m[2]))
    return found


def sources():
    roots = [f for f in sorted(os.listdir(SRCDIR)) if os.path.exists(os.path.join(SRCDIR, f, "local.mk"))]
    for root in roots:
        if root in ("tests", "docs"):
            continue
        for folder, folders, files in os.walk(os.path.join(SRCDIR, root)):
            folders.sort()
            for name in sorted(files):
                if name.endswith(SOURCES):
                    yield os.path.relpath(os.path.join(folder, name), SRCDIR)


def includes(path, text):
    """(line, header) of what @text includes by a path from the top"""
    for i, line in enumerate(text.splitlines(), 1):
        m = re.match(r'\s*#\s*include\s+"([^"]+)"', line)
        if m and m[1] not in MADE:
            yield i, m[1]


def wrong(table, path, text):
    """What @text in the file @path includes against the table"""
    folder = os.path.dirname(path)
    for i, header in includes(path, text):
        other = os.path.dirname(header)
        if other == folder or header in table.get(folder, ()) or other + "/" in table.get(folder, ()):
            continue
        yield "%s:%d: %s/ may not include %s: see the table in %s" % (path, i, folder, header, PAGE)


def circle(table):
    """A way by folders from one back to itself; None if there is none"""
    def walk(folder, way):
        if folder in way:
            return way[way.index(folder):] + [folder]
        if folder in done:
            return None
        for other in sorted(table.get(folder, ())):
            found = walk(other[:-1], way + [folder]) if other.endswith("/") else None
            if found:
                return found
        done.add(folder)
        return None
    done = set()
    return next(filter(None, (walk(folder, []) for folder in sorted(table))), None)


def check(name, mistakes):
    check.n += 1
    for line in mistakes:
        print("#", line)
    print("%s %d - %s" % ("not ok" if mistakes else "ok", check.n, name))
    return not mistakes


check.n = 0


def main():
    table = rows()
    files = [(path, read(path)) for path in sources()]
    good = check("the page has its table", [] if len(table) > 10 else ["no table in " + PAGE])
    good &= check("each folder of sources has a row",
                  sorted({"no row for %s/" % f for f in (os.path.dirname(p) for p, _ in files) if f not in table}))
    good &= check("each row is of a folder that is there",
                  ["%s/ is not there" % f for f in table if not os.path.isdir(os.path.join(SRCDIR, f))])
    good &= check("no include but by the table", [w for path, text in files for w in wrong(table, path, text)])
    # a single header that is let through stands below its folder
    good &= check("a header that a lower folder uses includes nothing of its own folder",
                  ["%s includes %s" % (header, h) for folder in table for header in table[folder]
                   if not header.endswith("/") for _, h in includes(header, read(header))
                   if os.path.dirname(h) == os.path.dirname(header)])
    way = circle(table)
    good &= check("no circle of folders", [" -> ".join(way)] if way else [])
    # the test sees what it is for
    good &= check("an include that runs upwards is found",
                  [] if list(wrong(table, "basic/log.c", '#include "daemon/worker.h"\n')) and
                  list(wrong(table, "train/net/net.c", '#  include "train/task/task.h"\n')) else ["it was not"])
    good &= check("a circle is found", [] if circle(dict(table, basic={"nn/"})) else ["it was not"])
    print("1..%d" % check.n)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
