#!/usr/bin/env bash
# Fuzzes the text parser with nothing but clang: the graph room alone, without CMake and without the
# packages of the other rooms (./dev fuzz runs all fuzzers of a full build).
#
#     tests/fuzz/run.sh [SECONDS]
#
# New inputs are kept in build/fuzz/alone/corpus, what fails in build/fuzz/alone/finds.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/../.."
seconds=${1:-60}
[[ $seconds =~ ^[0-9]+$ ]] || { echo "usage: $0 [SECONDS]" >&2; exit 1; }
work=build/fuzz/alone
mkdir -p "$work"/{corpus,finds,seeds,generated/crisol}

"${CLANG:-clang}" -Igraph -o "$work/gen_ops" tools/gen_ops.c
"$work/gen_ops" header >"$work/generated/crisol/ops.h"
"${CLANG:-clang}" -std=c11 -D_POSIX_C_SOURCE=200809L -g -O1 -ffp-contract=off \
    -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all \
    -Igraph -Igraph/base -Igraph/include -I"$work/generated" -Itests \
    -o "$work/parse" tests/fuzz/parse.c graph/*.c graph/base/*.c -lm

find tests -name '*.cr' -exec cp -t "$work/seeds" {} +
exec "$work/parse" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -max_len=4096 \
    -dict=tests/fuzz/parse.dict -print_final_stats=1 -artifact_prefix="$work/finds/" \
    "$work/corpus" "$work/seeds"
