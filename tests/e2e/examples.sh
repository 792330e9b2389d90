#!/usr/bin/env bash
# The examples run, and come out right. crisol-test: timeout=300
source "$SRC/tests/e2e/lib.bash"
run 0 "$BIN/examples/graph"
grep -q '^y = ' out
run 0 "$BIN/examples/xor"
[[ $(grep -c '^ ' out) -ge 12 ]] || die "xor's table"
run 0 "$BIN/examples/fit"
grep -q 'the best was' out || die "fit does not tell its best epoch"
run 1 "$BIN/examples/fit" no-such-device
says "no-such-device"
run 0 "$BIN/examples/mlp" fashion-mnist 1
grep -q '^epoch 1: ' out
run 1 "$BIN/examples/mlp" nowhere
says "no such folder"
run 1 "$BIN/examples/graph" no-such-device
says "no-such-device"
(($(wc -l <"$SRC/examples/mlp.c") <= 45)) || die "mlp.c was to be about 40 lines"
