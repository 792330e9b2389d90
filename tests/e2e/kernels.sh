#!/usr/bin/env bash
# Every distinct kernel that a test emits is OpenCL C 1.2 to Clang, without a warning, and its LLVM IR loads
# and stores what the plan says (tools/kernel_check.c): what the tests before this one have left in
# $BIN/kernels (CRISOL_DUMP_KERNELS, tests/CMakeLists.txt), and the graphs among the tests for both built-in
# targets, all variants and the reference schedule. CRISOL_KERNELS: how many there are at least.
# crisol-test: last timeout=600
source "$SRC/tests/e2e/lib.bash"
check=$BIN/bin/kernel_check
[[ -x $check ]] || die "there is no kernel_check: install llvm-dev (./dev setup)"
clang=$("$check" --clang)
jobs=$(nproc)

# Taken away, so that the next run starts with none.
if [[ -d $BIN/kernels ]]; then mv "$BIN/kernels" kernels; fi
mkdir -p "$BIN/kernels" kernels doctored
printf '%s\n' "$SRC"/tests/{graph,passes,codegen}/*.cr |
    CRISOL_DUMP_KERNELS=kernels xargs -P "$jobs" -I FILE bash -c '
        for target in cpu gpu; do
            for variant in naive unfused fused; do
                for schedule in "" --reference; do
                    "$CRISOL" opt FILE --emit=none --target=$target --variant=$variant $schedule
                done
            done
        done >/dev/null 2>&1 || true'

# Clang's own table of functions rather than its header of 17,000 lines: 40 ms a file, not 400.
cat >compile <<EOF
cd "\$1" && shift && exec "$clang" -target spir64 -x cl -cl-std=CL1.2 -Xclang -fdeclare-opencl-builtins \
    -Xclang -finclude-default-header -O1 -Xclang -disable-llvm-passes -fno-discard-value-names \
    -emit-llvm -c "\$@"
EOF
cd kernels || exit
count=$(find . -name '*.cl' | wc -l)
((count >= ${CRISOL_KERNELS:-100})) || die "only $count kernels were found"
find . -name '*.cl' -print0 |
    xargs -0 -n 16 -P "$jobs" bash "$TMP/compile" . -Wall -Wextra -Werror 2>"$TMP/clang.log" ||
    { head -n 40 "$TMP/clang.log" >&2; die "Clang refuses kernels of $TMP/kernels"; }
find . -name '*.cl' -print0 | xargs -0 "$check" >"$TMP/check.log" ||
    { head -n 40 "$TMP/check.log" >&2; die "kernels of $TMP/kernels and the plan disagree"; }
tail -n 1 "$TMP/check.log"
cd "$TMP" || exit

# And it would say so: a kernel is doctored, one way at a time.
CRISOL_DUMP_KERNELS="" run 0 "$CRISOL" opt "$SRC/tests/graph/mlp.cr" --emit=cl --target=cpu --reference
mv out sound.cl
bash compile . sound.cl
run 0 "$check" sound.cl
n=0
doctored() { # doctored SED TEXT
    n=$((n + 1))
    sed "$1" sound.cl >doctored/$n.cl
    cmp -s sound.cl doctored/$n.cl && die "nothing to doctor: $1"
    bash compile doctored -w $n.cl
    run 1 "$check" doctored/$n.cl
    grep -qF -- "$2" out || { cat out >&2; die "not said of '$1': $2"; }
}
doctored 's/= input_1\[.*\];/= 1.0f;/' 'the plan loads %1 at in0+0, but nothing in the function does'
doctored 's/= input_1\[.*\];/= add_6[t];/' 'p0_matmul_add: loads 4 bytes at arena+0, which the plan does not'
doctored 's/^    add_6\[.*\] = v/    float x; x = v/' 'the plan stores %6 at arena+0, but nothing in the function does'
doctored 's/^    add_6\[.*;/& ((global float *)in0)[t] = 1.0f;/' 'stores 4 bytes at in0+0, which the plan does not'
doctored 's/^    add_6\[.*;/& vstore4((float4)(1.0f), 0, add_6 + 640);/' 'stores 16 bytes at arena+2560, which'
doctored 's/(work + 0);/(work + 40);/' 'the plan loads %3 at work+0, but nothing'
doctored 's/p1_sum(arena, work, g)/p1_sum(work, arena, g)/' 'p1_sum gets another memory for work'
doctored 's/^static void p1_sum/static void touch(global float *p) { p[1000] = 1.0f; }\n&/; s/^    state_3\[/touch(state_3); &/' \
    'p1_sum: stores 4 bytes at work+4000, which the plan does not'
