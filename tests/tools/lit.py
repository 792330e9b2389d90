#!/usr/bin/env python3
"""Runs the RUN lines of one .cr file, as LLVM's lit does.

    // RUN: %crisol opt --passes=simplify %s | FileCheck %s
    // RUN: not %crisol opt %s 2>&1 | FileCheck %s --check-prefix=ERR

Each RUN line is a bash command (pipefail is set; a trailing backslash continues it on the next RUN
line) and must succeed. Substitutions: %s this file, %S its folder, %t a scratch file name, %T the
scratch folder, %crisol the command, %% a percent sign. Commands: FileCheck, and `not CMD`, which
succeeds when CMD exits with 1, the user's mistake; any other status, a crash above all, is a failure.
"""

import argparse
import os
import re
import shlex
import shutil
import subprocess
import sys

PRELUDE = """
set -o pipefail
FileCheck() { "$LIT_FILECHECK" "$@"; }
not() {
    local status=0
    "$@" || status=$?
    if [ "$status" -eq 1 ]; then return 0; fi
    echo "not: expected exit status 1, got $status: $*" >&2
    return 1
}
"""


def run_lines(path):
    """(line number, command) of each RUN line, continuations joined."""
    found, pending, start = [], "", 0
    with open(path, encoding="utf-8", errors="replace") as f:
        for number, line in enumerate(f, 1):
            m = re.match(r"\s*(?://|#|;)\s*RUN:\s*(.*?)\s*$", line)
            if not m:
                continue
            start = start if pending else number
            pending += m.group(1)
            if pending.endswith("\\"):
                pending = pending[:-1] + " "
                continue
            found.append((start, pending))
            pending = ""
    if pending:
        sys.exit(f"{path}:{start}: the last RUN line ends in a backslash")
    return found


def substitute(command, values):
    names = "|".join(sorted(values, key=len, reverse=True))
    return re.sub(f"%({names}|%)(?![A-Za-z0-9_])|%%",
                  lambda m: "%" if m.group(0) == "%%" else shlex.quote(values[m.group(1)]), command)


def main():
    ap = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ap.add_argument("--crisol", required=True)
    ap.add_argument("--filecheck", required=True)
    ap.add_argument("--tmp", required=True)
    ap.add_argument("file")
    args = ap.parse_args()

    if not (os.access(args.filecheck, os.X_OK) or shutil.which(args.filecheck)):
        sys.exit("FileCheck was not found: install LLVM's tools (./dev setup)")
    commands = run_lines(args.file)
    if not commands:
        sys.exit(f"{args.file}: no RUN line")
    shutil.rmtree(args.tmp, ignore_errors=True)
    os.makedirs(args.tmp)
    values = {
        "s": os.path.abspath(args.file),
        "S": os.path.dirname(os.path.abspath(args.file)),
        "t": os.path.join(os.path.abspath(args.tmp), "t"),
        "T": os.path.abspath(args.tmp),
        "crisol": args.crisol,
    }
    env = dict(os.environ, LIT_FILECHECK=args.filecheck)
    for number, command in commands:
        expanded = substitute(command, values)
        r = subprocess.run(["bash", "-c", PRELUDE + expanded], env=env, cwd=args.tmp,
                           stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                           stderr=subprocess.STDOUT)
        output = r.stdout.decode("utf-8", "replace")
        if r.returncode != 0:
            print(f"{args.file}:{number}: failed with status {r.returncode}")
            print(f"$ {expanded}")
            print(output, end="")
            return 1
        if output:
            print(output, end="")
    print(f"{len(commands)} RUN lines passed")
    return 0


if __name__ == "__main__":
    sys.exit(main())
