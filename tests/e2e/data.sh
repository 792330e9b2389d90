#!/usr/bin/env bash
# Samples of other files than IDX: CSV with words, NPY that is mapped, splits, preparation, and what is said of mistakes.
source "$SRC/tests/e2e/lib.bash"
python3 - <<'PY'
import random, struct
random.seed(5)
kinds = ["setosa", "virginica", "versicolor, \"odd\""]
with open("iris.csv", "w") as f:
    f.write('length,"petal, width",color,kind\r\n')
    for k in range(3):  # sorted by class: a split at the end would have one class
        for _ in range(40):
            row = 1000 + 5 * k + random.gauss(0, 1), 0.01 * k + random.gauss(0, .003)
            f.write('%.3f,%.4f,%s,"%s"\r\n' % (*row, random.choice(["red", "blue"]), kinds[k].replace('"', '""')))
def npy(name, descr, shape, data):
    h = ("{'descr': '%s', 'fortran_order': False, 'shape': %s, }" % (descr, shape)).encode()
    h += b" " * ((-(len(h) + 11)) % 64) + b"\n"
    open(name, "wb").write(b"\x93NUMPY\1\0" + struct.pack("<H", len(h)) + h + data)
x = [[random.random() for _ in range(3)] for _ in range(100)]
npy("x.npy", "<f4", (100, 3), b"".join(struct.pack("<3f", *r) for r in x))
npy("y.npy", "<f8", (100,), b"".join(struct.pack("<d", r[0] - r[1]) for r in x))
npy("two.npy", "|u1", (2,), bytes(2))
npy("big.npy", ">f4", (1,), bytes(4))
codes = [random.randrange(3) for _ in range(120)]
for name, descr, pack in ("u1", "|u1", "B"), ("i4", "<i4", "i"), ("f4", "<f4", "f"):
    npy(name + ".npy", descr, (60, 2), struct.pack(f"<120{pack}", *codes))
    for what, value in ("more", 7), ("less", -1), ("part", 1.5):
        if value == 7 or name == "f4" or (name == "i4" and value == -1):
            npy(f"{name}_{what}.npy", descr, (60, 2), struct.pack(f"<120{pack}", *codes[:9], value, *codes[10:]))
npy("more.npy", "<i4", (60,), struct.pack("<60i", *[4 + c % 3 for c in codes[:60]]))
npy("codes.npy", "<i4", (60,), struct.pack("<60i", *[(3 * a + b) % 4 % 3 for a, b in zip(codes[::2], codes[1::2])]))
with open("wide.csv", "w") as f:
    f.write(",".join(f"c{i}" for i in range(4099)) + ",kind\n")
    for i in range(20):
        f.write(",".join(["0.5"] * 4098) + (",red,a\n" if i % 2 else ",blue,b\n"))
PY

# Words are classes and columns; features are standardised by the training samples; sets are drawn.
run 0 "$CRISOL" train --data iris.csv --net 'dense 3' --loss softmax-cross-entropy --optimizer adam --lr 0.1 --epochs 20 \
    --batch 12 --standardize --test-split 0.25 --validation-split 0.25 --predict p.csv --confusion c.csv --json
says "60 training and 30 test samples"
json 'd["epochs"][-1]["test_accuracy"] > 0.85 and d["epochs"][-1]["validation_accuracy"] > 0.85'
json 'd["net"] == "standardize, onehot 3 2, dense 3"'
python3 - <<'PY' || die "predictions do not name what they are of"
import csv, json
rows, all = list(csv.DictReader(open("p.csv"))), list(csv.DictReader(open("iris.csv")))
assert len(rows) == 30 and all[int(rows[0]["sample"])]["kind"] == rows[0]["label"]
right = sum(r["label"] == r["predicted"] for r in rows) / len(rows)
assert abs(right - json.load(open("out"))["epochs"][-1]["test_accuracy"]) < 1e-6
table = list(csv.reader(open("c.csv")))
assert table[0] == ["label", "setosa", 'versicolor, "odd"', "virginica"]
assert sum(int(v) for row in table[1:] for v in row[1:]) == 30
PY

# Targets of a regression, from arrays: one is mapped, the other converted.
run 0 "$CRISOL" train --data x.npy --labels y.npy --net 'dense 1' --lr 0.3 --epochs 30 --batch 10 --predict r.csv \
    --test-data x.npy --test-labels y.npy --log r.jsonl --plot r.svg
says "100 training and 100 test samples"
grep -q ' 30 .* -  ' out || die "there is no accuracy of targets"
grep -q '"train_accuracy":null' r.jsonl || die "r.jsonl"
python3 -c 'import csv
for r in csv.DictReader(open("r.csv")): assert abs(float(r["target0"]) - float(r["score0"])) < 0.05' || die "r.csv"

# One-hot columns of numbers, of every type: what they are to the net does not depend on it, and a number that is no
# class of theirs is a mistake later, too.
coded=(--labels codes.npy --onehot '1,2' --net 'dense 3' --loss softmax-cross-entropy --optimizer adam --lr 0.1)
for type in u1 i4 f4; do
    run 0 "$CRISOL" train --data $type.npy "${coded[@]}" --epochs 8 --batch 20 --checkpoint $type.h5 --log $type.csv
    run 0 "$CRISOL" evaluate --model $type.h5 --data $type.npy --labels codes.npy --json
    cut -d, -f1-3 $type.csv >$type.txt
    mv out $type.json
    for file in "$type"_*.npy; do
        refused_by evaluate "$file: column 2 of training sample 4 is" "and the net knows 3 classes there" -- \
            --model $type.h5 --data "$file" --labels codes.npy
        refused_by predict "$file: column 2 of training sample 4 is" -- --model $type.h5 --data "$file"
    done
    cmp u1.txt $type.txt || die "one-hot columns of $type are not those of u1"
    cmp u1.json $type.json || die "one-hot columns of $type are not those of u1"
done
refused_by predict "u1_more.npy: column 2 of training sample 4 is 7" -- --model u1.h5 --inputs u1_more.npy
run 0 "$CRISOL" train --data u1.npy "${coded[@]}" --net 'input 2 as a, dense 3' --scale --epochs 1 --json
json 'd["net"] == "input 2 raw as a, scale, onehot 2 3, onehot 1 3, dense 3"'

# What is said of a table is heeded: its separator, its first line, what words and targets are, and how it is made ready.
printf '1990,a\t1991,b\t1992,c\n' >told.csv
for i in 1 2 3 4; do printf '%d\tred\t%d\n%d\tblue\t%d\n' $i $((i % 2)) $((i * 3)) 1; done >>told.csv
told=(train --net 'dense 1' --lr 0.01 --epochs 1 --json)
run 0 "$CRISOL" "${told[@]}" --data told.csv --separator tab --words codes --targets numbers --scale
says "8 training and 0 test samples"
json 'd["net"] == "scale, dense 1" and d["epochs"][0]["train_accuracy"] is None'
sed 1d told.csv | sed 's/red/1/; s/blue/2/' >numbers.csv
run 0 "$CRISOL" "${told[@]}" --data numbers.csv --header yes --batch 4
says "7 training and 0 test samples"
refused_by evaluate "there is no option --test-split" -- --model u1.h5 --data wide.csv --test-split 0.2
refused_by train "they must be targets of f32 (of a CSV file: targets numbers)" -- --data u1.npy --labels more.npy \
    --net 'dense 1'

# A table of many columns, one of words, is opened for its model.
run 0 "$CRISOL" train --data wide.csv --net 'dense 2' --lr 0.001 --epochs 1 --checkpoint wide.h5
run 0 "$CRISOL" evaluate --model wide.h5 --data wide.csv
sed '2s/blue/green/' wide.csv >odd.csv
refused_by evaluate "odd.csv:2: column 4099 'c4098': 'green' is none of the 2 words" -- --model wide.h5 --data odd.csv

# Mistakes: what, where, what to do.
mistake() { # MESSAGE ARGUMENT...
    refused "$1" -- "$CRISOL" train --epochs 1 --net 'dense 3' "${@:2}"
}
sed '7s/,[^,]*$//' iris.csv >bad.csv
mistake "bad.csv:7: column 3: the line ends here, and there are 4 columns" --data bad.csv
sed '9s/^[^,]*/wide/' iris.csv >bad.csv
mistake "bad.csv:9: column 1 'length': 'wide' is not a number" --data bad.csv
: >bad.csv
mistake "bad.csv:1: column 1: the file is empty" --data bad.csv
mistake "./nothing.csv: cannot open: No such file" --data ./nothing.csv
mistake "the 4: length, petal, width, color, kind" --data iris.csv --target weight
mistake "big.npy: its elements are '>f4', big-endian" --data big.npy --labels y.npy
head -c 500 x.npy >short.npy
mistake "short.npy: truncated: 372 bytes of elements, and its header says 1200" --data short.npy --labels y.npy
mistake "two.npy: labels or targets of 2 samples, and there are 100" --data x.npy --labels two.npy
mistake "an NPY file has no labels" --data x.npy
mistake "label 2 of training sample 40 is outside the 2 classes" --data iris.csv --net 'dense 2'
mistake "softmax-cross-entropy needs classes" --data iris.csv --target length --loss softmax-cross-entropy
mistake "--predict: it is of test samples, and iris.csv has none" --data iris.csv --predict p.csv
mistake "a test split, and test samples" --data iris.csv --test-data iris.csv --test-split 0.1
mistake "standardize1 comes behind dense1" --data iris.csv --net 'dense 3, standardize'
mistake "the samples have no column 'weight'" --data iris.csv --onehot weight
mistake "column 1 of sample 0 is 998.821; whole numbers" --data iris.csv --onehot length
mistake "is 0.00392157, and the net knows 3 classes there, from 0; bytes reach it divided by 255" --data u1.npy \
    --labels codes.npy --net 'onehot 1 3, dense 3'
mistake "i4_more.npy: column 2 of test sample 4 is 7, and the net knows 3 classes there" --data i4.npy --labels codes.npy \
    --test-data i4_more.npy --test-labels codes.npy --net 'onehot 2 3, dense 3'
mistake "--net: it takes x at several places" --data iris.csv --net 'dense 3 as a, from x, dense 3, add a'

# A file that is used where it lies and is cut short meanwhile ends the command, and is told.
python3 - <<'PY'
import struct
def write(name, descr, shape, elements):
    head = f"{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}".encode()
    head += b" " * (4096 - 10 - len(head) - 1) + b"\n"
    open(name, "wb").write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head + elements)
write("cut.npy", "<f4", (20000, 16), bytes(20000 * 64))
write("cut_y.npy", "|u1", (20000,), bytes(i % 3 for i in range(20000)))
PY
"$CRISOL" train --data cut.npy --labels cut_y.npy --net 'dense 3' --loss softmax-cross-entropy --epochs 1000000 \
    >out 2>err &
pid=$!
trap 'kill -9 "$pid" 2>/dev/null || true' EXIT
for ((i = 0; i < 400 && $(wc -l <out) < 2; i++)); do sleep 0.05; done
if grep -q "used where they lie in the file" err; then
    truncate -s 8192 cut.npy
    wait "$pid" && die "a file that was cut short is not told" || [[ $? == 1 ]] || die "exit status"
    says "a file was cut short"
fi
