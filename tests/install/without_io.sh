#!/usr/bin/env bash
# without_io.sh SOURCE_DIR TMP CC CMAKE GENERATOR: the core and a command without crisol-io
# (-DCRISOL_IO=OFF): it builds without a warning, installs nothing of crisol-io, trains, and says of
# what it lacks that it lacks it. Unoptimised, since it computes little. crisol-test: timeout=300
set -euo pipefail
src=$1 tmp=$2 cc=$3 cmake=$4 generator=$5

mkdir -p "$tmp"
rm -rf "$tmp/prefix"
"$cmake" -S "$src" -B "$tmp/build" -G "$generator" -DCMAKE_C_COMPILER="$cc" -DCMAKE_BUILD_TYPE=Debug \
    -DCRISOL_IO=OFF -DCRISOL_TESTS=OFF -DCRISOL_EXAMPLES=OFF -DCRISOL_WERROR=ON >"$tmp/configure.log"
"$cmake" --build "$tmp/build" >"$tmp/build.log" || {
    tail -n 40 "$tmp/build.log"
    exit 1
}
DESTDIR='' "$cmake" --install "$tmp/build" --prefix "$tmp/prefix" >"$tmp/install.log"
if find "$tmp/prefix" -name '*crisol-io*' -o -path '*/crisol/io*' | grep .; then
    echo 'these are of crisol-io'
    exit 1
fi

# Those of the end-to-end tests that ask whether there is crisol-io, and what no other asks.
crisol=$tmp/prefix/bin/crisol
for script in $(grep -l 'with crisol-io' "$src"/tests/e2e/*.sh) "$src/tests/install/core_alone.bash"; do
    bash "$src/tests/tools/e2e.sh" "$script" "$crisol" "$src" "$tmp/build" "$tmp/run"
done
