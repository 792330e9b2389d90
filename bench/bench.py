"""Crisol and its peers, measured in turns: ./dev bench mlp, cnn, gemm, xor.

    bench.py mlp|cnn|gemm|xor --bin FOLDER --work FOLDER [--quick] [--rows H/B ...] [--sizes N ...]

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

from turns import Worker, at_least, footer, load, measure, number, say, table, verdict

HERE = os.path.dirname(os.path.abspath(__file__))
MLP_ROWS = ["16/32", "16/512", "256/32", "256/128", "256/512", "64,64/32", "256,256,256/32",
            "256,256,256/512"]  # fmt: skip
MLP_QUICK = ["16/32", "256/32", "256/512"]
GEMM_SIZES = [128, 256, 512, 1024, 2048]
GEMM_QUICK = [128, 512, 1024]
LOSSES, TOLERANCE = 50, 1e-4
MLP_GOALS = {"16/32": 5, "256/32": 2.5, "256,256,256/32": 2.5, "256/512": 1.4}  # of JAX's scan
CNN_BATCHES = [32, 64, 128]
CNN_QUICK = [64]
CNN_SHAPES = [(3, 3, 1, 32), (3, 3, 32, 64), (3, 3, 64, 64), (576, 64), (64, 10)]
# Adam's first steps are about the gradient's sign: a rounding near 0 becomes a step.
CNN_LOSSES, CNN_TOLERANCE = 20, 1e-3


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


def prepare_weights(work, shapes):
    """Glorot's deviation; kernels are [sizes..., in, out]."""
    import numpy as np

    random, weights = np.random.default_rng(1), []
    for *sizes, a, b in shapes:
        window = int(np.prod(sizes))
        weights.append(random.normal(0, (2 / (window * (a + b))) ** 0.5, window * a * b))
    np.concatenate(weights).astype(np.float32).tofile(os.path.join(work, "weights.f32"))


def compare_losses(crisol, variants, jax, variant, steps):
    """Largest relative difference over the first steps, and whether Crisol's variants agree in all
    bits."""
    of = {}
    for worker, v in [(jax, variant), *((crisol, v) for v in variants)]:
        answer = worker.ask(f"losses {v} {steps}")
        if answer is None:
            return None, None
        of[v] = [float(x) for x in answer.split()]
    worst = max(abs(a - b) / abs(b) for a, b in zip(of["fused"], of[variant]))
    return worst, all(of[v] == of["fused"] for v in variants)


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
        sizes = [784, *(int(h) for h in hidden.split(",")), 10]
        prepare_weights(work, list(zip(sizes, sizes[1:])))
        for w in workers:
            w.ask(f"net {hidden} {batch}")
        worst, same = compare_losses(crisol, crisol.variants, jax, "scan", LOSSES)
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
    faster = each(pick("unfused", lambda r: True), 1), each(pick("naive", lambda r: True), 1)
    print("# A training step, microseconds\n")
    print(f"784-h-10, sigmoid, mean squared error, SGD, f32, shuffled mini-batches of {what}.\n")
    print(table(head, rows))
    print(f"\nKeras: `fit`; PyTorch: eager; JAX jit: a compiled step, batches from NumPy; JAX scan: "
          f"an epoch compiled as one scan, data resident as f32 or, like Crisol's, as u8; the faster "
          f"of the two is compared with. Launches of a fused step. The last column "
          f"is the largest relative difference of the losses of Crisol and JAX over {LOSSES} steps "
          f"from the same weights and batches. {footer(workers, options)}\n")  # fmt: skip
    for goal in sorted(set(MLP_GOALS.values()), reverse=True):
        print(verdict(f"fused is at least {goal} times as fast as JAX's scan",
                      each(pick("jax", lambda r: MLP_GOALS.get(r) == goal), goal)))  # fmt: skip
    print(verdict("fused is faster than JAX's scan", each(pick("jax", lambda r: True), 1)))
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


# ---- the CNN -------------------------------------------------------------------------------------

CNN_PEERS = {"fit": "Keras", "contiguous": "PyTorch", "last": "PyTorch channels last",
             "cnn": "JAX"}  # fmt: skip
CNN_INFERS = {"keras-infer": "Keras", "contiguous-infer": "PyTorch",
              "last-infer": "PyTorch channels last"}  # fmt: skip


def cnn_worker(framework, options):
    work = options.work
    if framework == "crisol":
        return Worker("crisol-cnn", [os.path.join(options.bin, "cnn"), work], [], work)
    peers = os.path.join(HERE, "peers.py")
    variants = {"keras": ["fit", "keras-infer"],
                "torch": ["contiguous", "last", "contiguous-infer", "last-infer"],
                "jax": ["cnn"]}[framework]  # fmt: skip
    return Worker(framework, [sys.executable, peers, framework, work], variants, work)


def cnn_memory(options):
    """MiB above the baseline of a process that does nothing else but train at batch 64."""
    found = {}
    for framework, variant in [("keras", "fit"), ("torch", "contiguous"), ("torch", "last"),
                               ("jax", "cnn"), ("crisol", "fused")]:  # fmt: skip
        w = cnn_worker(framework, options)
        w.ask(f"net cnn 64 {variant}")
        w.ask(f"measure {variant} {options.seconds}")
        answer = w.ask("memory")
        found[variant] = None if answer is None else float(answer)
        w.close()
    return found


def cnn_row(batch, workers, options):
    """Samples and losses of one batch size. Variants that are slow to compile are measured once."""
    crisol, jax = workers[-1], workers[-2]
    crisol.variants = ["unfused", "fused", "infer"]
    if batch == 64:
        crisol.variants = ["naive", *crisol.variants]
    for w in workers:
        w.ask(f"net cnn {batch} {','.join(crisol.variants) if w is crisol else ''}")
    training = [v for v in crisol.variants if v != "infer"]
    worst, same = compare_losses(crisol, training, jax, "cnn", CNN_LOSSES)
    s = measure(workers, options.rounds, options.seconds)
    s.least("best", CNN_PEERS)
    s.least("best infer", CNN_INFERS)
    return s, worst, same


def contraction_rows(crisol, batch):
    answer = crisol.ask(f"contractions cnn {batch}")
    words = (answer or "").split()
    rows = []
    for flops, us, label in zip(words[::3], words[1::3], words[2::3]):
        flops, us = float(flops), float(us)
        rows.append([label, number(flops * 1e-6, 2), number(us, 1), number(flops / us * 1e-3, 1)])
    return rows


def print_cnn(train, infer, memory, contractions, what, workers, options):
    print("# A CNN, a training step in milliseconds\n")
    print(f"conv 32 3 relu, maxpool 2, conv 64 3 relu, maxpool 2, conv 64 3 relu, flatten, dense 64 "
          f"relu, dense 10; softmax cross-entropy, Adam, f32, shuffled mini-batches of {what}.\n")
    print(table(["batch", *CNN_PEERS.values(), "naive", "unfused", "fused", "best peer / fused",
                 "unfused / fused", "loss differs"], train))  # fmt: skip
    print("\nInference, microseconds an image:\n")
    print(table(["batch", *CNN_INFERS.values(), "Crisol", "best peer / Crisol"], infer))
    names = {**CNN_PEERS, "fused": "Crisol fused"}
    print("\nThe process's peak memory above its baseline (libraries and data set loaded), training "
          "at batch 64:\n")
    print(table(["", "MiB"], [[names[v], number(m, 1)] for v, m in memory.items()]))
    print("\nContractions of the fused step at batch 64, each in a launch of its own:\n")
    print(table(["contraction", "MFLOP", "us", "GFLOP/s"], contractions))
    print(f"\nKeras: `fit`, and a tf.function; PyTorch: eager, and in inference mode; JAX: a compiled "
          f"step. Peers' data are resident as f32. Naive at batch 64 only. The last column of the "
          f"first table is the largest relative difference of the losses of Crisol and JAX over "
          f"{CNN_LOSSES} steps from the same weights and batches. {footer(workers, options)}\n")


def bench_cnn(options):
    work = options.work
    say(f"cnn: preparing data in {work}")
    what = prepare_data(work)
    prepare_weights(work, CNN_SHAPES)
    say("cnn: starting the workers")
    workers = [cnn_worker(w, options) for w in ["keras", "torch", "jax", "crisol"]]
    train, infer, ratio, ratio_infer, losses, bits, notes = [], [], {}, {}, {}, {}, []
    for batch in options.batches:
        begin, row = time.time(), str(batch)
        s, worst, bits[row] = cnn_row(batch, workers, options)
        ratio[row], ratio_infer[row] = s.ratio("best", "fused"), s.ratio("best infer", "infer")
        losses[row] = None if worst is None else worst <= CNN_TOLERANCE
        milli = lambda v: number(None if s.median(v) is None else s.median(v) / 1e3, 2)
        image = lambda v: number(None if s.median(v) is None else s.median(v) / batch, 1)
        train.append([row, *map(milli, [*CNN_PEERS, "naive", "unfused", "fused"]),
                      number(ratio[row], 2), number(s.ratio("unfused", "fused"), 2),
                      "-" if worst is None else f"{worst:.0e}"])  # fmt: skip
        infer.append([row, *map(image, [*CNN_INFERS, "infer"]), number(ratio_infer[row], 2)])
        if workers[-1].failed:
            notes.append(f"- {row}: Crisol failed: {workers[-1].failed}")
        say(f"cnn: {row}: fused {train[-1][7]} ms, best peer {train[-1][8]} times that; "
            f"{time.time() - begin:.0f} s, {load()}")  # fmt: skip
    contractions = contraction_rows(workers[-1], 64)
    for w in workers:
        w.close()
    memory = cnn_memory(options)
    print_cnn(train, infer, memory, contractions, what, workers, options)
    print(verdict("fused is at least 1.5 times as fast as the best peer",
                  {r: at_least(x, 1.5) for r, x in ratio.items()}))  # fmt: skip
    print(verdict("inference is faster than the best peer's",
                  {r: at_least(x, 1) for r, x in ratio_infer.items()}))  # fmt: skip
    torch = [memory[v] for v in ("contiguous", "last") if memory[v] is not None]
    known = torch and memory["fused"] is not None
    print(verdict("peak memory is below PyTorch's",
                  {"64": memory["fused"] < min(torch) if known else None}))  # fmt: skip
    print(verdict(f"losses agree with JAX's within {CNN_TOLERANCE:g} over {CNN_LOSSES} steps", losses))
    print(verdict("losses of naive (at 64), unfused and fused are the same bits", bits))
    print("\n".join(notes))


# ---- XOR -----------------------------------------------------------------------------------------

XOR_RUN, XOR_PROCESS = 0.02, 0.15  # seconds


def bench_xor(options):
    """A process a round; the first fills the cache and is not counted."""
    runs, processes = [], []
    for r in range(options.rounds + 1):
        begin = time.perf_counter()
        out = subprocess.run([os.path.join(options.bin, "xor")], stdout=subprocess.PIPE, text=True,
                             check=True).stdout  # fmt: skip
        if r:
            processes.append(time.perf_counter() - begin)
            runs.append(float(out.split()[0]))
    run, process = statistics.median(runs), statistics.median(processes)
    print("# XOR, 1,000 epochs, seconds\n")
    print(table(["", "median", "least", "most"], [
        [name, *(number(x, 4) for x in (statistics.median(t), min(t), max(t)))]
        for name, t in [("steps, from the first's start to the last loss", runs), ("process", processes)]
    ]))  # fmt: skip
    print(f"\n2-2-1, tanh, mean squared error, SGD, four samples; warm cache; {options.rounds} processes, "
          f"{load()} at the end.\n")  # fmt: skip
    print(verdict(f"steps take less than {XOR_RUN} s", {"xor": run < XOR_RUN}))
    print(verdict(f"the process takes less than {XOR_PROCESS} s", {"xor": process < XOR_PROCESS}))


# ---- contractions --------------------------------------------------------------------------------


def help_openblas():
    """A release of OpenBLAS that is older than the CPU takes its oldest kernels (Prescott), which
    are ten times slower than those for any CPU with the same vectors. And its threads spin for a
    quarter of a second after a product, on the processors of whoever is measured next: for
    2^20 cycles now, which is longer than the time between two of its own products."""
    os.environ.setdefault("OPENBLAS_THREAD_TIMEOUT", "20")
    try:
        with open("/proc/cpuinfo") as f:
            if "avx512f" in f.read():
                os.environ.setdefault("OPENBLAS_CORETYPE", "SkylakeX")
    except OSError:
        pass


def bench_gemm(options):
    say("gemm: starting the workers")
    work = options.work
    help_openblas()
    crisol = Worker("gemm", [os.path.join(options.bin, "gemm")],
                    ["openblas", "crisol", "epilogue"], work)  # fmt: skip
    torch = Worker("torch", [sys.executable, os.path.join(HERE, "peers.py"), "torch", work],
                   ["matmul"], work)  # fmt: skip
    workers, rows, notes = [crisol, torch], [], []
    ratio, to_torch, epilogue, errors = {}, {}, {}, {}
    for n in options.sizes:
        error = crisol.ask(f"size {n}")
        torch.ask(f"size {n}")
        s = measure(workers, options.rounds, options.seconds)
        rate = lambda v: None if s.median(v) is None else 2e-3 * n**3 / s.median(v)
        extra = s.ratio("epilogue", "crisol")
        ratio[str(n)], epilogue[str(n)] = s.ratio("openblas", "crisol"), extra
        to_torch[str(n)] = s.ratio("matmul", "crisol")
        errors[str(n)] = None if error is None else float(error) < n * 2.0**-24  # the bound of n roundings in a row
        rows.append([
            str(n), *(number(rate(v), 1) for v in ["openblas", "matmul", "crisol"]),
            number(ratio[str(n)], 2), number(to_torch[str(n)], 2),
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
    print(verdict("at least 0.9 of OpenBLAS", {n: at_least(x, 0.9) for n, x in ratio.items()}))
    print(verdict("at least 0.9 of PyTorch (oneDNN, MKL) from 512",
                  {n: at_least(x, 0.9) for n, x in big(to_torch).items()}))  # fmt: skip
    print(verdict("bias and sigmoid cost less than 5 % (512, 1024, 2048)",
                  {n: None if x is None else x < 1.05 for n, x in big(epilogue).items()}))  # fmt: skip
    print(verdict("products agree with OpenBLAS's", errors))
    print("\n".join(notes))


# ---- the command ---------------------------------------------------------------------------------


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    p.add_argument("what", choices=["mlp", "cnn", "gemm", "xor"])
    p.add_argument("--bin", required=True, help="where the workers were built")
    p.add_argument("--work", required=True, help="a folder for data and logs")
    p.add_argument("--quick", action="store_true", help="fewer rows, rounds and seconds")
    p.add_argument("--rows", type=lambda s: s.split(), help="of mlp: '16/32 256,256/128'")
    p.add_argument("--batches", type=lambda s: [int(n) for n in s.split()], help="of cnn: '32 64'")
    p.add_argument("--sizes", type=lambda s: [int(n) for n in s.split()], help="of gemm: '512 1024'")
    p.add_argument("--rounds", type=int, help="how often each is measured")
    p.add_argument("--seconds", type=float, help="how long each time, about")
    options = p.parse_args()
    options.rows = options.rows or (MLP_QUICK if options.quick else MLP_ROWS)
    options.batches = options.batches or (CNN_QUICK if options.quick else CNN_BATCHES)
    options.sizes = options.sizes or (GEMM_QUICK if options.quick else GEMM_SIZES)
    options.rounds = options.rounds or (3 if options.quick else 7)
    options.seconds = options.seconds or (0.1 if options.quick else 0.3)
    os.makedirs(options.work, exist_ok=True)
    {"mlp": bench_mlp, "cnn": bench_cnn, "gemm": bench_gemm, "xor": bench_xor}[options.what](options)


if __name__ == "__main__":
    main()
