#!/usr/bin/env bash
# The examples run, and come out right. crisol-test: timeout=600
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
# Short forms of the nets of images: a few hundred of them, where 8 labels out of 100 are luck.
run 0 "$BIN/examples/cnn" fashion-mnist 3 640
[[ $(grep -c '^epoch  [123]: loss ' out) == 3 ]] || die "cnn's epochs"
awk '/^test accuracy: / { found = $3 > 40 } END { exit !found }' out || die "cnn learns nothing"
run 1 "$BIN/examples/cnn" nowhere
says "cnn: data 'nowhere': no such folder"
run 0 "$BIN/examples/residual" fashion-mnist 2 640
grep -qE '^total +28410$' out || die "residual's parameters"
awk '/^epoch / { loss[++n] = $4 + 0 } END { exit !(n == 2 && loss[2] < loss[1]) }' out || die "residual learns nothing"
run 1 "$BIN/examples/graph" no-such-device
says "no-such-device"
(($(wc -l <"$SRC/examples/mlp.c") <= 45)) || die "mlp.c was to be about 40 lines"
