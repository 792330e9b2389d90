"""Loading a checkpoint of 100 MB into host memory: Crisol (cr_model_load, checksums and all) and h5py, in turns."""

import argparse
import os
import statistics
import subprocess
import time

import h5py
import numpy

parser = argparse.ArgumentParser()
parser.add_argument("--bin", required=True)
parser.add_argument("--work", required=True)
parser.add_argument("--quick", action="store_true")
parser.add_argument("--rounds", type=int)
args = parser.parse_args()
rounds = args.rounds or (9 if args.quick else 41)
target = 1.5

os.makedirs(args.work, exist_ok=True)
path = os.path.join(args.work, "load.h5")
program = os.path.join(args.bin, "load")
subprocess.run([program, "make", path, "100"], check=True)
crisol = subprocess.Popen([program, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def load_crisol():
    crisol.stdin.write("\n")
    crisol.stdin.flush()
    return float(crisol.stdout.readline())


def load_h5py():
    begin = time.perf_counter()
    with h5py.File(path, "r") as f:
        weights = {name: numpy.asarray(d) for name, d in f["weights"].items()}
    ms = 1e3 * (time.perf_counter() - begin)
    assert len(weights) == 25 and all(w.nbytes == 4000000 for w in weights.values())
    return ms


load_crisol(), load_h5py()  # the file into the page cache, libraries into memory
times = [(load_crisol(), load_h5py()) for _ in range(rounds)]
crisol.stdin.close()
crisol.wait()
os.remove(path)
ours, theirs = (statistics.median(column) for column in zip(*times))
ratio = statistics.median(a / b for a, b in times)
print("# Loading\n")
print(f"A model of 100 MB in the page cache, into host memory; medians of {rounds} rounds.\n")
print("| | ms | GB/s |\n| --- | --: | --: |")
print(f"| Crisol, checksums checked | {ours:.1f} | {100 / ours:.1f} |")
print(f"| h5py {h5py.version.version} | {theirs:.1f} | {100 / theirs:.1f} |\n")
print(f"Crisol takes {ratio:.2f} times as long, round by round; at most {target}: {'held' if ratio <= target else 'missed'}.")
