#!/usr/bin/env bash
# demo.sh - what Crisol does, in a minute: one net on Fashion-MNIST, compiled three ways; its graph
# before and after the passes; its loss curve. ./dev demo builds the command and runs this.
set -euo pipefail

crisol=${CRISOL:-crisol}
out=${1:-build/demo}
net='dense 256 sigmoid, dense 10 sigmoid'
training=(--data fashion-mnist --net "$net" --loss mse --optimizer sgd --lr 0.5 --batch 64)

say() { printf '\n== %s\n' "$*" >&2; }

mkdir -p "$out"

say "the same training three ways"
"$crisol" compare "${training[@]}" --steps 100 | tee "$out/comparison.txt"

say "the graph of a training step, before the passes and after them"
picture=(dot --net "$net" --loss mse --optimizer sgd --batch 64)
"$crisol" "${picture[@]}" -o "$out/before.svg"
"$crisol" "${picture[@]}" --after all -o "$out/after.svg"

say "five epochs, fused"
"$crisol" train "${training[@]}" --epochs 5 --log "$out/training.csv" --plot "$out/training.svg"

here=$(cd "$out" && pwd)
cat <<EOT

What the demo wrote:
  $here/comparison.txt   the comparison above
  $here/before.svg       the training step's graph as it was built
  $here/after.svg        and as it runs: a cluster is a phase, and says of which launch
  $here/training.svg     loss and accuracy, epoch by epoch
  $here/training.csv     the same as numbers
EOT
