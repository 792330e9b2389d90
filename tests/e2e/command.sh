#!/usr/bin/env bash
# The command line itself: help, versions, slips. Needs no device.
source "$SRC/tests/e2e/lib.bash"

run 0 "$CRISOL" --version
grep -qE '^crisol [0-9]+\.[0-9]+\.[0-9]+$' out
run 0 "$CRISOL" --help
for command in devices train evaluate predict compare dot opt profile tune selftest; do
    grep -qE "^  $command " out || die "crisol --help does not list $command"
done
for command in devices train evaluate predict compare dot opt profile tune selftest; do
    run 0 "$CRISOL" $command --help
    grep -qF "usage: crisol $command" out || die "$command --help"
    [[ ! -s err ]] || die "$command --help writes to standard error"
    if grep -q ' $' out; then die "$command --help ends lines in blanks"; fi
done

refused "usage: crisol" -- "$CRISOL"
refused "there is no command 'trian'" -- "$CRISOL" trian
refused "there is no option --epoch; is it --epochs?" -- "$CRISOL" train --epoch 3
refused "there is no option --what" -- "$CRISOL" train --what
refused "--epochs needs a value" -- "$CRISOL" train --epochs
refused "--epochs: 'many' is not a whole number" -- "$CRISOL" train --epochs many
refused "--epochs: '-1' is not a whole number" -- "$CRISOL" train --epochs -1
refused "--epochs: at least 1" -- "$CRISOL" train --epochs 0
refused "--lr: 'fast' is not a number" -- "$CRISOL" train --lr=fast
refused "--lr: 'nan' is not a number" -- "$CRISOL" train --lr nan
refused "--batch: 0 is not between" -- "$CRISOL" train --batch 0
refused "--loss: 'msa' is none of mse|softmax-cross-entropy|mae" -- "$CRISOL" train --loss msa
refused "--label-smoothing: it is 1; it must be in [0, 1)" -- \
    "$CRISOL" train --loss cross-entropy --label-smoothing 1
refused "--label-smoothing: it is for cross-entropies, not mse" -- "$CRISOL" train --label-smoothing 0.1
refused "--huber-delta: it is for the loss huber, not mse" -- "$CRISOL" train --huber-delta 1
refused "--huber-delta: it is 0; it must be above 0" -- "$CRISOL" train --loss huber --huber-delta 0
refused "--top-k: at least 1" -- "$CRISOL" train --top-k 0
refused "--momentum: the optimizer rmsprop has none; these have: momentum, nesterov" -- \
    "$CRISOL" train --optimizer rmsprop --momentum 0.5
refused "--beta1: the optimizer rmsprop has none; these have: adam, adamw" -- \
    "$CRISOL" train --optimizer rmsprop --beta1 0.5
refused "--beta2: it is 1; it must be in [0, 1)" -- "$CRISOL" train --optimizer adam --beta2 1
refused "--schedule, column 1: 'cosin' is not a schedule; there are constant, step N" "cosin 3" "^~~~~" -- \
    "$CRISOL" train --schedule 'cosin 3'
refused "--schedule, column 12: after the comma, 'warmup N [steps|epochs]' is expected" -- \
    "$CRISOL" dot --net 'dense 3' --schedule 'constant,  3'
refused "--patience: at least 1 epoch" -- "$CRISOL" train --patience 0
refused "--monitor: 'luck' is none of loss|accuracy" -- "$CRISOL" train --monitor luck
refused "--monitor: it is for early stopping" -- "$CRISOL" train --monitor accuracy
refused "--min-delta: it is for early stopping" -- "$CRISOL" train --min-delta 0.1
refused "--min-delta: it is -1" -- "$CRISOL" train --patience 1 --min-delta -1
refused "--augment: 'turn' is neither flip nor shift=N" -- "$CRISOL" train --augment flip,turn
refused "--augment: '' is neither flip nor shift=N" -- "$CRISOL" train --augment flip,
refused "--augment: '-1' is no number of pixels" -- "$CRISOL" train --augment shift=-1
refused "--augment: '0' is no number of pixels" -- "$CRISOL" train --augment shift=0
refused "--opt: 'best' is none of naive|unfused|fused" -- "$CRISOL" train --opt best
refused "--json takes no value" -- "$CRISOL" compare --json=yes
refused "'extra' is too much" -- "$CRISOL" train extra
refused "--max-transfer-bytes: 'few' is not a whole number" -- "$CRISOL" train --max-transfer-bytes few
refused "--bind: 'batch' is not of the form NAME=SIZE" -- "$CRISOL" opt --bind batch -
refused "which file?" -- "$CRISOL" opt
refused "what to draw" -- "$CRISOL" dot

# Default rates are those of the table.
run 0 "$CRISOL" train --help
grep -qF '(default: sgd 0.01, momentum 0.01, adam 0.001, nesterov 0.01, rmsprop 0.001, adamw 0.001)' out

# What was asked for did not arrive: not a success.
if [[ -e /dev/full ]]; then
    status=0
    "$CRISOL" --help >/dev/full 2>err || status=$?
    [[ $status == 1 ]] || die "a full disk is not noticed ($status)"
fi
