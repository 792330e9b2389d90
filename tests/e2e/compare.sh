#!/usr/bin/env bash
# crisol compare: the fields of its JSON, and that its three variants do the same.
# crisol-test: timeout=600
source "$SRC/tests/e2e/lib.bash"
make_set set

check() {
    json 'd["device"] and d["steps"] == 12 and [v["name"] for v in d["variants"]] == ["naive", "unfused", "fused"]'
    json 'all(isinstance(v[k], (int, float)) for v in d["variants"] for k in ("launches_per_step",
        "h2d_bytes_per_step", "d2h_bytes_per_step", "device_bytes_per_step", "kernel_us_per_step",
        "step_us", "peak_bytes", "final_loss"))'
    json 'len(d["pairs"]) == 3 and all(p["bitwise_equal"] is True and p["max_abs_diff_loss"] == 0 and
        p["max_abs_diff_weights"] == 0 and p["speedup"] > 0 for p in d["pairs"])'
    json 'all(v["h2d_bytes_per_step"] == 0 and v["d2h_bytes_per_step"] == 0 for v in d["variants"][1:])'
    json 'd["variants"][0]["h2d_bytes_per_step"] > 0 and d["variants"][0]["d2h_bytes_per_step"] > 0'
    json 'd["variants"][1]["launches_per_step"] > d["variants"][2]["launches_per_step"]'
    json 'd["variants"][1]["device_bytes_per_step"] > d["variants"][2]["device_bytes_per_step"]'
}

run 0 "$CRISOL" compare --data set --net 'dense 16 sigmoid, dense 4 sigmoid' --lr 0.1 --steps 12 --repeats 3 --json
check
run 0 "$CRISOL" compare --data set --net 'dense 16 relu, dense 4' --loss softmax-cross-entropy \
    --optimizer adam --batch 33 --steps 12 --repeats 2 --json
check
json 'd["batch"] == 33'

# Nets of images, as those of examples/cnn.c and examples/residual.c but smaller: the same bits, too.
images() {
    run 0 "$CRISOL" compare --data set --loss softmax-cross-entropy --batch 32 --steps 8 --repeats 2 --json "$@"
    json 'all(p["bitwise_equal"] is True and p["max_abs_diff_loss"] == 0 for p in d["pairs"])'
    json 'all(math.isfinite(v["final_loss"]) for v in d["variants"])'
    json 'all(v["h2d_bytes_per_step"] == 0 for v in d["variants"][1:])'
}
cnn='conv 8 3 same relu, maxpool 2, flatten, dropout 0.3, dense 4'
residual='conv 8 3 same stride 2, batchnorm, activation relu, conv 8 3 same, batchnorm, add activation1,
    activation relu, globalavg, dense 4'
images --net "$cnn" --optimizer adam --clip-norm 1 --schedule 'cosine 3 epochs, warmup 3'
images --net "$residual" --optimizer nesterov --lr 0.05 --weight-decay 1e-4 --label-smoothing 0.05
images --net 'conv 4 3 gelu, depthwise 3, avgpool 2 same, conv 6 1 relu6, concat avgpool1, globalmax, layernorm, dense 4 softmax' \
    --loss cross-entropy --optimizer rmsprop
run 0 "$CRISOL" compare --data set --net 'dense 16 sigmoid, dense 4 sigmoid' --lr 0.1 --steps 3 --repeats 2
grep -q 'equal bit for bit' out || die "the table"
