"""The thesis's table 6: 25 nets on MNIST, Crisol against Keras: ./dev bench table6.

    table6.py --bin FOLDER --work FOLDER --csv FILE [--quick] [--nets '16 32,32'] [--seeds N]
              [--epochs N] [--resume]

Of each net and seed, Crisol, Keras as it comes and Keras at its best train in turns, each from the
weights that Crisol drew; who begins changes from seed to seed. Keras's best setting is looked for
once a net: all are tried, on an epoch in the order of the files, where they must end as Crisol
does, and on shuffled ones. Each run is a row of the CSV file as soon as it is done; --resume
measures what is not there yet, and tells of all that is. Prints Markdown tables and what became of
the targets; progress goes to standard error.
"""

import argparse
import csv
import json
import os
import shutil
import statistics
import subprocess
import sys
import time

from turns import SETTLE, Worker, at_least, load, number, say, table, verdict

HERE = os.path.dirname(os.path.abspath(__file__))
NETS = [*(str(n) for n in (16, 32, 64, 128, 256)),
        *(f"{a},{b}" for a in (16, 32, 64, 128, 256) for b in (16, 32, 64, 128, 256) if a <= b),
        *(f"{n},{n},{n}" for n in (16, 32, 64, 128, 256))]  # fmt: skip
QUICK = ["16", "256", "64,64"]
BATCH, RATE = 32, 3
TUNED = ["arrays", "tf.data", "xla-arrays", "xla-tf.data"]
WHO = ["crisol", "plain", "best"]  # as they take turns
FASTER, POINTS = 6, 0.3  # targets: times as fast; points of accuracy
SAME_START, SAME_EPOCH = 1e-5, 1e-4  # how far losses may differ, of the larger
THESIS = ("The thesis's own columns, of which its text gives ranges: Keras 34 to 156 s, its OpenCL "
          "library 66 to 694 s on a CPU and 106 to 622 s on a GPU.")  # fmt: skip
FIELDS = ["net", "seed", "epochs", "who", "setting", "seconds", "compile", "cold", "before",
          "train_loss", "test_loss", "test_accuracy", "version"]  # fmt: skip


# ---- what was measured ---------------------------------------------------------------------------


class Book:
    """The rows of the CSV file. A row is a run: `who` is one of WHO and trained for so many epochs,
    or `order` or `try`, Crisol and a setting of Keras over an epoch in the order of the files."""

    def __init__(self, path, resume):
        self.path, self.rows = path, []
        if resume and os.path.exists(path):
            with open(path, newline="") as f:
                rows = list(csv.DictReader(f))
            # without what an interrupted run left half-written
            self.rows = [r for r in rows if len(r) == len(FIELDS) and None not in r.values()]
        elif os.path.exists(path):
            os.replace(path, path + ".old")
        with open(path + ".new", "w", newline="") as f:
            csv.DictWriter(f, FIELDS).writeheader()
            csv.DictWriter(f, FIELDS).writerows(self.rows)
        os.replace(path + ".new", path)

    def add(self, **row):
        row = {k: str(row.get(k, "")) for k in FIELDS}
        self.rows.append(row)
        with open(self.path, "a", newline="") as f:
            csv.DictWriter(f, FIELDS).writerow(row)

    def find(self, **wanted):
        """The rows of these values, by seed, those of a seed as they were measured."""
        found = [r for r in self.rows if all(r[k] == str(v) for k, v in wanted.items())]
        return sorted(found, key=lambda r: int(r["seed"]))

    def numbers(self, field, **wanted):
        return [float(r[field]) for r in self.find(**wanted)]


def mean(xs):
    return statistics.mean(xs) if xs else None


def median(xs):
    return statistics.median(xs) if xs else None


# ---- running -------------------------------------------------------------------------------------


class Progress:
    """A line that tells what runs and how long the rest takes."""

    def __init__(self, runs):
        self.left, self.took, self.rest = runs, {}, ""
        self.terminal = sys.stderr.isatty()

    def show(self, text):
        # kinds that none has been measured of yet count as the mean of the others
        known = {k: statistics.mean(t) for k, t in self.took.items()}
        default = statistics.mean(known.values()) if known else None
        if default is not None:
            rest = sum(n * known.get(k, default) for k, n in self.left.items())
            self.rest = f", {rest / 60:.0f} min left" if rest >= 90 else f", {rest:.0f} s left"
        if self.terminal:
            print(f"\r\033[K  {text}{self.rest}", end="", file=sys.stderr, flush=True)

    def done(self, kind, seconds):
        self.took.setdefault(kind, []).append(seconds)
        self.left[kind] = max(0, self.left[kind] - 1)

    def say(self, text):
        say(("\r\033[K" if self.terminal else "") + f"  {text}{self.rest}")


class Bench:
    def __init__(self, options, book):
        self.options, self.book = options, book
        self.cache = os.path.join(options.work, "cache")
        self.weights = os.path.join(options.work, "table6.weights.f32")
        folder = os.path.join(os.environ.get("CRISOL_DATA", ""), "mnist")
        keras = [sys.executable, os.path.join(HERE, "table6_keras.py"), folder]
        self.keras, self.notes = Worker("table6_keras", keras, [], options.work), []
        left = {kind: 0 for kind in ["order", "try", *WHO]}
        for kind, *_ in (t for net in options.nets for t in self.turns(net)):
            left[kind] += 1
        self.progress = Progress(left)

    def turns(self, net):
        """What is left to do for a net: [(who, seed)]."""
        epochs = self.options.epochs
        missing = [(who, 1) for who in ("order", "try") if not self.book.find(net=net, who=who)]
        for seed in range(1, self.options.seeds + 1):
            k = (seed - 1) % len(WHO)
            for who in WHO[k:] + WHO[:k]:
                if not self.book.find(net=net, who=who, seed=seed, epochs=epochs):
                    missing.append((who, seed))
        return missing

    def crisol(self, net, seed, epochs, *more):
        """The answer of table6.c; None after a failure. The cache is the net's own, to know when it
        is cold."""
        argv = [os.path.join(self.options.bin, "table6"), "--hidden", net, "--seed", str(seed),
                "--epochs", str(epochs), "--batch", str(BATCH), "--lr", str(RATE), *more]  # fmt: skip
        env = {**os.environ, "CRISOL_CACHE": self.cache, "POCL_CACHE_DIR": self.cache}
        r = subprocess.run(argv, env=env, capture_output=True, text=True)
        if r.returncode:
            self.notes.append(f"- {net}: Crisol failed: {r.stderr.strip()}")
            return None
        answer = json.loads(r.stdout)
        return {**answer, "seconds": answer["train_s"], "compile": answer["compile_s"],
                "version": f"Crisol {answer['version']}"}  # fmt: skip

    def ask(self, net, command):
        """The answer of table6_keras.py, from the weights as they are in the file."""
        self.keras.ask(f"net {net} {self.weights} {BATCH} {RATE}")
        answer = self.keras.ask(command)
        if answer is None:
            self.notes.append(f"- {net}: Keras failed: {self.keras.failed}")
            return None
        return {**json.loads(answer), "version": self.keras.version}

    def note(self, answer, **row):
        if answer:
            answer = {k: v for k, v in answer.items() if k in FIELDS}
            self.book.add(**{**answer, **row, "cold": int(self.cold)})

    def run(self, net, who, seed):
        """Measures one turn, and writes its rows."""
        epochs, setting = self.options.epochs, ""
        if who in ("crisol", "order"):
            more = ["--keep-order"] if who == "order" else []
            answer = self.crisol(net, seed, 1 if more else epochs, *more)
        elif who == "try":
            tries = self.ask(net, "try " + " ".join(["plain", *TUNED])) or {}
            for s in (s for s in ["plain", *TUNED] if s in tries):
                self.note({**tries[s], "version": tries["version"]}, net=net, seed=seed, epochs=1,
                          who=who, setting=s)  # fmt: skip
            return
        else:
            setting = "plain" if who == "plain" else best_setting(self.book, net)
            # seeds of shuffling; another one, so that the two are no run twice
            shuffle = seed if who == "plain" else seed + 100
            answer = self.ask(net, f"train {setting} {epochs} {shuffle}") if setting else None
        self.note(answer, net=net, seed=seed, epochs=1 if who == "order" else epochs, who=who,
                  setting=setting)  # fmt: skip

    def net(self, net):
        turns = self.turns(net)
        if not turns:
            return
        shutil.rmtree(self.cache, ignore_errors=True)
        os.makedirs(self.cache)
        self.cold, drawn = True, None
        for who, seed in turns:
            self.progress.show(f"{net}, seed {seed}: {who}")
            time.sleep(SETTLE)
            begin = time.time()
            if who == "order":
                self.run(net, who, seed)
                self.cold = False
            if drawn != seed and self.crisol(net, seed, 0, "--weights", self.weights):
                self.cold, drawn = False, seed
            if who != "order":
                self.run(net, who, seed)
            self.progress.done(who, time.time() - begin)
        self.progress.show(net)
        self.progress.say(f"{summary(self.book, net, self.options.epochs)}; {load()}")


def best_setting(book, net):
    """Of the tuned settings the one that was fastest when it was tried."""
    tried = book.find(net=net, who="try")
    tuned = [r for r in tried if r["setting"] in TUNED and same_epoch(book, net, r)]
    return min(tuned, key=lambda r: float(r["seconds"]))["setting"] if tuned else None


# ---- telling -------------------------------------------------------------------------------------


def apart(a, b):
    """How far two losses differ, of the larger."""
    return abs(a - b) / max(abs(a), abs(b))


def same_epoch(book, net, tried):
    """Whether an epoch in the order of the files ended with a setting of Keras as with Crisol."""
    order = book.find(net=net, who="order")
    return bool(order) and epoch_apart(order[0], tried) <= SAME_EPOCH


def epoch_apart(order, tried):
    return max(apart(float(order[k]), float(tried[k])) for k in ("train_loss", "test_loss"))


def start_apart(book, net):
    """The largest difference of the losses of the test set before training, over the seeds."""
    worst = None
    for crisol in book.find(net=net, who="crisol"):
        for who in ("plain", "best"):
            for keras in book.find(net=net, who=who, seed=crisol["seed"]):
                worst = max(worst or 0, apart(float(crisol["before"]), float(keras["before"])))
    return worst


def ratios(book, net, epochs, who):
    """By seed: how many times as long as Crisol it took."""
    above, below = ({r["seed"]: float(r["seconds"]) for r in book.find(net=net, who=w, epochs=epochs)}
                    for w in (who, "crisol"))  # fmt: skip
    return [above[s] / below[s] for s in above if s in below]


def accuracy(book, net, epochs):
    """(Keras's mean, Crisol's mean, their difference, what is allowed), in points. Both settings of
    Keras train the same and count."""
    keras = [100 * x for who in ("plain", "best")
             for x in book.numbers("test_accuracy", net=net, who=who, epochs=epochs)]  # fmt: skip
    crisol = [100 * x for x in book.numbers("test_accuracy", net=net, who="crisol", epochs=epochs)]
    if not keras or not crisol:
        return None
    error = 0
    if len(keras) > 1 and len(crisol) > 1:
        error = sum(statistics.variance(x) / len(x) for x in (keras, crisol)) ** 0.5
    return mean(keras), mean(crisol), mean(crisol) - mean(keras), max(POINTS, 2 * error)


def summary(book, net, epochs):
    seconds = [number(mean(book.numbers("seconds", net=net, who=w, epochs=epochs)), 2) for w in WHO]
    return f"{net}: crisol {seconds[0]}, Keras {seconds[1]}, at its best {seconds[2]} s"


def time_row(book, net, epochs):
    seconds = {w: mean(book.numbers("seconds", net=net, who=w, epochs=epochs)) for w in WHO}
    plain, best = (ratios(book, net, epochs, w) for w in ("plain", "best"))
    settings = {r["setting"] for r in book.find(net=net, who="best", epochs=epochs)}
    return [
        hyphens(net), number(seconds["plain"], 2), number(seconds["best"], 2),
        " ".join(sorted(settings)) or "-", number(seconds["crisol"], 3), number(median(plain), 1),
        held(at_least(median(plain), FASTER)), number(median(best), 1),
        f"{min(best):.1f} to {max(best):.1f}" if best else "-",
        held(at_least(median(best), FASTER)),
    ]  # fmt: skip


def accuracy_row(book, net, epochs):
    """Accuracies, and the time of the whole."""
    a = accuracy(book, net, epochs)
    cold = mean(book.numbers("compile", net=net, who="order", cold=1))
    whole = []
    for who in ["plain", "best", "crisol"]:
        rows = book.find(net=net, who=who, epochs=epochs)
        whole.append(mean([float(r["seconds"]) + float(r["compile"]) for r in rows]))
    training = mean(book.numbers("seconds", net=net, who="crisol", epochs=epochs))
    whole.append(None if None in (training, cold) else training + cold)
    return [hyphens(net), *(number(x, 2) for x in a or [None] * 4), held(agrees(a)),
            *(number(x, 1) for x in whole)]  # fmt: skip


def agrees(a):
    return None if a is None else abs(a[2]) <= a[3]


def held(h):
    return "-" if h is None else "held" if h else "missed"


def hyphens(net):
    return net.replace(",", "-")


def tell_targets(book, nets, epochs):
    names = {net: hyphens(net) for net in nets}
    pick = lambda f: {names[net]: f(net) for net in nets}
    for who, words in [("plain", "fit as it comes"), ("best", "Keras at its best")]:
        holds = pick(lambda net: at_least(median(ratios(book, net, epochs, who)), FASTER))
        print(verdict(f"at least {FASTER} times as fast as {words}", holds) + in_sum(holds))
    a = pick(lambda net: accuracy(book, net, epochs))
    holds = {net: agrees(x) for net, x in a.items()}
    print(verdict(f"accuracy within {POINTS} points of Keras's, or two standard errors of the "
                  "difference", holds) + in_sum(holds))  # fmt: skip
    known = [x[2] for x in a.values() if x]
    if known:
        error = statistics.stdev(known) / len(known) ** 0.5 if len(known) > 1 else 0
        print(f"- accuracy, Crisol's less Keras's, mean of {len(known)} nets: {mean(known):+.3f} "
              f"points, standard error {error:.3f}")  # fmt: skip
    starts = pick(lambda net: start_apart(book, net))
    print(verdict(f"the test set's loss before training agrees within {SAME_START:g}",
                  {net: None if x is None else x <= SAME_START for net, x in starts.items()}))  # fmt: skip
    tries = {f"{names[r['net']]} {r['setting']}": same_epoch(book, r["net"], r)
             for r in book.find(who="try") if r["net"] in names}  # fmt: skip
    print(verdict(f"losses agree within {SAME_EPOCH:g} after an epoch in the order of the files, in "
                  "each setting", tries))  # fmt: skip


def in_sum(holds):
    known = [h for h in holds.values() if h is not None]
    return f" ({sum(known)} of {len(known)} rows)" if known else ""


TIMES = ["hidden", "Keras, s", "at its best, s", "which", "Crisol, s", "Keras / Crisol",
         f">= {FASTER}", "best / Crisol", "from seed to seed", f">= {FASTER}"]  # fmt: skip
ACCURACIES = ["hidden", "Keras, %", "Crisol, %", "difference", "allowed", "accuracy",
              "whole: Keras, s", "at its best, s", "Crisol, s", "cold cache, s"]  # fmt: skip


def tell(bench, options):
    book = bench.book
    done = {r["net"] for r in book.find(epochs=options.epochs) if r["who"] in WHO}
    nets = [n for n in NETS if n in done] + sorted(done.difference(NETS))
    seeds = "one seed" if options.seeds == 1 else f"{options.seeds} seeds"
    print("# The thesis's table 6\n")
    print(f"MNIST, sigmoid layers and 10 sigmoid outputs, mean squared error, SGD with rate {RATE}, "
          f"shuffled batches of {BATCH}, Glorot uniform, the same initial weights for all; "
          f"epochs: {options.epochs}, {seeds}.\n")  # fmt: skip
    print(table(TIMES, [time_row(book, net, options.epochs) for net in nets]))
    print("\nSeconds of training alone, means; ratios are of runs in turn, medians. Keras: `fit` on "
          "arrays with its defaults; at its best: 75 steps per execution, with XLA or without, from "
          "arrays or tf.data, whichever was fastest when all were tried.\n")  # fmt: skip
    print(table(ACCURACIES, [accuracy_row(book, net, options.epochs) for net in nets]))
    print("\nAccuracy on the test set; difference and what is allowed in points. The whole is with "
          "building, tracing and compiling the net; Crisol compiles it once, unless its cache is "
          "cold.\n")  # fmt: skip
    versions = "; ".join(sorted({r["version"] for r in book.rows}))
    print(f"{THESIS}\n\n{versions}; {os.cpu_count()} cores, {load()} at the end.\n")
    tell_targets(book, nets, options.epochs)
    print("\n".join(bench.notes))


# ---- the command ---------------------------------------------------------------------------------


def parse():
    p = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    p.add_argument("--bin", required=True, help="where table6 was built")
    p.add_argument("--work", required=True, help="a folder for weights, caches and logs")
    p.add_argument("--csv", required=True, help="the runs, as they are measured")
    p.add_argument("--quick", action="store_true", help="three nets, one seed, two epochs")
    p.add_argument("--nets", type=lambda s: s.split(), help="hidden layers: '16 32,32'")
    p.add_argument("--seeds", type=int, help="runs of each net, from seeds 1, 2, ...")
    p.add_argument("--epochs", type=int, help="of each run")
    p.add_argument("--resume", action="store_true", help="keep the CSV file's runs, measure the rest")
    o = p.parse_args()
    o.nets = o.nets or (QUICK if o.quick else NETS)
    o.seeds = (1 if o.quick else 3) if o.seeds is None else o.seeds
    o.epochs = (2 if o.quick else 10) if o.epochs is None else o.epochs
    for net in o.nets:
        if not all(n.isdecimal() and int(n) > 0 for n in net.split(",")):
            p.error(f"--nets: '{net}' is no list of units with commas, such as 32,32")
    if o.seeds < 1 or o.epochs < 1:
        p.error("--seeds and --epochs are 1 or more")
    return o


def main():
    options = parse()
    os.makedirs(options.work, exist_ok=True)
    book = Book(options.csv, options.resume)
    bench = Bench(options, book)
    if bench.keras.failed:
        sys.exit(f"table6: Keras does not start: {bench.keras.failed}")
    begin = time.time()
    try:
        for net in options.nets:
            bench.net(net)
    except KeyboardInterrupt:
        say(f"\ninterrupted: {options.csv} keeps {len(book.rows)} runs; --resume goes on with them")
        sys.exit(130)
    bench.keras.close()
    say(f"table6: {(time.time() - begin) / 60:.1f} min")
    tell(bench, options)


if __name__ == "__main__":
    main()
