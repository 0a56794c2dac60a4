#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Commands, verbs and options of each program are the same in its help, its manual page and the completion of two shells."""
import os
import re
import shutil
import subprocess
import sys

SRCDIR = os.path.abspath(os.environ.get("EMO_SRCDIR", "."))
BUILDDIR = os.path.abspath(os.environ.get("EMO_BUILDDIR", "."))
ALWAYS = {"--help", "--version"}


def run(*argv):
    p = subprocess.run([os.path.join(BUILDDIR, argv[0]), *argv[1:]], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                       text=True)
    return p.returncode, p.stdout


def read(*path):
    with open(os.path.join(SRCDIR, *path), encoding="utf-8") as f:
        return f.read()


def options(text):
    """Each --option that is named in @text"""
    return set(re.findall(r"(?<![\w-])--[a-z][a-z0-9-]*", text))


def help_options(text):
    """Options at the beginnings of lines of a help, where they are explained"""
    heads = re.findall(r"^ +(?:-\w,? +)?(--[a-z].*?)(?:  |$)", text, re.M)
    return options("\n".join(heads)) | ALWAYS & options(text)


def help_words(text, title):
    """First words of the lines under @title"""
    part = re.search(r"^%s:\n((?: .*\n)*)" % title, text, re.M)
    return set(re.findall(r"^  ([a-z]+)", part[1], re.M)) if part else set()


def plain(page):
    """A manual page without the marks in its words"""
    page = re.sub(r'^\.\\".*$', "", page, flags=re.M)
    return page.replace("\\-", "-").replace("\\fR", "").replace("\\fP", "")


def entries(page):
    """{word: text} of the entries of a list in a page; one that begins with `a ", " b` is of both"""
    found = {}
    for part in re.split(r"^\.TP\n", page, flags=re.M)[1:]:
        part = re.split(r"^\.S[HS]", part, flags=re.M)[0]
        head = re.sub(r"^\.[A-Z]+ ", "", part.splitlines()[0]).replace('"', "")
        for word in re.match(r"[a-z]+(?: *, *[a-z]+)*", head)[0].split(","):
            found[word.strip()] = found.get(word.strip(), "") + part
    return found


def bash(program, *words):
    """What bash offers after @words"""
    script = """. "$0"; f=$(complete -p "$1"); f=${f#*-F }; f=${f%% *}; compopt() { :; }
                COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); $f; printf '%s\\n' "${COMPREPLY[@]}" """
    p = subprocess.run(["bash", "--norc", "-c", script, os.path.join(SRCDIR, "conf", "completion", "bash", program),
                        program, *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=BUILDDIR)
    return {w.rstrip("=") for w in p.stdout.split()}


def zsh_list(text, name):
    """Words of an array of "word:explanation" """
    part = re.search(r"%s=\(\n(.*?)\n +\)" % name, text, re.S)
    return set(re.findall(r"'([a-z]+):", part[1])) if part else set()


def zsh_case(text, command):
    part = re.search(r"^ +%s\)\n(.*?)^ +;;" % command, text, re.S | re.M)
    return options(part[1]) if part else set()


def same(what, sets):
    """@sets: {where: set}; says what stands in one place and not in another"""
    everything = set().union(*sets.values())
    return ["%s: %s is not in %s" % (what, word, where) for where, words in sets.items()
            for word in sorted(everything - words)]


def test_emotion_nn():
    """emotion-nn: commands and the options of each"""
    page, zsh = plain(read("docs", "emotion-nn.1")), read("conf", "completion", "zsh", "_emotion-nn")
    listed = entries(page[page.index(".SH COMMANDS"):page.index(".SH DATA")])
    code, text = run("emotion-nn", "--help")
    commands = help_words(text, "Commands")
    wrong = [] if code == 0 and len(commands) > 10 else ["no commands in the help"]
    words = {"help", "version"}
    wrong += same("emotion-nn", {"help": commands, "bash": bash("emotion-nn", "") - ALWAYS,
                                 "zsh": zsh_list(zsh, "commands"), "manual page": set(listed) | words})
    for command in sorted(commands - words):
        code, text = run("emotion-nn", command, "--help")
        if code != 0 or not text.startswith("emotion-nn " + command):
            wrong.append("no help of " + command)
        wrong += same(command, {"help": help_options(text) - ALWAYS, "bash": bash("emotion-nn", command, "--") - ALWAYS,
                                "zsh": zsh_case(zsh, command),
                                "manual page": options(listed.get(command, "")) - ALWAYS})
        if run("emotion-nn", "help", command) != (0, text):
            wrong.append("emotion-nn help %s says something else" % command)
    return wrong


def test_emotionctl():
    """emotionctl: verbs and options"""
    page, zsh = plain(read("docs", "emotionctl.1")), read("conf", "completion", "zsh", "_emotionctl")
    code, text = run("emotionctl", "--help")
    verbs = help_words(text, "Verbs")
    wrong = [] if code == 0 and len(verbs) > 5 else ["no verbs in the help"]
    titles = page[page.index(".SH VERBS"):page.index(".SH OPTIONS")]
    wrong += same("emotionctl", {"help": verbs, "bash": bash("emotionctl", ""), "zsh": zsh_list(zsh, "verbs"),
                                 "manual page": set(entries(titles))})
    of_bash = set()
    for verb in sorted(verbs):
        of_bash |= bash("emotionctl", verb, "--")
    wrong += same("emotionctl", {"help": help_options(text), "bash": of_bash, "zsh": options(zsh[zsh.rindex("_arguments"):]),
                                 "manual page": options(page)})
    return wrong


def test_emotiond():
    """emotiond: options"""
    page, zsh = plain(read("docs", "emotiond.8")), read("conf", "completion", "zsh", "_emotiond")
    code, text = run("emotiond", "--help")
    wrong = [] if code == 0 else ["no help"]
    listed = options(page[page.index(".SH OPTIONS"):page.index(".SH SIGNALS")])
    return wrong + same("emotiond", {"help": help_options(text), "bash": bash("emotiond", "--"), "zsh": options(zsh),
                                     "manual page": listed})


def test_emotion_bridge():
    """emotion-bridge: options"""
    if not os.path.exists(os.path.join(BUILDDIR, "emotion-bridge")):
        print("# emotion-bridge is not built")
        return []
    page = plain(read("docs", "emotion-bridge.8"))
    code, text = run("emotion-bridge", "--help")
    listed = options(page[page.index(".SH OPTIONS"):page.index(".SH REQUESTS")])
    return ([] if code == 0 else ["no help"]) + same("emotion-bridge", {"help": help_options(text), "manual page": listed})


def test_short_lines():
    """the help of each command of emotion-nn fits into 80 columns"""
    return ["%s: %s" % (command, line) for command in sorted(help_words(run("emotion-nn", "--help")[1], "Commands"))
            for line in run("emotion-nn", command, "--help")[1].splitlines() if len(line) > 80]


def test_difference_is_seen():
    """a word that is missing in one place is told"""
    return [] if same("x", {"a": {"--one"}, "b": {"--one", "--two"}}) == ["x: --two is not in a"] else ["it was not"]


def main():
    if not shutil.which("bash"):
        print("1..0 # SKIP bash is not installed")
        return 0
    tests = [f for name, f in sorted(globals().items()) if name.startswith("test_")]
    failed = 0
    print("1..%d" % len(tests))
    for i, test in enumerate(tests, 1):
        wrong = test()
        for line in wrong:
            print("#", line)
        failed += bool(wrong)
        print("%s %d - %s" % ("not ok" if wrong else "ok", i, test.__doc__))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
