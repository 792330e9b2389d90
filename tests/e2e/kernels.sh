#!/usr/bin/env bash
# Every kernel is OpenCL C 1.2 to Clang, without a warning: those of training nets in all variants, as
# they are built for the device, and those of the graphs among the tests for both built-in targets.
# Each distinct text once.
source "$SRC/tests/e2e/lib.bash"

check() {
    clang -x cl -cl-std=CL1.2 -Xclang -finclude-default-header -fsyntax-only -Wall -Wextra -Werror "$1" 2>clang.log ||
        { cat clang.log >&2; cp "$1" "$TMP/bad.cl"; die "Clang refuses $1"; }
}

mkdir -p kernels
dump() { run 0 "$CRISOL" compare --data fashion-mnist --steps 3 --dump-kernels kernels "$@"; }
dump --net 'dense 17 sigmoid, dense 10 sigmoid' --loss mse --optimizer sgd --batch 33
dump --net 'dense 64 relu, dense 10' --loss softmax-cross-entropy --optimizer adam --batch 64

n=0
for file in "$SRC"/tests/{graph,passes,codegen}/*.cr; do
    for target in cpu gpu; do
        for variant in naive unfused fused; do
            "$CRISOL" opt "$file" --emit=cl --target=$target --variant=$variant >"kernels/$n.cl" 2>/dev/null || rm -f "kernels/$n.cl"
            n=$((n + 1))
        done
    done
done

cd kernels
checked=0
for text in $(md5sum -- *.cl | sort -u -k 1,1 | awk '{ print $2 }'); do
    check "$text"
    checked=$((checked + 1))
done
((checked >= 20)) || die "only $checked kernels were checked"
