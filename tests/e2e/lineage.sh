#!/usr/bin/env bash
# Every command of docs/lineage.md runs, in a short form: few small images, one small net, one epoch. `short`
# below says which values are replaced; all others are used as they stand there, and so are the commands' files,
# in one folder and in the order of the page. No cell is empty, no row without a command. crisol-test: timeout=300
source "$SRC/tests/e2e/lib.bash"
make_set set 128 64
ln -s "$SRC/examples" examples

# The other files that the page takes as its reader's: points.csv, and NPY files of as many images as set has.
python3 - <<'PY'
import random, struct
random.seed(1)
with open("points.csv", "w") as f:
    f.write("width,height,kind\n")
    for i in range(60):
        f.write(f"{100 * (i % 3) + random.random()},{random.random()},{'abc'[i % 3]}\n")
def npy(name, dtype, shape, data):
    head = f"{{'descr': '{dtype}', 'fortran_order': False, 'shape': {shape}, }}"
    head = head.ljust(4096 - 11) + "\n"  # a header of a page: what follows is aligned
    open(name, "wb").write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head.encode() + data)
for part, n in ("", 128), ("t", 64):
    npy(f"x{part}.npy", "|u1", (n, 8, 8), random.randbytes(64 * n))
    npy(f"y{part}.npy", "|u1", (n,), bytes(i % 4 for i in range(n)))
PY

# Lines of words, quoted for the shell: the commands, and, in nets.txt, what the page trains on images.
python3 - "$SRC/docs/lineage.md" >commands.txt <<'PY' || die "docs/lineage.md"
import re, shlex, sys

# option: what stands there instead of a value that the pattern matches
short = {
    "--data": [(r"(fashion-)?mnist", "set")],
    "--net": [(r".*dense 10", "dense 4 relu, dense 4")],  # of the images' 10 classes; set has 4
    "--nets": [(r".*dense 10", "dense 4 relu, dense 4")],
    "--epochs": [("10", "2"), (r"\d+", "1")],  # those that go on with a file have more than it has
    "--sizes": [(r"16,.*", "64")],
    "--optimizers": [(r"sgd;.*", "adam")],
}
text = open(sys.argv[1]).read()
rows = re.search(r"(^\|.*\n)+", text, re.M).group().splitlines()  # of the first table
cells = [[c.strip() for c in row.split("|")[1:-1]] for row in rows]
assert len(cells) > 2 and cells[0][2] == "with Crisol", "the table is not there"
nets = set()
for number, (system, did, commands, measured) in enumerate(cells[2:], 1):
    assert system and did and measured, f"row {number}, '{system}', has an empty cell"
    found = re.findall(r"`((?:crisol|\./dev) [^`]*)`", commands)
    assert found, f"row {number}, '{system}', has no command"
    for words in map(shlex.split, found):
        for i, option in enumerate(words[:-1]):
            for pattern, value in short.get(option, []):
                if re.fullmatch(pattern, words[i + 1]):
                    if option in ("--net", "--nets"):
                        nets.update(words[i + 1].split("; "))
                    words[i + 1] = value
                    break
        print(shlex.join(words))
open("nets.txt", "w").writelines(net + "\n" for net in sorted(nets))
PY

while read -r line; do
    words=()
    eval "words=($line)"
    case ${words[0]} in
    crisol) run 0 "$CRISOL" "${words[@]:1}" </dev/null ;;
    ./dev) # a benchmark of minutes, which needs Keras: there is one of that name, and Crisol's part of it trains
        [[ "${words[*]:1}" == "bench table6" ]] || die "what is ${words[*]}?"
        run 0 bash "$SRC/bench/bench.sh" --help
        grep -qE "^  table6 " out || die "./dev bench knows no table6"
        run 0 "$BIN/bench/table6" --data set --hidden 4 --epochs 100 --seed 2 --weights weights
        json 'd["hidden"] == "4" and d["epochs"] == 100 and d["train_s"] > 0 and d["compile_s"] > 0'
        json '0 < d["test_loss"] < 0.9 * d["before"] and d["test_accuracy"] > 0.5'
        [[ $(wc -c <weights) == $((4 * (64 * 4 + 4 + 4 * 10 + 10))) ]] || die "the initial weights are not those of the net"
        ;;
    esac
done <commands.txt

# The nets as they stand there, on images of 28 x 28, as far as that goes without a device.
while read -r net; do
    run 0 "$CRISOL" dot --net "$net" -o net.dot
done <nets.txt
