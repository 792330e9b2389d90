#!/usr/bin/env python3
"""Writes tests/data/keras: small nets as real Keras saves them, and what it predicts with them.

    build/peers/bin/python tests/tools/keras_files.py tests/data/keras

The files *.keras and *.h5 are Keras 3's, tf2_*.h5 those of tf_keras, Keras 2 for TensorFlow: install it
beside the peers (pip install --no-deps --target DIR tf_keras) and name it in PYTHONPATH, or these files stay
as they are. expected.h holds samples and predictions, for tests/io/keras.c. Only this program and the tests
of the layer `peers` need Keras; what it writes is committed.
"""

import importlib.util
import os
import pathlib
import re
import sys

os.environ.setdefault("KERAS_BACKEND", "jax")
os.environ.setdefault("JAX_PLATFORMS", "cpu")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np

SAMPLES = 3


# ---- the nets: each takes the module keras or tf_keras -----------------------------------------------------

def mlp(k):
    L = k.layers
    return k.Sequential([k.Input((6,)), L.Dense(5, activation="tanh"), L.Dropout(0.3),
                         L.Dense(4, activation="silu"), L.Dense(3, activation="softmax")])


def no_input(k):
    """Without an Input: its shape is what it was built with."""
    L = k.layers
    net = k.Sequential([L.Dense(4, activation="relu", use_bias=False), L.Dense(2)])
    net.build((None, 3))
    return net


def cnn(k):
    L = k.layers
    return k.Sequential([
        k.Input((9, 8, 2)), L.Rescaling(2.0, offset=-0.5), L.Conv2D(4, 3, padding="same", activation="relu"),
        L.MaxPooling2D(2, padding="same"), L.Conv2D(6, (3, 2), groups=2, activation="gelu"),
        L.AveragePooling2D((2, 2), strides=(1, 2), padding="same"), L.Conv2D(3, 2, dilation_rate=(1, 2), padding="same"),
        L.ReLU(), L.Flatten(), L.Dense(3, activation="hard_sigmoid")])


def batchnorm(k):
    L = k.layers
    x = k.Input((5,), name="x")
    y = L.Dense(4, use_bias=False)(x)
    y = L.Activation("elu")(L.BatchNormalization(epsilon=0.01, momentum=0.9, scale=False)(y))
    y = L.BatchNormalization(center=False)(L.Dense(3, activation="selu")(y))
    return k.Model(x, L.Dense(2, activation="log_softmax")(y))


def residual(k):
    """A block as ResNets have it, the second sum written with +."""
    L = k.layers
    x = k.Input((6, 6, 3), name="image")
    y = L.ReLU()(L.BatchNormalization()(L.Conv2D(4, 3, strides=2, padding="same", use_bias=False)(x)))
    z = L.BatchNormalization()(L.Conv2D(4, 3, padding="same", use_bias=False)(y))
    y = L.ReLU(max_value=6.0)(L.Add(name="block sum")([y, z]))
    z = L.Conv2D(4, 1, activation="relu")(y)
    y = L.GlobalAveragePooling2D()(y + z)
    return k.Model(x, L.Dense(3)(y))


def depthwise(k):
    L = k.layers
    return k.Sequential([
        k.Input((6, 7, 2)), L.ZeroPadding2D(((1, 0), (0, 2))),
        L.DepthwiseConv2D(3, depth_multiplier=2, strides=2, padding="same", activation="relu6"),
        L.SeparableConv2D(5, 3, padding="same", depth_multiplier=2, activation="softplus"), L.LeakyReLU(negative_slope=0.1),
        L.GlobalMaxPooling2D(), L.Dense(2)])


def embedding(k):
    L = k.layers
    return k.Sequential([k.Input((4,), dtype="int32"), L.Embedding(7, 3), L.Flatten(), L.Dense(2, activation="sigmoid")])


def two(k):
    """Two inputs, two outputs, every way to merge."""
    L = k.layers
    a, b = k.Input((4,), name="left"), k.Input((3,), name="right")
    p, q = L.Dense(5, activation="leaky_relu", name="p")(a), L.Dense(5, name="q")(b)
    low, high = L.Minimum()([p, q]), L.Maximum()([p, q, L.Multiply()([p, q])])
    y = L.Concatenate()([L.Subtract()([p, q]), L.Average()([low, high, q]), a])
    return k.Model([a, b], [L.Dense(2, name="first")(y), L.Activation("tanh", name="second")(L.Add()([low, high, p]))])


def shared(k):
    """A layer and a model that are called twice; a model inside a model, with two outputs."""
    L = k.layers
    x = k.Input((4,), name="x")
    layer = L.Dense(4, activation="tanh", name="twice")
    tower = k.Sequential([k.Input((4,)), L.Dense(3, name="inside"), L.BatchNormalization(), L.ELU(alpha=0.7)], name="tower")
    inner_x = k.Input((3,))
    half = L.Dense(2, name="inside")(inner_x)
    inner = k.Model(inner_x, [half, L.Activation("relu")(inner_x)], name="inner")
    p = layer(x)
    q = layer(p)
    r, s = inner(tower(p))
    return k.Model(x, [L.Concatenate()([tower(q), r]), s])


def layernorm(k):
    L = k.layers
    norm = L.Normalization()
    net = k.Sequential([k.Input((4, 3)), norm, L.LayerNormalization(epsilon=1e-5), L.Reshape((2, 6)),
                        L.LayerNormalization(center=False), L.Softmax(), L.Flatten(), L.Dense(3)])
    norm.adapt(np.random.default_rng(5).normal(1, 3, (50, 4, 3)).astype(np.float32))
    return net


def tf2(k):
    """What Keras 2 has in its own words: slopes as alpha, axes in lists, nested lists for edges."""
    L = k.layers
    x, v = k.Input((6, 6, 2), name="image"), k.Input((3,), name="vector")
    tower = k.Sequential([L.Conv2D(3, 3, strides=2, padding="same", use_bias=False), L.BatchNormalization(),
                          L.LeakyReLU(alpha=0.2), L.DepthwiseConv2D(2), L.Flatten()], name="tower")
    layer = L.Dense(3, activation="swish", name="twice")
    w = layer(layer(v))
    y = L.Concatenate(axis=1)([tower(x), w])
    return k.Model([x, v], [L.Dense(2, activation="softmax", name="classes")(y), L.Add(name="sum")([w, v])])


def tf2_mlp(k):
    L = k.layers
    return k.Sequential([L.Dense(5, activation="relu", input_shape=(4,)), L.Dropout(0.5), L.LayerNormalization(),
                         L.Dense(3, activation="elu")])


KERAS_3 = {f"{f.__name__}.keras": f for f in
           (mlp, no_input, cnn, batchnorm, residual, depthwise, embedding, two, shared, layernorm)}
KERAS_3 |= {"mlp.h5": mlp, "shared.h5": shared}
KERAS_2 = {"tf2.h5": tf2, "tf2_mlp.h5": tf2_mlp}


# ---- weights and samples -----------------------------------------------------------------------------------

def fill(net, seed):
    """Weights without a pattern, so that none can be taken for another; variances above 0."""
    rng = np.random.default_rng(seed)
    for v in net.weights:
        if v.name.split("/")[-1].startswith("count"):
            continue
        low = 0.2 if "variance" in v.name else -0.8
        v.assign(rng.uniform(low, 0.9, v.shape).astype(np.float32))
    for layer in net.layers:
        if hasattr(layer, "finalize_state"):
            layer.finalize_state()


def samples(net, seed):
    rng = np.random.default_rng(seed + 100)
    for x in net.inputs:
        shape = (SAMPLES, *x.shape[1:])
        integers = "int" in getattr(x.dtype, "name", str(x.dtype))
        yield rng.integers(0, 7, shape).astype(np.int32) if integers else rng.uniform(-1, 1, shape).astype(np.float32)


def predict(net, xs):
    ys = net.predict(xs if len(xs) > 1 else xs[0], verbose=0)
    return [np.asarray(y) for y in (ys if isinstance(ys, (list, tuple)) else [ys])]


def make(k, build, seed):
    k.utils.set_random_seed(seed)
    k.backend.clear_session()
    net = build(k)
    fill(net, seed)
    xs = list(samples(net, seed))
    return net, xs, predict(net, xs)


# ---- expected.h --------------------------------------------------------------------------------------------

def numbers(values):
    words = [re.sub("0+p", "p", float(v).hex()) + "f" for v in np.asarray(values).ravel()]
    return ",\n    ".join(", ".join(words[i:i + 6]) for i in range(0, len(words), 6))


def names(tensors):
    return ", ".join(f"{{{t.size // SAMPLES}, {name}}}" for name, t in tensors)


def write_expected(folder, rows, versions):
    with open(folder / "expected.h", "w") as f:
        f.write("/* expected.h - samples, and what Keras predicts for them with the nets in this folder.\n"
                f" * Written by tests/tools/keras_files.py with {versions}; not by hand. */\n/* clang-format off */\n")
        f.write(f"enum {{ SAMPLES = {SAMPLES}, MOST = 2 }};\n"
                "struct values {\n    int64_t size; /* of a sample */\n    const float *at; /* indices as numbers */\n};\n")
        table = []
        for file, xs, ys in rows:
            word = file.replace(".", "_")
            for kind, tensors in ("x", xs), ("y", ys):
                for i, t in enumerate(tensors):
                    f.write(f"static const float {word}_{kind}{i}[] = {{\n    {numbers(t)}}};\n")
            x = names([(f"{word}_x{i}", t) for i, t in enumerate(xs)])
            y = names([(f"{word}_y{i}", t) for i, t in enumerate(ys)])
            table.append(f'    {{"{file}", {len(xs)}, {len(ys)}, {{{x}}}, {{{y}}}}},\n')
        f.write("static const struct expected {\n    const char *file;\n    int inputs, outputs;\n"
                "    struct values x[MOST], y[MOST];\n} expected[] = {\n" + "".join(table) + "};\n")


def main():
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    import keras
    rows, versions = [], f"Keras {keras.__version__}"
    for file, build in KERAS_3.items():
        net, xs, ys = make(keras, build, len(rows) + 1)
        net.save(folder / file)
        rows.append((file, xs, ys))
    if importlib.util.find_spec("tf_keras"):
        import tf_keras
        versions += f" and tf_keras {tf_keras.__version__}"
        for file, build in KERAS_2.items():
            net, xs, ys = make(tf_keras, build, len(rows) + 1)
            net.save(folder / file)
            rows.append((file, xs, ys))
    write_expected(folder, rows, versions)


if __name__ == "__main__":
    main()
