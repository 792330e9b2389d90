#!/usr/bin/env bash
# crisol train: table, log, plot, the same bits twice, and Ctrl-C. crisol-test: timeout=300
source "$SRC/tests/e2e/lib.bash"
make_set set
training=(train --data set --net 'dense 16 relu, dense 4' --loss softmax-cross-entropy --optimizer adam
    --lr 0.01 --batch 48)

run 0 "$CRISOL" "${training[@]}" --epochs 3 --log a.csv --plot a.svg
[[ $(wc -l <out) == 4 ]] || die "a head and three epochs were expected"
[[ $(wc -l <a.csv) == 4 ]] || die "a.csv"
head -n 1 a.csv | grep -qx 'epoch,train_loss,train_accuracy,test_loss,test_accuracy,seconds,test_seconds'
python3 -c 'import sys, xml.dom.minidom as m; m.parse("a.svg")' || die "a.svg is no XML"
says "640 training and 100 test images"

# A limit of device memory: what is needed at least, and a little more, through which samples stream.
run 1 "$CRISOL" "${training[@]}" --device-memory 1B
says "bytes of device memory are needed, and 1 are allowed" "two windows of 48 samples" "a smaller batch (it is 48)"
least=$(sed -n 's/^crisol train: \([0-9]*\) bytes.*/\1/p' err)
run 0 "$CRISOL" "${training[@]}" --epochs 3 --log s.csv --device-memory $((least + 20000))
says "streaming 48.1 kB of samples through two windows of"
cmp <(cut -d, -f1-3 a.csv) <(cut -d, -f1-3 s.csv) || die "streamed samples gave other losses"
run 1 "$CRISOL" "${training[@]}" --device-memory 64XB
says "--device-memory: '64XB' is not a number of bytes, such as 64MB or 1.5GiB"

run 0 "$CRISOL" "${training[@]}" --epochs 6 --json
json 'len(d["epochs"]) == 6 and d["epochs"][-1]["epoch"] == 6'
json 'd["epochs"][-1]["test_accuracy"] > 0.95 and d["epochs"][-1]["train_loss"] < d["epochs"][0]["train_loss"]'

# A validation split: its columns, in all that is written; JSON lines; predictions; early stopping.
run 0 "$CRISOL" "${training[@]}" --epochs 40 --validation-split 0.2 --patience 2 --log v.jsonl --plot v.svg \
    --predict p.csv --augment flip,shift=1 --json
json '0 < d["best_epoch"] <= len(d["epochs"]) and "validation_loss" in d["epochs"][0]'
python3 - <<'PY' || die "v.jsonl is not what --json prints"
import json
assert [json.loads(l) for l in open("v.jsonl")] == json.load(open("out"))["epochs"]
PY
grep -q '>validation<' v.svg || die "v.svg has no validation curve"
says "the weights are those of epoch" "validation loss"
python3 - <<'PY' || die "p.csv does not agree with the last test accuracy"
import csv, json, struct
d = json.load(open("out"))
rows = list(csv.DictReader(open("p.csv")))
labels = open("set/t10k-labels-idx1-ubyte", "rb").read()[8:]
assert len(rows) == 100 and [int(r["label"]) for r in rows] == list(labels)
for r in rows:
    p = [float(r[f"p{i}"]) for i in range(4)]
    assert abs(sum(p) - 1) < 1e-4 and p[int(r["predicted"])] == max(p)
right = sum(r["label"] == r["predicted"] for r in rows) / len(rows)
assert abs(right - d["epochs"][d["best_epoch"] - 1]["test_accuracy"]) < 1e-6
PY
run 0 "$CRISOL" "${training[@]}" --epochs 2 --validation-split 0.2 --log v.csv
head -n 1 v.csv | grep -qx '.*,test_seconds,validation_loss,validation_accuracy'
head -n 1 out | grep -q 'loss  accuracy  validation  accuracy   test loss'
run 0 "$CRISOL" "${training[@]}" --epochs 20 --monitor accuracy --patience 1 --min-delta 0.9
says "stopped after epoch 2; the weights are those of epoch 1, test accuracy"

# Counts: top 2, and a confusion matrix that sums up to the test set and has the accuracy on its diagonal.
run 0 "$CRISOL" "${training[@]}" --epochs 2 --lr 0.002 --validation-split 0.2 --label-smoothing 0.1 --top-k 2 \
    --schedule 'cosine 2 epochs 0.1, warmup 3' --confusion m.csv --log k.csv --json
head -n 1 k.csv | grep -qx '.*,validation_accuracy,train_top_k,test_top_k,validation_top_k'
python3 - <<'PY' || die "m.csv does not agree with the last test accuracy"
import csv, json
last = json.load(open("out"))["epochs"][-1]
rows = list(csv.reader(open("m.csv")))
assert rows[0] == ["label", "0", "1", "2", "3"] and [r[0] for r in rows[1:]] == rows[0][1:]
count = [[int(v) for v in r[1:]] for r in rows[1:]]
labels = open("set/t10k-labels-idx1-ubyte", "rb").read()[8:]
assert [sum(r) for r in count] == [labels.count(c) for c in range(4)]
assert abs(sum(count[c][c] for c in range(4)) / 100 - last["test_accuracy"]) < 1e-6
assert last["test_accuracy"] <= last["test_top_k"] <= 1 and 0 < last["train_top_k"]
PY

# One score, two labels: the images of two of the four classes.
python3 - <<'PY'
import os, struct
os.mkdir("two")
for name in "train", "t10k":
    x = open(f"set/{name}-images-idx3-ubyte", "rb").read()[16:]
    y = open(f"set/{name}-labels-idx1-ubyte", "rb").read()[8:]
    keep = [i for i in range(len(y)) if y[i] < 2]
    images = b"".join(x[64 * i:64 * i + 64] for i in keep)
    open(f"two/{name}-images-idx3-ubyte", "wb").write(struct.pack(">IIII", 0x803, len(keep), 8, 8) + images)
    open(f"two/{name}-labels-idx1-ubyte", "wb").write(struct.pack(">II", 0x801, len(keep)) + bytes(y[i] for i in keep))
PY
run 0 "$CRISOL" train --data two --net 'dense 1' --loss sigmoid-cross-entropy --optimizer adam --lr 0.02 --batch 32 \
    --epochs 6 --confusion m.csv --predict p.csv --json
json 'd["epochs"][-1]["test_accuracy"] > 0.95'
[[ $(wc -l <m.csv) == 3 ]] || die "the confusion of one score is that of two classes"
python3 - <<'PY' || die "p.csv of one score"
import csv, json
rows = list(csv.DictReader(open("p.csv")))
assert all(0 <= float(r["p0"]) <= 1 and int(r["predicted"]) == (float(r["p0"]) > 0.5) for r in rows)
right = sum(r["label"] == r["predicted"] for r in rows) / len(rows)
assert abs(right - json.load(open("out"))["epochs"][-1]["test_accuracy"]) < 1e-6
PY

# Scores of a mean squared error are no probabilities.
run 0 "$CRISOL" train --data set --net 'dense 4' --epochs 1 --predict s.csv
head -n 1 s.csv | grep -qx 'image,label,predicted,score0,score1,score2,score3'

# The same bits twice; other seeds differ; all variants agree.
columns() { cut -d, -f1-5 "$1"; }
for variant in fused unfused naive; do
    run 0 "$CRISOL" "${training[@]}" --epochs 2 --augment shift=2,flip --opt $variant --log $variant.csv
    columns $variant.csv >$variant.txt
done
run 0 "$CRISOL" "${training[@]}" --epochs 2 --augment shift=2,flip --log again.csv
cmp fused.txt <(columns again.csv)
cmp fused.txt unfused.txt
cmp fused.txt naive.txt
run 0 "$CRISOL" "${training[@]}" --epochs 2 --augment shift=2,flip --seed 7 --log other.csv
cmp -s fused.txt <(columns other.csv) && die "the seed does not matter"

# A momentum of 0 is one: the descent is plain.
plain=(train --data set --net 'dense 4' --lr 0.1 --epochs 1)
run 0 "$CRISOL" "${plain[@]}" --optimizer sgd --log sgd.csv
run 0 "$CRISOL" "${plain[@]}" --optimizer momentum --momentum 0 --log zero.csv
cmp <(columns sgd.csv) <(columns zero.csv)
run 0 "$CRISOL" "${plain[@]}" --optimizer momentum --log momentum.csv
cmp -s <(columns sgd.csv) <(columns momentum.csv) && die "the default momentum is 0"

# What is told of the batch is what was taken.
make_set few 40 10
run 0 "$CRISOL" "${plain[@]/#set/few}" --json
json 'd["batch"] == 40'

# All optimizers learn, and all losses.
learns() { # LOSS OPTIMIZER RATE [ACTIVATION]
    run 0 "$CRISOL" train --data set --net "normalize 0.5 0.5, dense 4 ${4:-}" --loss "$1" --optimizer "$2" --lr "$3" \
        --epochs 8 --json
    json 'd["epochs"][-1]["test_accuracy"] > 0.9'
}
for optimizer in sgd momentum nesterov; do learns softmax-cross-entropy $optimizer 0.02; done
for optimizer in adam adamw rmsprop; do learns softmax-cross-entropy $optimizer 0.01; done
for loss in mse mae huber sigmoid-cross-entropy; do learns $loss adam 0.01; done
learns cross-entropy adam 0.01 softmax
learns binary-cross-entropy adam 0.01 sigmoid

# Ctrl-C: answered within half a second, what was done is written. One of three tries must be that fast:
# other tests may be running beside this one.
make_set big 6400 100
interrupt() {
    rm -f c.csv c.svg
    "$CRISOL" "${training[@]/#set/big}" --epochs 100000 --log c.csv --plot c.svg >out 2>err &
    local pid=$! status=0 begin
    for ((i = 0; i < 600; i++)); do
        [[ -s c.csv && $(wc -l <c.csv) -ge 3 ]] && break
        sleep 0.1
    done
    begin=$(date +%s%N)
    kill -INT $pid
    until grep -q 'interrupted in epoch' err || ! kill -0 $pid 2>/dev/null; do sleep 0.01; done
    took=$((($(date +%s%N) - begin) / 1000000))
    wait $pid || status=$?
    [[ $status == 130 ]] || die "exit status $status after Ctrl-C"
    says "interrupted in epoch"
    [[ $(wc -l <c.csv) -ge 3 && -s c.svg ]] || die "log or plot are missing"
}
for try in 1 2 3; do
    interrupt
    ((took >= 500)) || break
done
((took < 500)) || die "Ctrl-C was answered after $took ms, at try $try"
