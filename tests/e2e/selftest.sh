#!/usr/bin/env bash
# crisol selftest: every op on the device. crisol-test: timeout=600
source "$SRC/tests/e2e/lib.bash"
run 0 "$CRISOL" selftest
[[ $(wc -l <out) -ge 40 ]] || die "too few ops"
