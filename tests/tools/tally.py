#!/usr/bin/env python3
"""Adds up CTest's JUnit files: prints "PASSED FAILED", and the names of what failed on stderr.

A Criterion program counts as the tests it holds; all else counts as one. A program that failed
although all its tests passed (a leak, a timeout) counts as one failure more.
"""

import re
import sys
import xml.etree.ElementTree as ET

SYNTHESIS = re.compile(
    r"Synthesis: Tested: \d+ \| Passing: (\d+) \| Failing: (\d+) \| Crashing: (\d+)")


def count(case):
    """(passed, failed) of one testcase element; a disabled or skipped one is neither."""
    status = case.get("status")
    if status in ("disabled", "notrun") and case.find("failure") is None:
        return 0, 0
    bad = status == "fail" or case.find("failure") is not None or case.find("error") is not None
    output = "".join(e.text or "" for e in case.iter("system-out"))
    found = SYNTHESIS.findall(output)
    if not found:
        return (0, 1) if bad else (1, 0)
    passed = sum(int(p) for p, _, _ in found)
    failed = sum(int(f) + int(c) for _, f, c in found)
    return passed, max(failed, 1) if bad else failed


def main():
    passed = failed = 0
    for path in sys.argv[1:]:
        for case in ET.parse(path).getroot().iter("testcase"):
            p, f = count(case)
            passed, failed = passed + p, failed + f
            if f:
                print(f"failed: {case.get('name')} ({path})", file=sys.stderr)
    print(passed, failed)


if __name__ == "__main__":
    main()
