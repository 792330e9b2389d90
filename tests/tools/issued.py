#!/usr/bin/env python3
"""Compares what tests/tools/issued.c announces with what Oclgrind counted behind it.

    issued.py OUTPUT GRAPH...

In the graphs named, both are equal. In all others (random ones) the stores and loads that ran are at
most those announced, and equal for nine launches of ten: a compiler may know that x % x needs no x, or
that a store is overwritten. Of chain.cr, the ledgers of unfused and fused differ by what is saved.
"""

import os
import re
import sys


class Launch:
    def __init__(self, words):
        self.name, *numbers = words
        self.planned = [int(n) for n in numbers]
        self.ran = None


def read(path):
    """{(graph, variant): (ledger's bytes saved, planned bytes, [Launch])}"""
    graphs, launches, now = {}, [], 0
    for line in open(path):
        words = line.split()
        if line.startswith("graph "):
            launches, now = [], 0
            graphs[os.path.basename(words[1]), words[2]] = this = [0, 0, launches]
        elif line.startswith("ledger "):
            this[:2] = map(int, words[1:])
        elif line.startswith("launch "):
            launches.append(Launch(words[1:]))
        elif found := re.match("Instructions executed for kernel '(.*)':", line):
            launch, now = launches[now], now + 1
            assert launch.name == found[1], f"{found[1]} ran, not {launch.name}"
            launch.ran = [0, 0, 0, 0]
        elif found := re.match(r"\s*([\d,]+) - (load|store) global \(([\d,]+) bytes\)", line):
            k = 0 if found[2] == "load" else 2
            launch.ran[k:k + 2] = int(found[1].replace(",", "")), int(found[3].replace(",", ""))
    return graphs


def moved(launches):
    return sum(launch.ran[1] + launch.ran[3] for launch in launches)


def main():
    graphs, exact = read(sys.argv[1]), sys.argv[2:]
    total = equal = 0
    wrong = []
    for (graph, variant), (_, _, launches) in graphs.items():
        for launch in launches:
            total += 1
            equal += launch.ran == launch.planned
            fewer = launch.ran and all(r <= p for r, p in zip(launch.ran, launch.planned))
            if launch.ran != launch.planned and (graph in exact or not fewer):
                wrong.append(f"{graph}, {variant}, {launch.name}: loads, bytes, stores, bytes: "
                             f"planned {launch.planned}, ran {launch.ran}")
    for graph in exact:
        if (graph, "fused") not in graphs or not graphs[graph, "fused"][2]:
            wrong.append(f"{graph} did not run")
    saved, planned, launches = zip(graphs["chain.cr", "unfused"], graphs["chain.cr", "fused"])
    claim = saved[1] - saved[0]
    if not claim == planned[0] - planned[1] == moved(launches[0]) - moved(launches[1]) > 0:
        wrong.append(f"chain.cr: the ledger claims {claim} B, planned {planned}, "
                     f"ran {moved(launches[0])} and {moved(launches[1])}")
    print("\n".join(wrong + [f"{total} launches, {equal} as planned"]))
    return 1 if wrong or equal < 0.9 * total or total < 20 else 0


if __name__ == "__main__":
    sys.exit(main())
