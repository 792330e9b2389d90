#!/usr/bin/env bash
# Models of Keras by the command: read, written as Crisol's, written for Keras, and read again; what
# cannot be is refused with its name, and nothing is written.
# shellcheck source=tests/e2e/lib.bash
source "$SRC/tests/e2e/lib.bash"
files=$SRC/tests/data/keras

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
