"""Keras's side of the thesis's table 6: a worker of table6.py, which says what for.

    table6_keras.py FOLDER      the folder with MNIST's four IDX files

Commands; answers are JSON, seconds and losses:

    net 16,32 WEIGHTS BATCH RATE   the net, and the file that it starts from (table6.c writes it)
    try SETTING ...                an epoch in the order of the files in each setting, then rounds of
                                   one that is shuffled: {SETTING: {before, train_loss, test_loss,
                                   seconds}, ...}, seconds of the fastest round
    train SETTING EPOCHS SEED      {before, seconds, compile, test_loss, test_accuracy}

Settings: `plain` is Model.fit on arrays with its defaults. The others run 75 steps per execution
(which divides an epoch of 1,875), compiled by XLA or not, from arrays or from a tf.data pipeline.
A few steps are run before the clock starts, which traces and compiles, and the weights put back.
"""

import gc
import json
import os
import sys
import time

CLASSES, STEPS, ROUNDS = 10, 75, 3
SETTINGS = {"plain": (1, "auto", False), "arrays": (STEPS, False, False),
            "tf.data": (STEPS, False, True), "xla-arrays": (STEPS, True, False),
            "xla-tf.data": (STEPS, True, True)}  # fmt: skip

# What libraries print is not for the driver.
answers = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ["KERAS_BACKEND"] = "tensorflow"

import keras  # noqa: E402
import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402

from bench import read_idx  # noqa: E402


class Part:
    """Images as f32 in [0, 1], labels one-hot."""

    def __init__(self, folder, name):
        images = read_idx(folder, f"{name}-images-idx3-ubyte", 16)
        self.labels = read_idx(folder, f"{name}-labels-idx1-ubyte", 8)
        if images is None or self.labels is None:
            raise SystemExit(f"{folder} does not hold MNIST's images and labels '{name}'")
        self.x = images.reshape(len(self.labels), -1).astype(np.float32) / 255
        self.t = np.eye(CLASSES, dtype=np.float32)[self.labels]


class Run:
    """A net in one setting, compiled and warm, with the weights to start from."""

    def __init__(self, net, setting, data):
        begin = time.perf_counter()
        self.net, self.data = net, data
        steps, xla, self.pipeline = SETTINGS[setting]
        layers = [keras.layers.Dense(len(b), activation="sigmoid") for b in net.start[1::2]]
        self.model = keras.Sequential([keras.Input((data.x.shape[1],)), *layers])
        self.model.compile(optimizer=keras.optimizers.SGD(net.rate), loss="mse", jit_compile=xla,
                           steps_per_execution=steps)  # fmt: skip
        self.model.set_weights(net.start)
        self.fit(1, rows=2 * STEPS * net.batch)
        self.model.set_weights(net.start)
        self.compile = time.perf_counter() - begin

    def fit(self, epochs, shuffle=True, rows=None):
        """The last epoch's loss, and the seconds."""
        x, t, batch = self.data.x[:rows], self.data.t[:rows], self.net.batch
        given = {"x": x, "y": t, "batch_size": batch, "shuffle": shuffle}
        if self.pipeline:
            samples = tf.data.Dataset.from_tensor_slices((x, t)).cache()
            if shuffle:
                samples = samples.shuffle(len(x))
            samples = samples.batch(batch, drop_remainder=len(x) % batch == 0)
            given = {"x": samples.prefetch(tf.data.AUTOTUNE)}
        begin = time.perf_counter()
        history = self.model.fit(**given, epochs=epochs, verbose=0)
        return history.history["loss"][-1], time.perf_counter() - begin

    def evaluate(self, part):
        y = self.model.predict(part.x, batch_size=1000, verbose=0)
        loss = np.mean((y.astype(np.float64) - part.t) ** 2)
        return float(loss), float(np.mean(np.argmax(y, 1) == part.labels))


class Net:
    def __init__(self, hidden, weights, batch, rate, features):
        self.batch, self.rate, self.start = int(batch), float(rate), []
        flat = np.fromfile(weights, np.float32)
        sizes = [features, *(int(h) for h in hidden.split(",")), CLASSES]
        for a, b in zip(sizes, sizes[1:]):
            self.start += [flat[: a * b].reshape(a, b), flat[a * b : a * b + b]]
            flat = flat[a * b + b :]
        if len(flat):
            raise ValueError(f"{weights} is longer than the net {hidden}")


class Worker:
    def __init__(self, folder):
        self.train_part, self.test_part = Part(folder, "train"), Part(folder, "t10k")
        self.current = None

    def net(self, *words):
        keras.backend.clear_session()
        gc.collect()  # a model is full of cycles, and holds what was compiled for it
        self.current = Net(*words, self.train_part.x.shape[1])
        return {}

    def try_(self, *settings):
        runs, told = {s: Run(self.current, s, self.train_part) for s in settings}, {}
        for setting, run in runs.items():
            before, _ = run.evaluate(self.test_part)
            train_loss, _ = run.fit(1, shuffle=False)
            test_loss, _ = run.evaluate(self.test_part)
            told[setting] = {"before": before, "train_loss": train_loss, "test_loss": test_loss}
        seconds = [{s: run.fit(1)[1] for s, run in runs.items()} for _ in range(ROUNDS)]
        return {s: {**told[s], "seconds": min(round_[s] for round_ in seconds)} for s in settings}

    def train(self, setting, epochs, seed):
        keras.utils.set_random_seed(int(seed))
        run = Run(self.current, setting, self.train_part)
        before, _ = run.evaluate(self.test_part)
        _, seconds = run.fit(int(epochs))
        test_loss, accuracy = run.evaluate(self.test_part)
        return {"before": before, "seconds": seconds, "compile": run.compile,
                "test_loss": test_loss, "test_accuracy": accuracy}  # fmt: skip


def main():
    worker = Worker(sys.argv[1])
    commands = {"net": worker.net, "try": worker.try_, "train": worker.train}
    print(f"ok Keras {keras.__version__}, TensorFlow {tf.__version__}", file=answers, flush=True)
    for line in sys.stdin:
        command, *words = line.split()
        try:
            print(f"ok {json.dumps(commands[command](*words))}", file=answers, flush=True)
        except Exception as e:  # the driver says which worker it was
            print("error " + " ".join(str(e).split()), file=answers, flush=True)


if __name__ == "__main__":
    main()
