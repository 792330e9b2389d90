#!/usr/bin/env bash
# crisol profile and devices. crisol-test: timeout=300
source "$SRC/tests/e2e/lib.bash"
make_set set
small=(profile --data set --net 'dense 16 relu, dense 4' --steps 10)

for variant in naive fused; do
    run 0 "$CRISOL" "${small[@]}" --opt $variant --trace trace.json
    for row in step idle kernel; do grep -q "^$row" out || die "no row '$row'"; done
    python3 - <<'PY' || die "trace.json"
import json
events = json.load(open("trace.json"))["traceEvents"]
spans = [e for e in events if e["ph"] == "X"]
assert spans and all(e["dur"] >= 0 and e["ts"] >= 0 and e["name"] for e in spans)
assert {e["args"]["name"] for e in events if e["ph"] == "M"} >= {"kernel", "host to device"}
PY
done
run 0 "$CRISOL" "${small[@]}" --split --csv s.csv --plot s.svg
for row in 'host to device' kernels 'on the host' idle step; do grep -q "^$row " out || die "no row '$row'"; done
python3 - <<'PY' || die "s.csv or s.svg"
import csv, xml.dom.minidom
rows = {r.pop("variant"): {k: float(v) for k, v in r.items()} for r in csv.DictReader(open("s.csv"))}
assert list(rows) == ["naive", "unfused", "fused"]
for name, r in rows.items():
    parts = sum(v for k, v in r.items() if k != "step_us")
    assert r["kernel_us"] > 0 and abs(parts - r["step_us"]) < 0.02 * r["step_us"], (name, r)
    assert (r["h2d_us"] > 0) == (r["d2h_us"] > 0) == (r["host_us"] > 0) == (name == "naive"), (name, r)
svg = xml.dom.minidom.parse("s.svg").toxml()
assert all(f">{word}<" in svg for word in ("naive", "unfused", "fused", "host to device", "idle"))
PY
refused "--plot: it is for --split" -- "$CRISOL" "${small[@]}" --plot s2.svg
refused "--opt: it is for one variant" -- "$CRISOL" "${small[@]}" --split --opt fused
run 0 "$CRISOL" "${small[@]}" --json
json 'd["step_us"] > 0 and d["commands"] and all(c["us_per_step"] >= 0 for c in d["commands"])'

run 0 "$CRISOL" profile --data set --steps 4 --loss softmax-cross-entropy --optimizer adam --json --net \
    'conv 8 3 same relu, maxpool 2, conv 8 3 same, batchnorm, add maxpool1, flatten, dropout 0.3, dense 4'
json 'd["step_us"] > 0 and d["commands"]'

run 0 "$CRISOL" devices
grep -q '^\* ' out || die "none is chosen"
run 0 "$CRISOL" devices --json --quick
json 'sum(d_["chosen"] for d_ in d) == 1 and all(d_["name"] and d_["global_bytes"] > 0 for d_ in d)'
run 0 "$CRISOL" devices --target
cp out mine.target
run 0 "$CRISOL" opt "$SRC/tests/graph/mlp.cr" --target mine.target --emit=cl
