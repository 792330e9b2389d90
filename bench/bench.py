"""Crisol and its peers, measured in turns: ./dev bench mlp, ./dev bench gemm.

    bench.py mlp|gemm --bin FOLDER --work FOLDER [--quick] [--rows H/B,...] [--sizes N,...]

Each framework is a process of its own that holds all it needs and measures on command (bench.h says
how they talk); one round asks each once, so that a busy moment of the machine meets all alike.
Figures are medians over the rounds, ratios the medians of the rounds' ratios. Prints a Markdown
table and what became of the targets; progress goes to standard error.
"""

import argparse
import gzip
import os
import statistics
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
MLP_ROWS = ["16/32", "16/512", "256/32", "256/128", "256/512", "64,64/32", "256,256,256/32",
            "256,256,256/512"]  # fmt: skip
MLP_QUICK = ["16/32", "256/32", "256/512"]
GEMM_SIZES = [128, 256, 512, 1024, 2048]
GEMM_QUICK = [128, 512, 1024]
LOSSES, TOLERANCE = 50, 1e-4
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


# ---- training steps ------------------------------------------------------------------------------


def read_idx(folder, name, skip):
    import numpy as np

    for path in (os.path.join(folder, name), os.path.join(folder, name + ".gz")):
        if os.path.exists(path):
            with (gzip.open if path.endswith(".gz") else open)(path) as f:
                return np.frombuffer(f.read(), np.uint8, offset=skip)
    return None


def prepare_data(work):
    """Data set and order as files for all workers; returns what the data are."""
    import numpy as np

    random = np.random.default_rng(0)
    folder = os.path.join(os.environ.get("CRISOL_DATA", ""), "mnist")
    images = read_idx(folder, "train-images-idx3-ubyte", 16)
    labels = read_idx(folder, "train-labels-idx1-ubyte", 8)
    what = "MNIST"
    if images is None or labels is None:
        what = "synthetic images (MNIST is not in $CRISOL_DATA)"
        labels = random.integers(0, 10, 60000).astype(np.uint8)
        dark = random.random((10, 784)) < 0.8
        images = random.integers(0, 256, (60000, 784)).astype(np.uint8)
        images[dark[labels]] = 0
    images.tofile(os.path.join(work, "images.u8"))
    labels.tofile(os.path.join(work, "labels.u8"))
    random.permutation(len(labels)).astype(np.int32).tofile(os.path.join(work, "order.i32"))
    return what


def prepare_weights(work, hidden):
    import numpy as np

    random, sizes = np.random.default_rng(1), (784, *hidden, 10)
    weights = [random.normal(0, (2 / (a + b)) ** 0.5, a * b) for a, b in zip(sizes, sizes[1:])]
    np.concatenate(weights).astype(np.float32).tofile(os.path.join(work, "weights.f32"))


def compare_losses(crisol, jax):
    """Largest relative difference over the first steps, and whether Crisol's three agree in all
    bits."""
    of = {}
    for worker, variant in [(jax, "scan"), *((crisol, v) for v in crisol.variants)]:
        answer = worker.ask(f"losses {variant} {LOSSES}")
        if answer is None:
            return None, None
        of[variant] = [float(x) for x in answer.split()]
    worst = max(abs(a - b) / abs(b) for a, b in zip(of["fused"], of["scan"]))
    return worst, of["naive"] == of["unfused"] == of["fused"]


def bench_mlp(options):
    python, here = sys.executable, os.path.join(HERE, "peers.py")
    work = options.work
    say(f"mlp: preparing data in {work}")
    what = prepare_data(work)
    say("mlp: starting the workers")
    crisol = Worker("crisol", [os.path.join(options.bin, "mlp"), work],
                    ["naive", "unfused", "fused"], work)  # fmt: skip
    keras = Worker("keras", [python, here, "keras", work], ["fit"], work)
    torch = Worker("torch", [python, here, "torch", work], ["eager"], work)
    jax = Worker("jax", [python, here, "jax", work], ["jit", "scan", "scan-u8"], work)
    workers = [keras, torch, jax, crisol]

    figures, rows, notes = {}, [], []
    for row in options.rows:
        begin = time.time()
        hidden, batch = row.split("/")
        prepare_weights(work, [int(h) for h in hidden.split(",")])
        for w in workers:
            w.ask(f"net {hidden} {batch}")
        worst, same = compare_losses(crisol, jax)
        about = (crisol.ask("about fused") or "- -").split()
        s = measure(workers, options.rounds, options.seconds)
        s.least("best scan", ["scan", "scan-u8"])
        figures[row] = {
            "jax": s.ratio("best scan", "fused"), "keras": s.ratio("fit", "fused"),
            "unfused": s.ratio("unfused", "fused"), "naive": s.ratio("naive", "unfused"),
            "launches": int(about[0]) if about[0] != "-" else None, "worst": worst, "same": same,
        }  # fmt: skip
        f = figures[row]
        rows.append([
            row.replace(",", " ").replace("/", ", "),
            *(number(s.median(v)) for v in ["fit", "eager", "jit", "scan", "scan-u8", "naive",
                                            "unfused", "fused"]),
            *(number(f[k], 2) for k in ["jax", "keras", "unfused", "naive"]),
            about[0], f"{worst:.0e}" if worst is not None else "-",
        ])  # fmt: skip
        if crisol.failed:
            notes.append(f"- {row}: Crisol failed: {crisol.failed}")
        say(f"mlp: {row}: scan {rows[-1][4]}, u8 {rows[-1][5]}, fused {rows[-1][8]} us; "
            f"{time.time() - begin:.0f} s, {load()}")  # fmt: skip
    for w in workers:
        w.close()

    head = ["hidden, batch", "Keras", "PyTorch", "JAX jit", "JAX scan", "scan u8", "naive", "unfused",
            "fused", "JAX scan / fused", "Keras / fused", "unfused / fused", "naive / unfused", "launches",
            "loss differs"]  # fmt: skip
    pick = lambda key, keep: {r: f[key] for r, f in figures.items() if keep(r)}
    each = lambda d, limit: {r: at_least(x, limit) for r, x in d.items()}
    first = ["16/32", "256/32", "256/512"]
    faster = each(pick("unfused", lambda r: True), 1), each(pick("naive", lambda r: True), 1)
    print("# A training step, microseconds\n")
    print(f"784-h-10, sigmoid, mean squared error, SGD, f32, shuffled mini-batches of {what}.\n")
    print(table(head, rows))
    print(f"\nKeras: `fit`; PyTorch: eager; JAX jit: a compiled step, batches from NumPy; JAX scan: "
          f"an epoch compiled as one scan, data resident as f32 or, like Crisol's, as u8; the faster "
          f"of the two is compared with. Launches of a fused step. The last column "
          f"is the largest relative difference of the losses of Crisol and JAX over {LOSSES} steps "
          f"from the same weights and batches. {footer(workers, options)}\n")  # fmt: skip
    print(verdict("fused is not slower than JAX's scan (16/32, 256/32, 256/512)",
                  each(pick("jax", lambda r: r in first), 1)))  # fmt: skip
    print(verdict("fused is at least 3 times as fast as Keras (batch 32)",
                  each(pick("keras", lambda r: r.endswith("/32")), 3)))  # fmt: skip
    print(verdict("fused is faster than unfused", faster[0]))
    print(verdict("unfused is faster than naive", faster[1]))
    launches = pick("launches", lambda r: r.startswith("256/"))
    print(verdict("a fused step of 784-256-10 is at most 6 launches",
                  {r: None if n is None else n <= 6 for r, n in launches.items()}))  # fmt: skip
    worst = pick("worst", lambda r: True)
    print(verdict(f"losses agree with JAX's within {TOLERANCE:g}",
                  {r: None if x is None else x <= TOLERANCE for r, x in worst.items()}))  # fmt: skip
    print(verdict("losses of naive, unfused and fused are the same bits",
                  pick("same", lambda r: True)))  # fmt: skip
    print("\n".join(notes))


# ---- contractions --------------------------------------------------------------------------------


def bench_gemm(options):
    say("gemm: starting the workers")
    work = options.work
    crisol = Worker("gemm", [os.path.join(options.bin, "gemm")],
                    ["openblas", "crisol", "epilogue"], work)  # fmt: skip
    torch = Worker("torch", [sys.executable, os.path.join(HERE, "peers.py"), "torch", work],
                   ["matmul"], work)  # fmt: skip
    workers, rows, ratio, epilogue, errors, notes = [crisol, torch], [], {}, {}, {}, []
    for n in options.sizes:
        error = crisol.ask(f"size {n}")
        torch.ask(f"size {n}")
        s = measure(workers, options.rounds, options.seconds)
        rate = lambda v: None if s.median(v) is None else 2e-3 * n**3 / s.median(v)
        extra = s.ratio("epilogue", "crisol")
        ratio[str(n)], epilogue[str(n)] = s.ratio("openblas", "crisol"), extra
        errors[str(n)] = None if error is None else float(error) < n * 2.0**-24  # the bound of n roundings in a row
        rows.append([
            str(n), *(number(rate(v), 1) for v in ["openblas", "matmul", "crisol"]),
            number(ratio[str(n)], 2), number(s.ratio("matmul", "crisol"), 2),
            number(None if extra is None else 100 * (extra - 1), 1), error or "-",
        ])  # fmt: skip
        if crisol.failed:
            notes.append(f"- {n}: Crisol failed: {crisol.failed}")
        say(f"gemm: {n}: {rows[-1][4]} of OpenBLAS, {load()}")
    for w in workers:
        w.close()

    big = lambda d: {n: x for n, x in d.items() if int(n) >= 512}
    print("# A square product of f32 matrices, GFLOP/s\n")
    print(table(["n", "OpenBLAS", "PyTorch", "Crisol", "/ OpenBLAS", "/ PyTorch", "epilogue %",
                 "error"], rows))  # fmt: skip
    print(f"\nRow-major operands, packing included. `epilogue`: what sigmoid(x y + b) costs above "
          f"x y, in Crisol. `error`: the largest difference from OpenBLAS, relative to the largest "
          f"element. {footer(workers, options)}\n")  # fmt: skip
    print(verdict("at least 0.9 of OpenBLAS (512, 1024, 2048)",
                  {n: at_least(x, 0.9) for n, x in big(ratio).items()}))  # fmt: skip
    print(verdict("bias and sigmoid cost less than 5 % (512, 1024, 2048)",
                  {n: None if x is None else x < 1.05 for n, x in big(epilogue).items()}))  # fmt: skip
    print(verdict("products agree with OpenBLAS's", errors))
    print("\n".join(notes))


# ---- the command ---------------------------------------------------------------------------------


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    p.add_argument("what", choices=["mlp", "gemm"])
    p.add_argument("--bin", required=True, help="where mlp and gemm were built")
    p.add_argument("--work", required=True, help="a folder for data and logs")
    p.add_argument("--quick", action="store_true", help="fewer rows, rounds and seconds")
    p.add_argument("--rows", type=lambda s: s.split(), help="of mlp: '16/32 256,256/128'")
    p.add_argument("--sizes", type=lambda s: [int(n) for n in s.split()], help="of gemm: '512 1024'")
    p.add_argument("--rounds", type=int, help="how often each is measured")
    p.add_argument("--seconds", type=float, help="how long each time, about")
    options = p.parse_args()
    options.rows = options.rows or (MLP_QUICK if options.quick else MLP_ROWS)
    options.sizes = options.sizes or (GEMM_QUICK if options.quick else GEMM_SIZES)
    options.rounds = options.rounds or (3 if options.quick else 7)
    options.seconds = options.seconds or (0.1 if options.quick else 0.3)
    os.makedirs(options.work, exist_ok=True)
    (bench_mlp if options.what == "mlp" else bench_gemm)(options)


if __name__ == "__main__":
    main()
