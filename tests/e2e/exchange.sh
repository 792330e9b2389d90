#!/usr/bin/env bash
# Models of Keras by the command: read, written as Crisol's, written for Keras, and read again; what
# cannot be is refused with its name, and nothing is written.
# shellcheck source=tests/e2e/lib.bash
source "$SRC/tests/e2e/lib.bash"
files=$SRC/tests/data/keras
if ! "$CRISOL" --version | grep -q 'with crisol-io'; then
    refused 'built without crisol-io' -- "$CRISOL" import "$files/mlp.keras"
    refused 'built without crisol-io' -- "$CRISOL" export m.h5 -o m.keras
    exit 0
fi

run 0 "$CRISOL" import "$files/two.keras" -o two.h5
grep -q '^input 4 as left, input 3 as right, .*, output first second$' out || die "$(cat out)"
says '14 layers, 6 arrays of 75 numbers'
run 0 "$CRISOL" export two.h5 -o two.keras
run 0 "$CRISOL" import two.keras -o again.h5
says '14 layers, 6 arrays of 75 numbers'
run 0 "$CRISOL" export again.h5 -o again.keras
cmp two.keras again.keras || die 'the same model gives other bytes'

# Keras 2 and 3, and either format
for file in mlp.h5 tf2.h5 shared.keras; do
    run 0 "$CRISOL" import "$files/$file"
done

refused 'which file?' -- "$CRISOL" import
refused 'missing.keras: cannot open' -- "$CRISOL" import missing.keras
refused 'neither a zip file, as .keras files are, nor HDF5' -- "$CRISOL" import "$files/expected.h"
refused 'no model of Keras' -- "$CRISOL" import two.h5
refused 'would be written over' -- "$CRISOL" import two.keras -o two.keras
refused 'nowhere/m.h5: cannot write' -- "$CRISOL" import two.keras -o nowhere/m.h5
refused 'names end in .keras' -- "$CRISOL" export two.h5 -o m.h5
head -c 20000 "$files/two.keras" >cut.keras
refused 'cut.keras: cannot be read as a zip file' -- "$CRISOL" import cut.keras -o cut.h5
[[ ! -e cut.h5 ]] || die 'something was written'
[[ -z $(find . -name '*.tmp') ]] || die 'temporary files are left'

# a full disk leaves the old file
seq 400 >old.h5
(
    ulimit -f 1
    run 1 "$CRISOL" import "$files/mlp.keras" -o old.h5
    says 'old.h5: cannot write: File too large'
)
seq 400 | cmp - old.h5 || die 'a failed write has harmed the file'
[[ -z $(find . -name '*.tmp') ]] || die 'temporary files are left'

# a layer that Crisol does not have, in a file that is whole otherwise
python3 - "$files/mlp.keras" lstm.keras <<'PY'
import sys, zipfile
with zipfile.ZipFile(sys.argv[1]) as old, zipfile.ZipFile(sys.argv[2], "w") as new:
    for name in old.namelist():
        data = old.read(name)
        new.writestr(name, data.replace(b'"class_name": "Dropout"', b'"class_name": "LSTM"'))
PY
refused "lstm.keras: layer 'dropout' is an LSTM, which Crisol does not have" -- \
    "$CRISOL" import lstm.keras -o lstm.h5
[[ ! -e lstm.h5 ]] || die 'something was written'

# several inputs and outputs, as Keras has them (data/keras/expected.h)
python3 - "$files/expected.h" <<'PY'
import re, struct, sys
text = open(sys.argv[1]).read()
for word, file, size in ("x0", "left.npy", 4), ("x1", "right.npy", 3):
    values = [float.fromhex(v[:-1]) for v in
              re.search(rf"two_keras_{word}\[\] = {{([^}}]*)}}", text)[1].replace("\n", "").split(",")]
    head = f"{{'descr': '<f4', 'fortran_order': False, 'shape': (3, {size}), }}".ljust(117) + "\n"
    open(file, "wb").write(b"\x93NUMPY\x01\x00\x76\x00" + head.encode() + struct.pack(f"<{3 * size}f", *values))
PY
run 0 "$CRISOL" predict --model two.h5 --inputs left.npy,right.npy -o two.csv
run 0 "$CRISOL" predict --model two.keras --inputs left.npy,right.npy -o two.npy
python3 - "$files/expected.h" <<'PY' || die 'the predictions differ'
import csv, re, struct, sys
text = open(sys.argv[1]).read()
rows = list(csv.DictReader(open("two.csv")))
for word, name, size in ("y0", "first", 2), ("y1", "second", 5):
    want = [float.fromhex(v.strip()[:-1]) for v in
            re.search(rf"two_keras_{word}\[\] = {{([^}}]*)}}", text)[1].split(",")]
    table = [float(row[f"{name}.{i}"]) for row in rows for i in range(size)]
    array = struct.unpack(f"<{3 * size}f", open(f"two.{name}.npy", "rb").read()[128:])
    assert all(abs(a - b) < 1e-5 for a, b in zip(table, want)) and len(want) == len(table), (table, want)
    assert all(abs(a - b) < 1e-5 for a, b in zip(array, want)), (array, want)
PY
refused '--loss: it is for --data, and says nothing of --inputs' -- \
    "$CRISOL" predict --model two.h5 --inputs left.npy,right.npy --loss mse
refused '-o: ./left.csv would be written over what is read' -- \
    "$CRISOL" predict --model two.h5 --inputs left.csv,right.npy -o ./left.csv
cp left.npy left.first.npy
refused '-o: ./left.first.npy would be written over what is read' -- \
    "$CRISOL" predict --model two.h5 --inputs left.first.npy,right.npy -o ./left.npy
refused '--inputs: two.h5 takes 2 files' 'left, right' -- "$CRISOL" predict --model two.h5 --inputs left.npy
refused "right.npy: input 'left' takes samples of f32[4], and these are f32[3]" -- \
    "$CRISOL" predict --model two.h5 --inputs right.npy,left.npy
refused 'it has 2 inputs and 2 outputs' -- "$CRISOL" predict --model two.h5 --data left.npy

# an input that no output needs is asked for, as Keras does, and not used
python3 - "$files/mlp.keras" unused.keras <<'PY'
import json, sys, zipfile
def layer(kind, name, config, nodes):
    return {"module": "keras.layers", "class_name": kind, "config": {"name": name, **config}, "name": name, "inbound_nodes": nodes}
x = {"class_name": "__keras_tensor__", "config": {"keras_history": ["x", 0, 0]}}
layers = [layer("InputLayer", "x", {"batch_shape": [None, 4]}, []), layer("InputLayer", "idle", {"batch_shape": [None, 3]}, []),
          layer("Activation", "y", {"activation": "relu"}, [{"args": [x], "kwargs": {}}])]
config = {"module": "keras", "class_name": "Functional", "config": {"name": "m", "layers": layers, "output_layers": ["y", 0, 0],
          "input_layers": [["x", 0, 0], ["idle", 0, 0]]}}
with zipfile.ZipFile(sys.argv[1]) as old, zipfile.ZipFile(sys.argv[2], "w") as new:
    for name in old.namelist():
        new.writestr(name, json.dumps(config) if name == "config.json" else old.read(name))
PY
run 0 "$CRISOL" predict --model unused.keras --inputs left.npy,right.npy -o unused.csv
[[ $(wc -l <unused.csv) == 4 ]] || die "$(cat unused.csv)"

# a training that begins with the weights of Keras
python3 - <<'PY'
import struct
def write(file, descr, shape, data):
    head = f"{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}".ljust(117) + "\n"
    open(file, "wb").write(b"\x93NUMPY\x01\x00\x76\x00" + head.encode() + data)
write("x.npy", "<f4", (12, 6), struct.pack("<72f", *[(i * 7 % 13 - 6) / 6 for i in range(72)]))
write("first.npy", "<f4", (2, 3, 6, 6), bytes(2 * 3 * 6 * 6 * 4))
write("labels.npy", "<i4", (12,), struct.pack("<12i", *[i % 3 for i in range(12)]))
PY
refused 'residual.keras: it takes samples of f32[6,6,3], and those of first.npy are f32[3,6,6]' -- \
    "$CRISOL" predict --model "$files/residual.keras" --data first.npy
refused "first.npy: input 'image' takes samples of f32[6,6,3], and these are f32[3,6,6]" -- \
    "$CRISOL" predict --model "$files/residual.keras" --inputs first.npy
training=(train --data x.npy --labels labels.npy --loss cross-entropy --batch 4 --epochs 1)
run 0 "$CRISOL" "${training[@]}" --start "$files/mlp.keras" --lr 1e-20 --checkpoint start.h5
run 0 "$CRISOL" predict --model start.h5 --data x.npy -o start.npy
run 0 "$CRISOL" predict --model "$files/mlp.keras" --data x.npy -o keras.npy
cmp start.npy keras.npy || die 'it did not begin with these weights'
run 0 "$CRISOL" "${training[@]}" --start "$files/mlp.keras" --lr 0.1 --checkpoint moved.h5
run 0 "$CRISOL" predict --model moved.h5 --data x.npy -o moved.npy
! cmp -s moved.npy keras.npy || die 'it was not trained'
refused "mlp.keras: it is of another net: missing dense1.w f32[6,3], dense1.b f32[3]; extra " -- \
    "$CRISOL" "${training[@]}" --start "$files/mlp.keras" --net 'dense 3'
