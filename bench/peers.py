"""The peers' side of the benchmarks: a worker of bench.py that holds one framework.

    peers.py keras|torch|jax FOLDER

FOLDER holds what bench.py put there (see mlp.c). Commands, as mlp.c's and gemm.c's:

    net 256,256 32 [VARIANT]  makes the nets of all variants, or of one, for these hidden layers and
                              this batch; the net `cnn` is that of cnn.c
    losses VARIANT N          the losses of the first N steps (jax)
    measure VARIANT SECONDS   -> ok MICROSECONDS of one step
    memory                    -> ok MiB that the process took at most, above what it had before its
                              first net, libraries and data loaded
    size N                    operands of a product (torch)

Variants of MLPs: keras "fit" (Model.fit over the first part of an epoch, its defaults otherwise); torch
"eager" (data resident as f32, batches by indexing) and "matmul"; jax "jit" (one compiled step,
batches gathered by NumPy and handed over, as a training loop does), "scan" (an epoch as one compiled
lax.scan, everything resident as f32) and "scan-u8" (the images resident as u8, as in Crisol). All
use f32, SGD with rate 0.1, sigmoid layers, the mean squared error over all outputs, and both cores.

Variants of the CNN: keras "fit" and "keras-infer" (a tf.function over a batch); torch "contiguous"
and "last" (channels last), each eager, and "contiguous-infer" and "last-infer" in inference mode;
jax "cnn" (a compiled step that gathers its batch from the resident data). Adam as Keras has it,
softmax cross-entropy.
"""

import os
import sys
import time

FEATURES, CLASSES, RATE = 784, 10, 0.1
CNN = [(3, 3, 1, 32), (3, 3, 32, 64), (3, 3, 64, 64), (576, 64), (64, CLASSES)]  # weights.f32
ADAM = {"rate": 1e-3, "b1": 0.9, "b2": 0.999, "epsilon": 1e-7}

# What libraries print is not for the driver.
answers = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("KERAS_BACKEND", "tensorflow")

import numpy as np  # noqa: E402


class Data:
    """The data set as the peers take it: f32 in [0, 1], targets one-hot, a fixed order."""

    def __init__(self, folder):
        self.folder = folder
        read = lambda name, dtype: np.fromfile(os.path.join(folder, name), dtype)
        self.bytes = read("images.u8", np.uint8).reshape(-1, FEATURES)
        self.x = self.bytes.astype(np.float32) / 255
        self.labels = read("labels.u8", np.uint8).astype(np.int32)
        self.t = np.eye(CLASSES, dtype=np.float32)[self.labels]
        self.order = read("order.i32", np.int32)

    def weights(self, hidden):
        """[(w, b), ...] as all frameworks start."""
        flat = np.fromfile(os.path.join(self.folder, "weights.f32"), np.float32)
        sizes, layers = (FEATURES, *hidden, CLASSES), []
        for a, b in zip(sizes, sizes[1:]):
            layers.append((flat[: a * b].reshape(a, b).copy(), np.zeros(b, np.float32)))
            flat = flat[a * b :]
        return layers

    def cnn_weights(self):
        """[(w, b), ...] of CNN's shapes."""
        flat, layers = np.fromfile(os.path.join(self.folder, "weights.f32"), np.float32), []
        for shape in CNN:
            n = int(np.prod(shape))
            layers.append((flat[:n].reshape(shape).copy(), np.zeros(shape[-1], np.float32)))
            flat = flat[n:]
        return layers

    def batches(self, batch):
        n = len(self.order) // batch
        return self.order[: n * batch].reshape(n, batch)


class Paced:
    """Runs a function of n steps for about so many seconds, and gives seconds a step."""

    def __init__(self, run, least=1, most=1 << 40):
        self.run, self.least, self.most, self.each = run, least, most, 0.0

    def __call__(self, seconds):
        if not self.each:  # the first runs compile and warm up
            self.time(self.least)
            self.time(self.least)
        return self.time(min(max(int(seconds / self.each), self.least), self.most))

    def time(self, n):
        begin = time.perf_counter()
        self.run(n)
        self.each = (time.perf_counter() - begin) / n
        return self.each


class Epochs(Paced):
    """Whole epochs only; least: an epoch's steps."""

    def time(self, n):
        return super().time(max(1, round(n / self.least)) * self.least)


class Keras:
    def __init__(self):
        import keras

        self.keras, self.name = keras, f"Keras {keras.__version__}"

    def net(self, data, hidden, batch):
        keras, weights = self.keras, data.weights(hidden)
        keras.backend.clear_session()
        layers = [keras.layers.Dense(len(b), activation="sigmoid") for w, b in weights]
        model = keras.Sequential([keras.Input((FEATURES,)), *layers])
        model.compile(optimizer=keras.optimizers.SGD(RATE), loss="mse")
        model.set_weights([a for layer in weights for a in layer])

        def fit(n):
            model.fit(data.x[: n * batch], data.t[: n * batch], batch_size=batch, verbose=0)

        # fit has a price of its own: short ones would flatter Crisol
        whole = len(data.x) // batch
        return {"fit": Paced(fit, least=min(whole, 300), most=whole)}

    def cnn(self, data, batch, wanted):
        import tensorflow as tf

        keras, layers = self.keras, self.keras.layers
        keras.backend.clear_session()
        model = keras.Sequential([
            keras.Input((28, 28, 1)),
            layers.Conv2D(32, 3, activation="relu"), layers.MaxPooling2D(2),
            layers.Conv2D(64, 3, activation="relu"), layers.MaxPooling2D(2),
            layers.Conv2D(64, 3, activation="relu"), layers.Flatten(),
            layers.Dense(64, activation="relu"), layers.Dense(CLASSES),
        ])  # fmt: skip
        model.compile(
            optimizer=keras.optimizers.Adam(ADAM["rate"]),
            loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        )
        model.set_weights([a for layer in data.cnn_weights() for a in layer])
        x, whole = data.x.reshape(-1, 28, 28, 1), len(data.x) // batch
        predict = tf.function(lambda rows: model(rows, training=False))

        def fit(n):
            model.fit(x[: n * batch], data.labels[: n * batch], batch_size=batch, verbose=0)

        def infer(n):
            for i in range(n):
                at = i % whole * batch
                predict(tf.constant(x[at : at + batch])).numpy()

        made = {"fit": Paced(fit, least=min(whole, 100), most=whole),
                "keras-infer": Paced(infer, least=20)}  # fmt: skip
        return {v: made[v] for v in made if v in wanted or not wanted}


class Torch:
    def __init__(self):
        import torch

        self.torch, self.name = torch, f"PyTorch {torch.__version__.split('+')[0]}"
        torch.set_num_threads(os.cpu_count())

    def net(self, data, hidden, batch):
        torch, weights = self.torch, data.weights(hidden)
        layers = []
        for w, b in weights:
            layer = torch.nn.Linear(*w.shape)
            with torch.no_grad():
                layer.weight.copy_(torch.from_numpy(w.T.copy()))
                layer.bias.zero_()
            layers += [layer, torch.nn.Sigmoid()]
        model = torch.nn.Sequential(*layers)
        optimizer = torch.optim.SGD(model.parameters(), lr=RATE)
        x, t = torch.from_numpy(data.x), torch.from_numpy(data.t)
        batches = torch.from_numpy(data.batches(batch).astype(np.int64))

        def train(n):
            for i in range(n):
                rows = batches[i % len(batches)]
                loss = torch.nn.functional.mse_loss(model(x[rows]), t[rows])
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()

        return {"eager": Paced(train, least=20)}

    def cnn_model(self, data, layout):
        """The weights with their axes as PyTorch has them: [out, in, ...], and what is flattened
        channels first."""
        torch, nn = self.torch, self.torch.nn
        model = nn.Sequential(
            nn.Conv2d(1, 32, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(32, 64, 3), nn.ReLU(),
            nn.MaxPool2d(2), nn.Conv2d(64, 64, 3), nn.ReLU(), nn.Flatten(), nn.Linear(576, 64),
            nn.ReLU(), nn.Linear(64, CLASSES),
        )  # fmt: skip
        layers = [m for m in model if hasattr(m, "weight")]
        for layer, (w, _) in zip(layers, data.cnn_weights()):
            if w.ndim == 4:
                w = w.transpose(3, 2, 0, 1)
            elif len(w) == 576:
                w = w.reshape(3, 3, 64, -1).transpose(2, 0, 1, 3).reshape(576, -1).T
            else:
                w = w.T
            with torch.no_grad():
                layer.weight.copy_(torch.from_numpy(w.copy()))
                layer.bias.zero_()
        return model.to(memory_format=layout)

    def cnn(self, data, batch, wanted):
        torch, made = self.torch, {}
        x = torch.from_numpy(data.x).reshape(-1, 1, 28, 28)
        t = torch.from_numpy(data.labels.astype(np.int64))
        batches = torch.from_numpy(data.batches(batch).astype(np.int64))
        layouts = {"contiguous": torch.contiguous_format, "last": torch.channels_last}
        cross_entropy = torch.nn.functional.cross_entropy

        def add(name, layout):
            model = self.cnn_model(data, layout)
            optimizer = torch.optim.Adam(model.parameters(), lr=ADAM["rate"], eps=ADAM["epsilon"])

            def train(n):
                for i in range(n):
                    rows = batches[i % len(batches)]
                    images = x[rows].contiguous(memory_format=layout)
                    loss = cross_entropy(model(images), t[rows])
                    optimizer.zero_grad()
                    loss.backward()
                    optimizer.step()

            def infer(n):
                with torch.inference_mode():
                    for i in range(n):
                        model(x[batches[i % len(batches)]].contiguous(memory_format=layout))

            made[name], made[name + "-infer"] = Paced(train, least=5), Paced(infer, least=20)

        for name, layout in layouts.items():
            if not wanted or name in wanted:
                add(name, layout)
        return made

    def size(self, n):
        torch = self.torch
        x, y, z = torch.rand(n, n) - 0.5, torch.rand(n, n) - 0.5, torch.empty(n, n)

        def multiply(count):
            with torch.no_grad():
                for _ in range(count):
                    torch.matmul(x, y, out=z)

        return {"matmul": Paced(multiply, least=5)}


class Jax:
    def __init__(self):
        import jax

        self.jax, self.name = jax, f"JAX {jax.__version__}"

    def net(self, data, hidden, batch):
        jax, jnp = self.jax, self.jax.numpy
        start = jax.tree.map(jnp.asarray, data.weights(hidden))
        batches = data.batches(batch)
        x, bytes_, t = jnp.asarray(data.x), jnp.asarray(data.bytes), jnp.asarray(data.t)

        def loss(params, x, t):
            for w, b in params:
                x = jax.nn.sigmoid(x @ w + b)
            return jnp.mean((x - t) ** 2)

        def update(params, x, t):
            value, grads = jax.value_and_grad(loss)(params, x, t)
            return jax.tree.map(lambda p, g: p - RATE * g, params, grads), value

        step = jax.jit(update)

        @jax.jit
        def epoch(params, x, t, order):
            rows = lambda i: x[i] if x.dtype == jnp.float32 else x[i].astype(jnp.float32) / 255
            return jax.lax.scan(lambda p, i: update(p, rows(i), t[i]), params, order)

        def run_steps(n):
            params = start
            for i in range(n):
                rows = batches[i % len(batches)]
                params, _ = step(params, data.x[rows], data.t[rows])
            jax.block_until_ready(params)

        resident = jnp.asarray(batches)

        def epochs_on(images):
            def run(n):
                params = start
                for _ in range(n // len(batches)):
                    params, _ = epoch(params, images, t, resident)
                jax.block_until_ready(params)

            return Epochs(run, len(batches))

        self.first_losses = lambda n: np.asarray(epoch(start, x, t, resident)[1])[:n]
        return {
            "jit": Paced(run_steps, least=20),
            "scan": epochs_on(x),
            "scan-u8": epochs_on(bytes_),
        }

    def cnn(self, data, batch, wanted):
        jax, jnp, lax = self.jax, self.jax.numpy, self.jax.lax
        start = jax.tree.map(jnp.asarray, data.cnn_weights())
        x, t = jnp.asarray(data.x.reshape(-1, 28, 28, 1)), jnp.asarray(data.labels)
        batches = jnp.asarray(data.batches(batch))

        def conv(x, layer):
            names = ("NHWC", "HWIO", "NHWC")
            y = lax.conv_general_dilated(x, layer[0], (1, 1), "VALID", dimension_numbers=names)
            return jax.nn.relu(y + layer[1])

        def pool(x):
            return lax.reduce_window(x, -jnp.inf, lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")

        def loss(params, x, t):
            x = conv(pool(conv(pool(conv(x, params[0])), params[1])), params[2])
            x = jax.nn.relu(x.reshape(len(x), -1) @ params[3][0] + params[3][1])
            scores = jax.nn.log_softmax(x @ params[4][0] + params[4][1])
            return -jnp.mean(jnp.take_along_axis(scores, t[:, None], 1))

        def update(state, rows):
            w, m, v, step = state
            value, g = jax.value_and_grad(loss)(w, x[rows], t[rows])
            step = step + 1
            pace = ADAM["rate"] * jnp.sqrt(1 - ADAM["b2"] ** step) / (1 - ADAM["b1"] ** step)
            m = jax.tree.map(lambda m, g: m + (1 - ADAM["b1"]) * (g - m), m, g)
            v = jax.tree.map(lambda v, g: v + (1 - ADAM["b2"]) * (g * g - v), v, g)
            w = jax.tree.map(
                lambda w, m, v: w - pace * m / (jnp.sqrt(v) + ADAM["epsilon"]), w, m, v
            )
            return (w, m, v, step), value

        step = jax.jit(update)
        zeros = jax.tree.map(jnp.zeros_like, start)
        first = (start, zeros, zeros, jnp.float32(0))

        def train(n):
            state = first
            for i in range(n):
                state, _ = step(state, batches[i % len(batches)])
            jax.block_until_ready(state)

        def first_losses(n):
            state, out = first, []
            for i in range(n):
                state, value = step(state, batches[i])
                out.append(float(value))
            return out

        self.first_losses = first_losses
        return {"cnn": Paced(train, least=5)}

    def losses(self, n):
        return self.first_losses(n)


def peak_kib():
    """Most that the process has taken since it was last asked to forget."""
    with open("/proc/self/status") as f:
        return next(int(line.split()[1]) for line in f if line.startswith("VmHWM:"))


def forget_peak():
    try:
        with open("/proc/self/clear_refs", "w") as f:
            f.write("5")
    except OSError:  # what loading the data took for a moment then counts for the framework
        pass


def main():
    framework = {"keras": Keras, "torch": Torch, "jax": Jax}[sys.argv[1]]()
    data, variants, baseline = None, {}, 0

    def load():
        nonlocal data, baseline
        data = Data(sys.argv[2])
        forget_peak()
        baseline = peak_kib()

    def obey(command, *words):
        nonlocal variants
        if command == "net":
            if not data:
                load()
            if words[0] == "cnn":
                variants = framework.cnn(data, int(words[1]), words[2:])
            else:
                variants = framework.net(data, [int(w) for w in words[0].split(",")], int(words[1]))
            return ""
        if command == "memory":
            return f"{(peak_kib() - baseline) / 1024:.1f}"
        if command == "size":
            variants = framework.size(int(words[0]))
            return ""
        if command == "losses":
            return " ".join(f"{x:.9g}" for x in framework.losses(int(words[1])))
        if command == "measure":
            return f"{variants[words[0]](float(words[1])) * 1e6:.3f}"
        raise ValueError(f"no command '{command}'")

    print(f"ok {framework.name}", file=answers, flush=True)
    for line in sys.stdin:
        try:
            print(f"ok {obey(*line.split())}", file=answers, flush=True)
        except Exception as e:  # the driver says which worker it was
            print("error " + " ".join(str(e).split()), file=answers, flush=True)


if __name__ == "__main__":
    main()
