#!/usr/bin/env bash
# The comparison that README shows, on Fashion-MNIST itself: no transfers, six launches at most, the
# same bits. crisol-test: timeout=600 serial
source "$SRC/tests/e2e/lib.bash"
run 0 "$CRISOL" compare --data fashion-mnist --net 'dense 256 sigmoid, dense 10 sigmoid' --loss mse \
    --optimizer sgd --batch 64 --steps 50 --repeats 5 --json
json 'd["batch"] == 64 and all(p["bitwise_equal"] for p in d["pairs"])'
json 'd["variants"][2]["h2d_bytes_per_step"] == 0 and d["variants"][2]["d2h_bytes_per_step"] == 0'
json 'd["variants"][2]["launches_per_step"] <= 6'
json 'd["variants"][2]["step_us"] < d["variants"][1]["step_us"] < d["variants"][0]["step_us"]'
