# lib.bash - what the end-to-end tests share. Sourced, with CRISOL, SRC, BIN, TMP set (tools/e2e.sh).
# shellcheck shell=bash
set -euo pipefail

die() {
    echo "FAILED: $*" >&2
    exit 1
}

# run STATUS COMMAND...: runs it into the files out and err, and expects that exit status.
run() {
    local want=$1 got=0
    shift
    "$@" >out 2>err || got=$?
    if [[ $got != "$want" ]]; then
        tail -n 40 out err >&2
        die "exit status $got, not $want: $*"
    fi
}

# says TEXT...: each is a part of what the last command wrote to standard error.
says() {
    local text
    for text in "$@"; do
        grep -qF -- "$text" err || {
            cat err >&2
            die "standard error does not say '$text'"
        }
    done
}

# refused TEXT... -- COMMAND...: exit status 1, nothing on standard output, and it says TEXT.
refused() {
    local texts=()
    while [[ $1 != -- ]]; do
        texts+=("$1")
        shift
    done
    shift
    run 1 "$@"
    [[ ! -s out ]] || {
        cat out >&2
        die "something on standard output: $*"
    }
    says "${texts[@]}"
}

# refused_by COMMAND TEXT... -- ARGUMENTS...: the same of a command of crisol's.
refused_by() {
    local command=$1 texts=()
    shift
    while [[ $1 != -- ]]; do
        texts+=("$1")
        shift
    done
    shift
    refused "${texts[@]}" -- "$CRISOL" "$command" "$@"
}

# json EXPRESSION: the last command's output is JSON, and the Python expression of it (d) holds.
json() {
    python3 -c 'import json, math, sys
d = json.load(open("out"))
if not eval(sys.argv[1]): sys.exit(f"this does not hold: {sys.argv[1]}\n{json.dumps(d, indent=1)[:4000]}")' "$1" ||
        die "json: $1"
}

# make_set DIR [TRAIN TEST]: a small data set of 8 x 8 images in 4 classes that are easy to tell apart.
make_set() {
    mkdir -p "$1"
    python3 - "$@" <<'PY'
import random, struct, sys
folder, train, test = sys.argv[1], *map(int, sys.argv[2:4] or (640, 100))
random.seed(1)
def write(name, n):
    labels = [random.randrange(4) for _ in range(n)]
    images = bytearray()
    for c in labels:
        for i in range(64):
            images.append(random.randrange(180, 256) if i // 16 == c else random.randrange(90))
    open(f"{folder}/{name}-images-idx3-ubyte", "wb").write(struct.pack(">IIII", 0x803, n, 8, 8) + images)
    open(f"{folder}/{name}-labels-idx1-ubyte", "wb").write(struct.pack(">II", 0x801, n) + bytes(labels))
write("train", train)
write("t10k", test)
PY
}
