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

# All optimizers and losses learn.
for optimizer in sgd momentum adam; do
    for loss in mse softmax-cross-entropy; do
        lr=0.02
        [[ $optimizer == adam ]] && lr=0.01
        run 0 "$CRISOL" train --data set --net 'normalize 0.5 0.5, dense 4' --loss $loss \
            --optimizer $optimizer --lr $lr --epochs 8 --json
        json 'd["epochs"][-1]["test_accuracy"] > 0.9'
    done
done

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
