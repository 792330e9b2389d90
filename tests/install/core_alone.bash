#!/usr/bin/env bash
# core_alone.bash - a command without crisol-io; run by without_io.sh as the tests of e2e are.
# shellcheck source=tests/e2e/lib.bash
source "$SRC/tests/e2e/lib.bash"
run 0 "$CRISOL" --version
grep -qF 'without crisol-io (-DCRISOL_IO=OFF)' out || die "$(cat out)"
make_set set 32 8
run 0 "$CRISOL" train --data set --net 'dense 4' --epochs 1 --batch 16 --predict p.csv
[[ $(wc -l <p.csv) == 9 ]] || die "$(cat p.csv)"
echo '1,2,0' >t.csv
refused 'crisol-io reads other formats' -- "$CRISOL" train --data t.csv --net 'dense 4'
refused_by train '--start: this crisol was built without crisol-io' -- --data set --start a.h5
refused_by train 'there is no option --separator' -- --data set --separator ';'
refused_by predict 'without crisol-io' -- --model a.h5 --inputs x.npy
refused_by evaluate 'without crisol-io' -- --model a.h5 --data set
refused_by show '-o: this crisol was built without crisol-io' -- --data set -o a.png
for command in import export predict evaluate; do run 0 "$CRISOL" $command --help; done
