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

# ---- devices ----
run 0 "$CRISOL" study devices "${common[@]}" "${net[@]}" --batch 40 --sequential 0.05 --csv d.csv --plot d.svg
grep -qE '^(no GPU was found|a GPU was found)' out || die "is there a GPU?"
grep -q 'extrapolated from' out || die "plain C is not said to be extrapolated"
holds 'len(r) >= 2 and r[-1]["where"] == "plain sequential C" and r[-1]["device"] == "host"' d.csv
holds 'int(r[-1]["extrapolated_from_steps"]) >= 1 and r[-1]["test_accuracy"] == ""' d.csv
is_svg d.svg
run 0 "$CRISOL" study devices "${common[@]}" "${net[@]}" --batch 40 --sequential 0.01 --json
json 'd["gpu_found"] in (True, False) and d["runs"][-1]["losses_equal"]'

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

# ---- interrupted ----
"$CRISOL" "${batch[@]}" --sizes 40,16 --epochs 3000 --csv i.csv --curves ic.csv --plot i.svg >out 2>err &
pid=$!
for ((i = 0; i < 600; i++)); do
    if [[ -e ic.csv ]] && grep -q '^16,' ic.csv; then break; fi
    sleep 0.1
done
kill -INT $pid
got=0
wait $pid || got=$?
[[ $got == 130 ]] || die "exit status $got after Ctrl-C"
says "interrupted; what was measured is kept"
holds 'len(r) == 1 and r[0]["size"] == "40" and float(r[0]["test_accuracy"]) > 0.5' i.csv
is_svg i.svg

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
study "--sizes, column 4: this stands twice" -- batch "${common[@]}" "${net[@]}" --sizes 16,16
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
# A full disk is seen at the first row; a net that does not fit its labels fails alone.
run 1 "$CRISOL" "${batch[@]}" --sizes 40,16 --csv /dev/full
says "/dev/full: cannot write: No space left on device"
run 1 "$CRISOL" study nets "${common[@]}" --batch 40 --nets 'dense 3; dense 4' --csv f.csv
says "dense 3: label 3 of training sample" "outside the 3 classes"
holds '[x["state"] for x in r] == ["failed", "done"]' f.csv
[[ -z $(find . -name '*.tmp*') ]] || die "temporary files are left"
