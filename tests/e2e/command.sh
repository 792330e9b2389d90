#!/usr/bin/env bash
# The command line itself: help, versions, slips. Needs no device.
source "$SRC/tests/e2e/lib.bash"

run 0 "$CRISOL" --version
grep -qE '^crisol [0-9]+\.[0-9]+\.[0-9]+$' out
run 0 "$CRISOL" --help
for command in devices train compare dot opt profile tune selftest; do
    grep -qE "^  $command " out || die "crisol --help does not list $command"
done
for command in devices train compare dot opt profile tune selftest; do
    run 0 "$CRISOL" $command --help
    grep -qF "usage: crisol $command" out || die "$command --help"
    [[ ! -s err ]] || die "$command --help writes to standard error"
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
refused "--loss: 'mae' is none of mse|softmax-cross-entropy" -- "$CRISOL" train --loss mae
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

# What was asked for did not arrive: not a success.
if [[ -e /dev/full ]]; then
    status=0
    "$CRISOL" --help >/dev/full 2>err || status=$?
    [[ $status == 1 ]] || die "a full disk is not noticed ($status)"
fi
