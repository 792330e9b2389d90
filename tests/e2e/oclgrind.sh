#!/usr/bin/env bash
# XOR and a tiny net under Oclgrind, which reports every access outside of a buffer and every data race.
source "$SRC/tests/e2e/lib.bash"
command -v oclgrind >/dev/null || die "oclgrind is not installed (./dev setup)"

make_set set 23 9

silent() {
    rm -f report
    CRISOL_DEVICE='' CRISOL_CACHE=off run 0 oclgrind --data-races --log report "$@"
    [[ ! -s report ]] || { cat report >&2; die "oclgrind reports: $*"; }
}

for opt in naive unfused fused; do
    silent "$CRISOL" train --data set --net 'dense 2 tanh, dense 4' --loss softmax-cross-entropy \
        --optimizer adam --batch 7 --epochs 1 --opt $opt
done

silent "$BIN/examples/xor" oclgrind 1
grep -qx '1 of 1 seeds solve XOR' out
