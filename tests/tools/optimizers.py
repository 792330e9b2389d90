#!/usr/bin/env python3
"""Writes tests/data/optimizers.h: where Keras's optimizers take the weights of a small net in 100 steps.

    KERAS_BACKEND=tensorflow build/peers/bin/python tests/tools/optimizers.py > tests/data/optimizers.h

tests/frontend/optim.c runs the same net and the same rows with Crisol's. The net is tanh(x w1 + b1) w2 + b2,
its loss the mean of the squared errors, all in f32; keras.optimizers does the rest. Only this script needs
Keras; the table is committed.
"""

import os
import re

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import tensorflow as tf

SAMPLES, INPUTS, HIDDEN, OUTPUTS, STEPS = 8, 3, 4, 2, 100
SHAPES = [(INPUTS, HIDDEN), (HIDDEN,), (HIDDEN, OUTPUTS), (OUTPUTS,)]

o = keras.optimizers
s = keras.optimizers.schedules


def cosine(lr):
    return s.CosineDecay(0.0, 60, alpha=0.1, warmup_target=lr, warmup_steps=10)


# Crisol's options, and the optimizer of Keras that they mean.
ROWS = [
    (".kind = CR_SGD, .lr = 0.1f", lambda: o.SGD(0.1)),
    (".kind = CR_MOMENTUM, .lr = 0.05f", lambda: o.SGD(0.05, momentum=0.9)),
    (".kind = CR_NESTEROV, .lr = 0.05f, .momentum = 0.8f", lambda: o.SGD(0.05, momentum=0.8, nesterov=True)),
    (".kind = CR_RMSPROP, .lr = 0.002f", lambda: o.RMSprop(0.002)),
    (".kind = CR_RMSPROP, .lr = 0.002f, .beta2 = 0.95f, .epsilon = 0.001f",
     lambda: o.RMSprop(0.002, rho=0.95, epsilon=0.001)),
    (".kind = CR_ADAM, .lr = 0.01f", lambda: o.Adam(0.01)),
    (".kind = CR_ADAM, .lr = 0.01f, .beta1 = 0.8f, .beta2 = 0.99f, .epsilon = 0.01f",
     lambda: o.Adam(0.01, beta_1=0.8, beta_2=0.99, epsilon=0.01)),
    (".kind = CR_ADAMW, .lr = 0.01f", lambda: o.AdamW(0.01)),
    (".kind = CR_ADAMW, .lr = 0.01f, .weight_decay = 0.2f", lambda: o.AdamW(0.01, weight_decay=0.2)),
    (".kind = CR_SGD, .lr = 0.1f, .weight_decay = 0.05f", lambda: o.SGD(0.1, weight_decay=0.05)),
    (".kind = CR_NESTEROV, .lr = 0.02f, .weight_decay = 0.1f",
     lambda: o.SGD(0.02, momentum=0.9, nesterov=True, weight_decay=0.1)),
    (".kind = CR_SGD, .lr = 0.1f, .clip_value = 0.02f", lambda: o.SGD(0.1, clipvalue=0.02)),
    (".kind = CR_MOMENTUM, .lr = 0.05f, .clip_norm = 0.1f",
     lambda: o.SGD(0.05, momentum=0.9, global_clipnorm=0.1)),
    (".kind = CR_ADAM, .lr = 0.01f, .clip_norm = 0.05f", lambda: o.Adam(0.01, global_clipnorm=0.05)),
    (".kind = CR_SGD, .lr = 0.2f, .schedule = {.kind = CR_LR_STEP, .steps = 30, .decay = 0.5f}",
     lambda: o.SGD(s.ExponentialDecay(0.2, 30, 0.5, staircase=True))),
    (".kind = CR_MOMENTUM, .lr = 0.05f, .schedule = {.kind = CR_LR_EXPONENTIAL, .steps = 20, .decay = 0.8f}",
     lambda: o.SGD(s.ExponentialDecay(0.05, 20, 0.8), momentum=0.9)),
    (".kind = CR_ADAM, .lr = 0.02f, .schedule = {.kind = CR_LR_COSINE, .steps = 80}",
     lambda: o.Adam(s.CosineDecay(0.02, 80))),
    (".kind = CR_ADAMW, .lr = 0.02f, .weight_decay = 0.1f, .clip_norm = 0.5f, "
     ".schedule = {.kind = CR_LR_COSINE, .steps = 60, .decay = 0.1f, .warmup = 10}",
     lambda: o.AdamW(cosine(0.02), weight_decay=0.1, global_clipnorm=0.5)),
    (".kind = CR_RMSPROP, .lr = 0.005f, .schedule = {.kind = CR_LR_COSINE, .steps = 60, .decay = 0.1f, .warmup = 10}",
     lambda: o.RMSprop(cosine(0.005))),
]


def start():
    rng = np.random.default_rng(4)
    weights = [rng.uniform(-0.8, 0.8, shape).astype(np.float32) for shape in SHAPES]
    return (weights, rng.uniform(-1, 1, (SAMPLES, INPUTS)).astype(np.float32),
            rng.uniform(-1, 1, (SAMPLES, OUTPUTS)).astype(np.float32))


def train(make):
    weights, x, t = start()
    w = [keras.Variable(v) for v in weights]
    optimizer = make()
    optimizer.build(w)
    for _ in range(STEPS):
        with tf.GradientTape() as tape:
            y = tf.tanh(x @ w[0].value + w[1].value) @ w[2].value + w[3].value
            loss = tf.reduce_mean(tf.square(y - t))
        optimizer.apply(tape.gradient(loss, [v.value for v in w]), w)
    return np.concatenate([v.numpy().ravel() for v in w])


def numbers(values, indent):
    words = [re.sub("0+p", "p", float(v).hex()) + "f" for v in np.asarray(values).ravel()]
    lines = [", ".join(words[i:i + 4]) for i in range(0, len(words), 4)]
    return (",\n" + " " * indent).join(lines)


def main():
    weights, x, t = start()
    print("/* optimizers.h - the weights of a small net before and after 100 steps of Keras's optimizers.")
    print(f" * Written by tests/tools/optimizers.py with Keras {keras.__version__}, TensorFlow "
          f"{tf.__version__}; not by hand. */")
    print("/* clang-format off */")
    print(f"enum {{ SAMPLES = {SAMPLES}, INPUTS = {INPUTS}, HIDDEN = {HIDDEN}, OUTPUTS = {OUTPUTS}, "
          f"STEPS = {STEPS}, WEIGHTS = {sum(v.size for v in weights)} }};")
    print(f"static const float samples[SAMPLES * INPUTS] = {{\n    {numbers(x, 4)}}};")
    print(f"static const float wanted[SAMPLES * OUTPUTS] = {{\n    {numbers(t, 4)}}};")
    all_weights = np.concatenate([v.ravel() for v in weights])
    print(f"/* w1, b1, w2, b2 */\nstatic const float start_weights[WEIGHTS] = {{\n    {numbers(all_weights, 4)}}};")
    print("static const struct trajectory {\n    cr_optimizer optimizer;\n    float end[WEIGHTS];\n} trajectories[] = {")
    for options, make in ROWS:
        print(f"    {{{{{options}}},\n     {{{numbers(train(make), 6)}}}}},")
    print("};")


if __name__ == "__main__":
    main()
