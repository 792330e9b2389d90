#!/usr/bin/env bash
# crisol study: its four kinds, tables, pictures, and what is kept when one is interrupted.
# crisol-test: timeout=300
source "$SRC/tests/e2e/lib.bash"
make_set set 160 40
common=(--data set --loss softmax-cross-entropy --epochs 2)
net=(--net 'dense 4')

is_svg() { python3 -c 'import sys, xml.dom.minidom as m; m.parse(sys.argv[1])' "$1" || die "$1 is no SVG"; }
# holds EXPRESSION FILE: of the rows (r) of a CSV.
holds() {
    python3 -c 'import csv, sys
r = list(csv.DictReader(open(sys.argv[2])))
if not eval(sys.argv[1]): sys.exit(f"this does not hold: {sys.argv[1]}\n{r}")' "$1" "$2" || die "$2"
}

# interrupt UNTIL ARGUMENTS...: a study that is interrupted once the command UNTIL succeeds.
interrupt() {
    local until=$1 got=0 pid
    shift
    "$CRISOL" study "$@" >out 2>err &
    pid=$!
    for ((i = 0; i < 600; i++)); do
        if eval "$until" 2>/dev/null; then break; fi
        sleep 0.1
    done
    kill -INT $pid
    wait $pid || got=$?
    [[ $got == 130 ]] || die "exit status $got after Ctrl-C: $*"
    says "interrupted; what was measured is kept"
}

run 0 "$CRISOL" study --help
for kind in batch devices nets optimizers; do grep -q "^  $kind " out || die "no $kind"; done

# ---- sizes of batches ----
batch=(study batch "${common[@]}" "${net[@]}")
run 0 "$CRISOL" "${batch[@]}" --sizes 16,40 --seeds 2 --csv b.csv --curves bc.csv --plot b.svg
[[ $(grep -cE '^(16|40) .*%' out) == 2 ]] || die "a row a size was expected"
holds '[x["size"] for x in r] == ["16", "40"] and all(x["state"] == "done" and x["seeds"] == "2" for x in r)' b.csv
holds 'all(float(x["samples_per_second"]) > 0 and float(x["test_accuracy_deviation"]) >= 0 for x in r)' b.csv
holds '[x["relative"] for x in r][0] == "1" and all(x["parameters"] == "260" for x in r)' b.csv
holds 'len(r) == 8 and [x["epoch"] for x in r] == ["1", "2"] * 4 and r[0]["seed"] != r[2]["seed"]' bc.csv
# Means and deviations are those of the single trainings, of which the second epoch tells the rate.
python3 - <<'PY' || die "b.csv does not agree with bc.csv"
import csv, math, statistics
def near(a, b): assert math.isclose(float(a), b, rel_tol=1e-4, abs_tol=1e-9), (a, b)
last = [r for r in csv.DictReader(open("bc.csv")) if r["epoch"] == "2"]
rows = list(csv.DictReader(open("b.csv")))
for row in rows:
    mine = [r for r in last if r["batch"] == row["size"]]
    rates = [160 / float(r["seconds"]) for r in mine]
    near(row["samples_per_second"], statistics.mean(rates))
    near(row["samples_per_second_deviation"], statistics.stdev(rates))
    near(row["train_seconds"], statistics.mean(320 / rate for rate in rates))
    near(row["step_us"], 1e6 * int(row["size"]) / statistics.mean(rates))
    near(row["relative"], statistics.mean(rates) / float(rows[0]["samples_per_second"]))
    for name in ("test_loss", "test_accuracy"):
        near(row[name], statistics.mean(float(r[name]) for r in mine))
        near(row[name + "_deviation"], statistics.stdev(float(r[name]) for r in mine))
PY
is_svg b.svg
[[ -z $(grep -oE '>[0-9.]+ [kMG]?<' b.svg | sort | uniq -d) ]] || die "b.svg has the same number twice on an axis"
# The figures are those of crisol train with these seeds.
run 0 "$CRISOL" train "${common[@]}" "${net[@]}" --batch 40 --seed 1 --log t.csv
python3 - <<'PY' || die "bc.csv does not agree with train's log"
import csv
log = list(csv.DictReader(open("t.csv")))
rows = [r for r in csv.DictReader(open("bc.csv")) if r["batch"] == "40" and r["seed"] == "1"]
assert [float(r["test_loss"]) for r in rows] == [float(e["test_loss"]) for e in log]
PY

# What is compiled in the only epoch, of few steps and a smaller last batch, is no part of the rate.
run 0 env CRISOL_CACHE="$TMP/cold" POCL_CACHE_DIR="$TMP/cold.pocl" "$CRISOL" study batch --data set \
    --loss softmax-cross-entropy "${net[@]}" --sizes 60 --epochs 1 --csv cold.csv
holds '0 < 10 * float(r[0]["train_seconds"]) < float(r[0]["compile_seconds"])' cold.csv
run 0 "$CRISOL" train --data set --loss softmax-cross-entropy "${net[@]}" --batch 60 --epochs 1 --log t.csv
holds 'r[0]["test_loss"] == list(csv.DictReader(open("t.csv")))[0]["test_loss"]' cold.csv

# Files that grow are not written after each of very many epochs, and are whole at the end.
mkfifo pipe.csv
# writes HEAD ROW ARGUMENTS...: writes pipe.csv less than a hundred times, and at last with that row.
writes() {
    local head=$1 row=$2 reader
    shift 2
    cat <pipe.csv >written &
    reader=$!
    exec 3>pipe.csv # held open from one write to the next
    run 0 "$CRISOL" "$@" --data set --loss softmax-cross-entropy "${net[@]}" --epochs 400
    exec 3>&-
    wait $reader
    [[ $(grep -c "^$head" written) -lt 100 && $(grep -c "^$row" written) == 1 ]] || die "pipe.csv is written too often: $*"
}
writes batch,seed 160,0,400, study batch --sizes 160 --curves pipe.csv
writes epoch, 400, train --batch 160 --log pipe.csv

# ---- devices ----
run 0 "$CRISOL" study devices "${common[@]}" "${net[@]}" --batch 40 --sequential 0.05 --csv d.csv --plot d.svg
grep -qE '^(no GPU was found|a GPU was found)' out || die "is there a GPU?"
grep -q 'extrapolated from' out || die "plain C is not said to be extrapolated"
holds 'len(r) >= 2 and r[-1]["where"] == "plain sequential C" and r[-1]["device"] == "host"' d.csv
holds 'int(r[-1]["extrapolated_from_steps"]) >= 1 and r[-1]["test_accuracy"] == ""' d.csv
# of both epochs
holds 'abs(float(r[-1]["train_seconds"]) * float(r[-1]["samples_per_second"]) / 320 - 1) < 1e-4' d.csv
is_svg d.svg
run 0 "$CRISOL" study devices "${common[@]}" "${net[@]}" --batch 40 --sequential 0.01 --json
json 'd["gpu_found"] in (True, False) and d["runs"][-1]["losses_equal"]'
json 'all(math.isclose(x["relative"], x["samples_per_second"]["mean"] / d["runs"][0]["samples_per_second"]["mean"]) for x in d["runs"])'

# ---- nets, optimizers ----
run 0 "$CRISOL" study nets "${common[@]}" --batch 40 --nets ' dense 4; dense 3 relu, dense 4 ' --csv n.csv --plot n.svg
holds '[x["net"] for x in r] == ["dense 4", "dense 3 relu, dense 4"]' n.csv
grep -q '>dense 3 relu, dense 4<' n.svg || die "n.svg has no legend"
# One that diverges is a finding, and the others go on.
run 0 "$CRISOL" study optimizers "${common[@]}" "${net[@]}" --batch 40 --rates 0.1,0.01 --csv o.csv --plot o.svg \
    --optimizers 'sgd; momentum lr=3e38; sgd lr=0.5 schedule cosine 2 epochs'
says "momentum lr=3e38: training diverged"
holds '[x["state"] for x in r] == ["done", "done", "diverged", "done"]' o.csv
holds '[x["optimizer"] for x in r][:2] == ["sgd lr=0.1", "sgd lr=0.01"] and r[2]["test_loss"] == ""' o.csv
is_svg o.svg
grep -q '>sgd lr=0.1<' o.svg || die "o.svg has no legend"
! grep -q 'momentum' o.svg || die "the legend of o.svg has a run without a curve"

# ---- pictures ----
# Sizes are drawn from left to right, numbers do not overlap, no accuracy is beyond 0 and 100 %.
mkdir bin
printf '#!/bin/sh\ntee script.gp | %s\n' "$(command -v gnuplot)" >bin/gnuplot
chmod +x bin/gnuplot
run 0 env PATH="$PWD/bin:$PATH" "$CRISOL" "${batch[@]}" --sizes 44,5,40 --seeds 2 --plot b.svg
python3 - <<'PY' || die "the batches' picture"
import re
script = open("script.gp").read()
rows = [line.split() for line in re.search(r"EOD\n(.*?)EOD", script, re.S)[1].splitlines()]
assert [row[0] for row in rows] == ["5", "40", "44"] and [row[-1] == '""' for row in rows] == [False, False, True], rows
assert re.search(r"set xtics \('5' 5, '40' 40, '' 44\)", script)
low, high = map(float, re.search(r"set yrange \[([\d.]+):([\d.]+)\]", script).groups())
assert 0 <= low < high <= 100, (low, high)
PY
# Names are as they are, cut between characters.
name="a_b&c ä$(printf 'ä%.0s' {1..90})"
cp -r set "$name"
run 0 "$CRISOL" study nets --data "./$name" --loss softmax-cross-entropy --epochs 2 --batch 40 --nets 'dense 4' --plot n.svg
is_svg n.svg
grep -q '>./a_b&amp;c ääää*\.\.\., 2 epochs<' n.svg || die "n.svg does not name its data"
# Without a test set it is the training that is drawn, or only its loss.
python3 - <<'PY'
import random, struct
random.seed(1)
def npy(name, dtype, shape, data):
    head = f"{{'descr': '{dtype}', 'fortran_order': False, 'shape': {shape}, }}".ljust(117) + "\n"
    open(name, "wb").write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head.encode() + data)
npy("x.npy", "<f4", (40, 2), struct.pack("<80f", *(random.random() for i in range(80))))
npy("y.npy", "<f4", (40, 1), struct.pack("<40f", *(random.random() for i in range(40))))
npy("c.npy", "|u1", (40,), bytes(i % 2 for i in range(40)))
npy("many.npy", "|u1", (400000, 64), bytes(25600000))
npy("classes.npy", "|u1", (400000,), bytes(400000))
PY
run 0 "$CRISOL" study nets --data x.npy --labels c.npy --loss softmax-cross-entropy --nets 'dense 2' --epochs 2 --plot n.svg
grep -q '>accuracy in training (%)<' n.svg || die "n.svg does not say that the accuracy is of training"
! grep -q '>test' n.svg || die "n.svg draws a test where there is none"
run 0 "$CRISOL" study nets --data x.npy --labels y.npy --loss mse --nets 'dense 1' --epochs 2 --plot n.svg
is_svg n.svg
grep -q '>loss in training<' n.svg || die "n.svg has no loss"
! grep -q '>test' n.svg || die "n.svg draws a test loss where there is none"

# ---- interrupted ----
interrupt 'grep -q "^16," ic.csv' batch "${common[@]}" "${net[@]}" --sizes 40,16 --epochs 3000 --csv i.csv --curves ic.csv \
    --plot i.svg
holds 'len(r) == 1 and r[0]["size"] == "40" and float(r[0]["test_accuracy"]) > 0.5' i.csv
is_svg i.svg
# A row of some of its seeds says so, and table and picture tell how many they are the mean of.
interrupt 'grep -q ",2,1," ic2.csv' batch "${common[@]}" "${net[@]}" --sizes 40,16 --epochs 100 --seeds 1000 --csv i.csv \
    --curves ic2.csv --plot i.svg
holds 'len(r) == 1 and r[0]["state"] == "interrupted" and 0 < int(r[0]["seeds"]) < 1000' i.csv
seeds=$(awk -F, 'NR == 2 { print $4 " seed" ($4 == 1 ? "" : "s") }' i.csv)
grep -q "mean of $seeds;" out || die "the table is not said to be the mean of $seeds"
[[ $seeds == "1 seed" ]] || grep -q "mean of $seeds<" i.svg || die "i.svg is not said to be the mean of $seeds"
interrupt 'grep -q "^dense 4,0,2," ic3.csv' nets "${common[@]}" --nets 'dense 4; dense 4 tanh' --epochs 1000000 --curves ic3.csv --plot i3.svg
is_svg i3.svg
# The steps of plain C that were done are kept.
interrupt '[[ $(wc -l <i4.csv) -gt $("$CRISOL" devices | grep -c "^[* ] *[0-9]") ]] && sleep 1' devices --data many.npy \
    --labels classes.npy --loss softmax-cross-entropy --net 'dense 1000 relu, dense 4' --epochs 1 --batch 400 --sequential 1000 --csv i4.csv
holds 'r[-1]["state"] == "interrupted" and int(r[-1]["extrapolated_from_steps"]) > 0 and float(r[-1]["train_seconds"]) > 0' i4.csv

# ---- bad input ----
study() { # TEXT... -- ARGUMENTS...: refused, and no file is left
    refused_by study "$@" --csv bad.csv
    [[ ! -e bad.csv ]] || die "bad.csv was written"
}
refused "there is no study 'bath'" "batch" "optimizers" -- "$CRISOL" study bath
refused "which study?" -- "$CRISOL" study
study "--sizes, column 4: this is no size of a batch" "  16,1x" "     ^~" -- batch "${common[@]}" "${net[@]}" --sizes 16,1x
study "--sizes, column 4: something is missing here" -- batch "${common[@]}" "${net[@]}" --sizes 16,,32
study "--sizes, column 1: something is missing here" -- batch "${common[@]}" "${net[@]}" --sizes ''
study "--sizes, column 4: this stands twice" -- batch "${common[@]}" "${net[@]}" --sizes 16,016
study "--nets, column 10: this stands twice" -- nets "${common[@]}" --nets 'dense 4; dense  4'
study "--optimizers, column 11: this stands twice" -- optimizers "${common[@]}" "${net[@]}" --optimizers 'sgd lr=1; sgd lr=1.0'
study "--optimizers, column 6: this stands twice" -- optimizers "${common[@]}" "${net[@]}" --optimizers 'sgd; sgd' --rates 0.1
study "--rates, column 5: this stands twice" -- optimizers "${common[@]}" "${net[@]}" --rates 0.1,0.10
study "dense 3: label 3 of training sample" "outside the 3 classes" -- nets "${common[@]}" --nets 'dense 4; dense 3'
study "a batch of 161 samples is larger than the training set of 160" -- batch "${common[@]}" "${net[@]}" --sizes 16,161
study "--batch: that is what is studied; say it with --sizes" -- batch "${common[@]}" --batch 3
study "--nets, net 2: " "'dens' is not a layer" -- nets "${common[@]}" --nets 'dense 4; dens 4'
study "--nets, column 9: something is missing here" -- nets "${common[@]}" --nets 'dense 4;'
study "--optimizers, column 6: this is none of sgd|" -- optimizers "${common[@]}" --optimizers 'sgd; adm lr=1'
study "--optimizers, column 5: this optimizer has no such number" -- optimizers "${common[@]}" --optimizers 'sgd momentum=1'
study "--optimizers, column 6: this is no number from 0" -- optimizers "${common[@]}" --optimizers 'adam lr=x'
study "--rates, column 5: this is no learning rate" -- optimizers "${common[@]}" --rates '0.1,0'
study "--device: this study takes every device there is" -- devices "${common[@]}" --device cpu
mkdir none
refused "no OpenCL platform was found" -- env OCL_ICD_VENDORS="$TMP/none" "$CRISOL" study devices "${common[@]}" "${net[@]}"
study "--seeds: at least 1" -- batch "${common[@]}" --seeds 0
study "'p.pdf' must end in .svg or .png" -- batch "${common[@]}" --plot p.pdf
study "nowhere/p.svg: cannot write" -- batch "${common[@]}" --plot nowhere/p.svg
refused "--csv and --plot: both write both.svg" -- "$CRISOL" study batch "${common[@]}" --csv both.svg --plot both.svg
refused "--csv: it is written anew as the study goes on" -- "$CRISOL" study batch "${common[@]}" --csv -
# A full disk is seen at the first row.
run 1 "$CRISOL" "${batch[@]}" --sizes 40,16 --csv /dev/full
says "/dev/full: cannot write: No space left on device"
[[ -z $(find . -name '*.tmp*') ]] || die "temporary files are left"
