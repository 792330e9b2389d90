#!/usr/bin/env bash
# install.sh SOURCE_DIR BINARY_DIR TMP CC CMAKE: installs into a prefix of its own, moves that tree,
# and builds and runs a program against it the ways a user does: CMake's find_package with the
# shared and with the static library, and pkg-config. crisol-test: timeout=300
set -euo pipefail
src=$1 bin=$2 tmp=$3 cc=$4 cmake=$5

rm -rf "$tmp"
mkdir -p "$tmp"
DESTDIR='' "$cmake" --install "$bin" --prefix "$tmp/first" >"$tmp/install.log"
mv "$tmp/first" "$tmp/prefix" # nothing may hold the place it was installed to
prefix=$tmp/prefix
libdir=$(dirname "$(find "$prefix" -name 'libcrisol.so' | head -n 1)")
test -e "$libdir/libcrisol.a"

echo '== headers'
test -e "$prefix/include/crisol/crisol.h"
if find "$prefix/include" -type f ! -path '*/crisol/*.h' | grep .; then
    echo 'these are no public headers'
    exit 1
fi
if grep -rnE "$src|$bin" "$prefix/include" "$libdir/cmake" "$libdir/pkgconfig"; then
    echo 'the installed tree points back into the source or build folder'
    exit 1
fi

echo '== exported symbols'
libraries=(crisol)
if [ -e "$libdir/libcrisol-io.so" ]; then libraries+=(crisol-io); fi
for library in "${libraries[@]}"; do
    nm -D --defined-only "$libdir/lib$library.so" | awk '{ print $3 }' >"$tmp/symbols"
    if grep -vE '^(cr_[a-z0-9_]*|CR_.*)$' "$tmp/symbols" || grep -E '^cr__' "$tmp/symbols"; then
        echo "$library: these are not public, and yet exported"
        exit 1
    fi
    echo "$library: $(wc -l <"$tmp/symbols") symbols"
    nm --defined-only --extern-only "$libdir/lib$library.a" | awk 'NF == 3 { print $3 }' >"$tmp/static"
    if ! diff <(sort "$tmp/symbols") <(sort "$tmp/static"); then
        echo "$library: the static library (>) and the shared one (<) do not define the same"
        exit 1
    fi
done

echo '== find_package'
"$cmake" -S "$src/tests/install/consumer" -B "$tmp/cmake" -G Ninja -DCMAKE_C_COMPILER="$cc" \
    -DCMAKE_PREFIX_PATH="$prefix" -DCMAKE_BUILD_TYPE=Release >"$tmp/configure.log"
"$cmake" --build "$tmp/cmake"
"$tmp/cmake/consumer"
"$tmp/cmake/consumer_static"
if ((${#libraries[@]} == 2)); then
    "$tmp/cmake/consumer_io"
    "$tmp/cmake/consumer_io_static"
fi

echo '== pkg-config'
export PKG_CONFIG_PATH=$libdir/pkgconfig
# shellcheck disable=SC2046 # flags are words
"$cc" -std=c11 -Wall -Wextra -Werror "$src/tests/install/consumer/main.c" -o "$tmp/shared" \
    $(pkg-config --cflags --libs crisol) -Wl,-rpath,"$libdir"
"$tmp/shared"
static_flags=$(pkg-config --static --libs crisol | sed 's/-lcrisol/-l:libcrisol.a/')
# shellcheck disable=SC2046,SC2086
"$cc" -std=c11 -Wall -Wextra -Werror "$src/tests/install/consumer/main.c" -o "$tmp/static" \
    $(pkg-config --cflags crisol) $static_flags
"$tmp/static"
if ldd "$tmp/static" | grep libcrisol; then exit 1; fi
if ((${#libraries[@]} == 2)); then
    # shellcheck disable=SC2046
    "$cc" -std=c11 -Wall -Wextra -Werror "$src/tests/install/consumer/io.c" -o "$tmp/io" \
        $(pkg-config --cflags --libs crisol-io) -Wl,-rpath,"$libdir"
    "$tmp/io"
fi

if [ -x "$prefix/bin/crisol" ]; then
    echo '== the command'
    env -i PATH="$PATH" HOME="$tmp" "$prefix/bin/crisol" --version
fi
echo 'ok'
