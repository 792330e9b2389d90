#!/usr/bin/env bash
# e2e.sh SCRIPT COMMAND SOURCE_DIR BINARY_DIR TMP: runs one shell test with the environment that all
# of them may count on:
#   CRISOL  the command     SRC  the source folder     BIN  the build folder (examples lie in
#   $BIN/examples)          TMP  an empty folder of its own, which is also the working folder and is
#   kept afterwards, to look at when a test failed
set -euo pipefail
script=$1
export CRISOL=$2 SRC=$3 BIN=$4 TMP=$5
rm -rf "$TMP"
mkdir -p "$TMP"
cd "$TMP"
exec bash "$script" </dev/null
