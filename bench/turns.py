"""Workers that are measured in turns, and tables of what they say: what bench.py is made of."""

import os
import statistics
import subprocess
import sys
import time

SETTLE = 0.05  # seconds: thread pools of the one before stop spinning


def say(text):
    print(text, file=sys.stderr, flush=True)


class Worker:
    """One process, and the variants that it can measure."""

    def __init__(self, name, argv, variants, work):
        self.name, self.argv, self.variants = name, argv, variants
        self.log = os.path.join(work, f"{name}.log")
        open(self.log, "w").close()
        self.version = self.start()
        say(f"  {self.version or name + ' does not start: ' + self.failed}")

    def start(self):
        self.failed = None
        with open(self.log, "a") as log:
            self.process = subprocess.Popen(
                self.argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True
            )
        return self.read()

    def read(self):
        line = self.process.stdout.readline().strip()
        if line == "ok" or line.startswith("ok "):
            return line[3:]
        ended = f"it ended with status {self.process.wait()}; see {self.log}" if not line else line
        self.failed = ended.removeprefix("error ")
        return None

    def ask(self, command):
        """The answer; None after a failure, and then until the next net or size."""
        if command.split()[0] in ("net", "size"):
            self.failed = None
            if self.process.poll() is not None:
                self.start()
        if self.failed:
            return None
        try:
            self.process.stdin.write(command + "\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            pass
        answer = self.read()
        if answer is None:
            say(f"  {self.name}: '{command}': {self.failed}")
        return answer

    def close(self):
        try:
            self.process.stdin.close()
        except BrokenPipeError:
            pass
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()


class Samples:
    """Microseconds by variant and round."""

    def __init__(self):
        self.of = {}

    def add(self, variant, round_, answer):
        if answer is not None:
            self.of.setdefault(variant, {})[round_] = float(answer)

    def median(self, variant):
        return statistics.median(self.of[variant].values()) if variant in self.of else None

    def least(self, variant, others):
        """A variant that is whichever of the others is faster, as their medians tell."""
        known = [o for o in others if o in self.of]
        if known:
            self.of[variant] = self.of[min(known, key=self.median)]

    def ratio(self, above, below):
        a, b = self.of.get(above, {}), self.of.get(below, {})
        pairs = [a[r] / b[r] for r in a if r in b]
        return statistics.median(pairs) if pairs else None


def measure(workers, rounds, seconds):
    """All variants of all workers, in turns; who begins changes from round to round."""
    samples = Samples()
    turns = [(w, v) for w in workers for v in w.variants]
    for w, v in turns:  # warm-up, and first estimates
        w.ask(f"measure {v} {seconds / 4}")
    for r in range(rounds):
        k = r % len(turns)
        for w, v in turns[k:] + turns[:k]:
            time.sleep(SETTLE)
            samples.add(v, r, w.ask(f"measure {v} {seconds}"))
    return samples


# ---- tables --------------------------------------------------------------------------------------


def number(x, digits=None):
    if x is None:
        return "-"
    return f"{x:.{digits}f}" if digits is not None else f"{x:.0f}" if x >= 100 else f"{x:.1f}"


def table(head, rows):
    """A Markdown table whose columns also line up as text."""
    width = [max(len(str(r[i])) for r in [head, *rows]) for i in range(len(head))]
    rule = ["-" * w if i == 0 else "-" * (w - 1) + ":" for i, w in enumerate(width)]

    def line(cells):
        padded = [c.ljust(w) if i == 0 else c.rjust(w) for i, (c, w) in enumerate(zip(cells, width))]
        return "| " + " | ".join(padded) + " |"

    return "\n".join([line(head), line(rule), *map(line, rows)])


def verdict(what, holds):
    """holds: by row; None where it was not measured."""
    known = {row: h for row, h in holds.items() if h is not None}
    if not known:
        return f"- {what}: not measured"
    missed = [row for row, h in known.items() if not h]
    rest = f", not measured on {', '.join(r for r in holds if r not in known)}"
    return (f"- {what}: " + (f"missed on {', '.join(missed)}" if missed else "held")
            + (rest if len(known) < len(holds) else ""))  # fmt: skip


def at_least(x, limit):
    return None if x is None else x >= limit


def load():
    return "load average " + " ".join(f"{x:.2f}" for x in os.getloadavg())


def footer(workers, options):
    versions = ", ".join(w.version for w in workers if w.version)
    return (f"{versions}; {os.cpu_count()} cores, {load()} at the end; medians of "
            f"{options.rounds} rounds of {options.seconds} s each.")  # fmt: skip
