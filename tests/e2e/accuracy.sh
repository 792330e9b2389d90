#!/usr/bin/env bash
# The accuracies that README and the examples promise. `best` is of any epoch, mean over the seeds:
#   784-128-10, 5 epochs, 6 seeds             Fashion-MNIST 86.5 %, MNIST 97.5 %
#   the CNN of examples/cnn.c, 10 epochs, 3   Fashion-MNIST 90.5 %
#   784-512-256-10, dropout, 15 epochs, 3     MNIST 98.2 %
# MNIST only where it lies under CRISOL_DATA. crisol-test: slow timeout=3600
source "$SRC/tests/e2e/lib.bash"

reaches() { # ACCURACY DATA EPOCHS SEEDS NET
    local least=$1 data=$2 epochs=$3 seeds=$4 seed logs=()
    for ((seed = 1; seed <= seeds; seed++)); do
        run 0 "$CRISOL" train --data "$data" --net "$5" --loss softmax-cross-entropy --optimizer adam --lr 0.001 \
            --batch 64 --epochs "$epochs" --seed $seed --json
        logs+=("$data-$seed.json")
        cp out "$data-$seed.json"
    done
    python3 -c 'import json, sys
best = [max(e["test_accuracy"] for e in json.load(open(f))["epochs"]) for f in sys.argv[2:]]
mean = sum(best) / len(best)
print(f"{mean:.4f} of {best}")
sys.exit(mean < float(sys.argv[1]))' "$least" "${logs[@]}" || die "$data stays below $least with $5"
}

mlp='dense 128 relu, dense 10'
cnn='conv 32 3 relu, maxpool 2, conv 64 3 relu, maxpool 2, conv 64 3 relu, flatten, dense 64 relu, dropout 0.3, dense 10'
wide='dense 512 relu, dropout 0.2, dense 256 relu, dropout 0.2, dense 10'
reaches 0.865 fashion-mnist 5 6 "$mlp"
reaches 0.905 fashion-mnist 10 3 "$cnn"
if [[ -d ${CRISOL_DATA:-/nonexistent}/mnist ]]; then
    reaches 0.975 mnist 5 6 "$mlp"
    reaches 0.982 mnist 15 3 "$wide"
fi
