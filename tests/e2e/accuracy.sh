#!/usr/bin/env bash
# What the README promises: 86.5 % on Fashion-MNIST and, where it lies under CRISOL_DATA, 97.5 % on
# MNIST; best of five epochs, mean of six seeds. crisol-test: slow
source "$SRC/tests/e2e/lib.bash"
best() { # DATA
    for seed in 1 2 3 4 5 6; do
        run 0 "$CRISOL" train --data "$1" --net 'dense 128 relu, dense 10' --loss softmax-cross-entropy \
            --optimizer adam --lr 0.001 --batch 64 --epochs 5 --seed $seed --json
        cp out "$1-$seed.json"
    done
    python3 -c 'import json, sys
best = [max(e["test_accuracy"] for e in json.load(open(f))["epochs"]) for f in sys.argv[2:]]
mean = sum(best) / len(best)
print(f"{mean:.4f} of {best}")
sys.exit(mean < float(sys.argv[1]))' "$2" "$1"-?.json || die "$1 stays below $2"
}
best fashion-mnist 0.865
if [[ -d ${CRISOL_DATA:-/nonexistent}/mnist ]]; then best mnist 0.975; fi
