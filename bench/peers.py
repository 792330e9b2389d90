"""The peers' side of the benchmarks: a worker of bench.py that holds one framework.

    peers.py keras|torch|jax FOLDER

FOLDER holds what bench.py put there (see mlp.c). Commands, as mlp.c's and gemm.c's:

    net 256,256 32            makes the nets of all variants for these hidden layers and this batch
    losses VARIANT N          the losses of the first N steps (jax)
    measure VARIANT SECONDS   -> ok MICROSECONDS of one step
    size N                    operands of a product (torch)

Variants: keras "fit" (Model.fit over the first part of an epoch, its defaults otherwise); torch
"eager" (data resident as f32, batches by indexing) and "matmul"; jax "jit" (one compiled step,
batches gathered by NumPy and handed over, as a training loop does), "scan" (an epoch as one compiled
lax.scan, everything resident as f32) and "scan-u8" (the images resident as u8, as in Crisol). All use f32, SGD with rate 0.1, sigmoid layers, the mean
squared error over all outputs, and both cores.
"""

import os
import sys
import time

FEATURES, CLASSES, RATE = 784, 10, 0.1

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
        self.t = np.eye(CLASSES, dtype=np.float32)[read("labels.u8", np.uint8)]
        self.order = read("order.i32", np.int32)

    def weights(self, hidden):
        """[(w, b), ...] as all frameworks start."""
        flat = np.fromfile(os.path.join(self.folder, "weights.f32"), np.float32)
        sizes, layers = (FEATURES, *hidden, CLASSES), []
        for a, b in zip(sizes, sizes[1:]):
            layers.append((flat[: a * b].reshape(a, b).copy(), np.zeros(b, np.float32)))
            flat = flat[a * b :]
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

    def losses(self, n):
        return self.first_losses(n)


def main():
    framework = {"keras": Keras, "torch": Torch, "jax": Jax}[sys.argv[1]]()
    data, variants = None, {}

    def obey(command, *words):
        nonlocal data, variants
        if command == "net":
            data = data or Data(sys.argv[2])
            variants = framework.net(data, [int(w) for w in words[0].split(",")], int(words[1]))
            return ""
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
