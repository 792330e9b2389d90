#!/usr/bin/env python3
"""Models go to Crisol and back to Keras from PyPI, and predict the same all the way.

    tests/peers/exchange.py CRISOL SCRATCH            (./dev test --peers runs it)

Each net of tests/tools/keras_files.py, with weights that the committed files do not have, is saved by Keras,
imported and run by the command, exported, and loaded by Keras again. So are models that Crisol trained.
"""
# crisol-test: timeout=600

import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "tools"))
import keras_files
import keras
import numpy as np

TOLERANCE = 1e-5
SEED = 1000

crisol, scratch = sys.argv[1], pathlib.Path(sys.argv[2])
failures = []


def run(*words):
    done = subprocess.run([crisol, *map(str, words)], capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"crisol {' '.join(map(str, words))}: {done.stderr.strip()}")


def difference(a, b):
    """The largest of all outputs, of numbers above 1 relative to them."""
    if [x.shape for x in a] != [x.shape for x in b]:
        return float("inf")
    return max(float(np.max(np.abs(x - y) / np.maximum(1, np.abs(x)))) for x, y in zip(a, b))


def load(path):
    """As a user would: with compiling, and nothing but the name."""
    return keras.models.load_model(path)


def check(name, value):
    print(f"{name:40} {value:.2g}")
    if not value <= TOLERANCE:
        failures.append(name)


def predict(model, file, xs):
    """The command's table: a column an element of each output, in their order."""
    paths = [scratch / f"{file}.{i}.npy" for i in range(len(xs))]
    for path, x in zip(paths, xs):
        np.save(path, x)
    run("predict", "--model", model, "--inputs", ",".join(map(str, paths)), "-o", scratch / "y.csv")
    return [np.loadtxt(scratch / "y.csv", delimiter=",", skiprows=1, ndmin=2)[:, 1:]]


def side_by_side(ys):
    return [np.concatenate([y.reshape(len(y), -1) for y in ys], axis=1)]


def exchange(file, build, seed):
    net, xs, ys = keras_files.make(keras, build, seed)
    source, native, back = scratch / file, scratch / f"{file}.crisol.h5", scratch / f"{file}.back.keras"
    net.save(source)
    run("import", source, "-o", native)
    run("export", native, "-o", back)
    check(f"{file}: Keras, Crisol", difference(side_by_side(ys), predict(native, file, xs)))
    check(f"{file}: Keras, Crisol, Keras", difference(ys, keras_files.predict(load(back), xs)))


# Layers that no net of Keras brings here, on bytes without an input of their own; and states that are
# learned from the samples. Trained for an epoch.
OWN = {
    "bytes": ("conv 3 3 leaky_relu, normalize 0.5 0.25, dense 6 leaky_relu, leakyrelu 0.3, dropout 0.1, "
              "layernorm noscale, dense 4", np.uint8, (8, 8, 1), []),
    "bytes_u8": ("input 6 u8 as a, activation sigmoid, concat a, add concat1, rescale 0.01 0, dense 4", np.uint8, (6,), []),
    "bytes_f32": ("input 8 8 1, rescale 0.05 0, conv 3 3, dense 4", np.uint8, (8, 8, 1), []),
    "bytes_raw": ("input 8 8 1 raw, rescale 0.01 0 as a, rescale 3 0, sub a, dense 4", np.uint8, (8, 8, 1), []),
    "normalize": ("normalize 100 0.01, dense 4", np.float32, (5,), []),
    "standardize": ("dense 5 tanh, dense 4", np.float32, (5,), ["--standardize"]),
    "scale": ("dense 5 tanh, dense 4", np.float32, (5,), ["--scale"]),
}


def own(name, net, dtype, shape, options):
    rng = np.random.default_rng(SEED)
    x = rng.integers(0, 256, (40, *shape)).astype(dtype)
    if name == "normalize":  # where a product and a sum would cancel
        x = (100 + 0.01 * rng.normal(size=x.shape)).astype(dtype)
    paths = [scratch / f"{name}.{part}.npy" for part in ("x", "labels", "y")]
    np.save(paths[0], x)
    np.save(paths[1], rng.integers(0, 4, 40).astype(np.int32))
    native, back = scratch / f"{name}.h5", scratch / f"{name}.keras"
    run("train", "--data", paths[0], "--labels", paths[1], "--net", net, *options, "--epochs", 1, "--batch", 8,
        "--loss", "softmax-cross-entropy", "--checkpoint", native)
    run("predict", "--model", native, "--data", paths[0], "-o", paths[2])
    run("export", native, "-o", back)
    want = [np.load(paths[2])]
    check(f"{name}: Crisol, Keras", difference(want, keras_files.predict(load(back), [x])))
    run("predict", "--model", back, "--data", paths[0], "-o", paths[2])
    check(f"{name}: Crisol, Keras, Crisol", difference(want, [np.load(paths[2])]))


def main():
    scratch.mkdir(parents=True, exist_ok=True)
    for i, (file, build) in enumerate(keras_files.KERAS_3.items()):
        try:
            exchange(file, build, SEED + i)
        except Exception as e:
            print(f"{file}: {e}")
            failures.append(file)
    for name, row in OWN.items():
        try:
            own(name, *row)
        except Exception as e:
            print(f"{name}: {e}")
            failures.append(name)
    if failures:
        sys.exit(f"these differ by more than {TOLERANCE}, or failed: {', '.join(failures)}")


if __name__ == "__main__":
    main()
