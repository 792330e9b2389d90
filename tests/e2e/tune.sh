#!/usr/bin/env bash
# crisol tune: the table, the budget, records that are used and refused. crisol-test: timeout=300
source "$SRC/tests/e2e/lib.bash"
make_set set
export CRISOL_CACHE=$PWD/cache
net=(--data set --net 'dense 16 relu, dense 4' --batch 16)

run 0 "$CRISOL" tune "${net[@]}" --seconds 3
grep -q '^batch x M x N x K' out || die "no table"
grep -q '^1x16x16x64 ' out || die "no contraction"
grep -q '^step: ' out || die "no step"
files=(cache/*.schedules)
[[ -s ${files[0]} ]] || die "no records"
grep -q '^end [0-9a-f]*$' "${files[0]}" || die "the records have no end"

# A process that hangs is ended, and the budget kept.
begin=$SECONDS
"$CRISOL" tune "${net[@]}" --seconds 4 >out 2>err &
tune=$!
sleep 1
pkill -STOP -P $tune || die "no process to stop"
wait $tune || die "it failed"
((SECONDS - begin <= 8)) || die "the budget was not kept: $((SECONDS - begin)) s"
grep -q '^step: not measured' out || die "the step was measured"

# What is damaged is said once, and not used. (Of another version or device: tests/passes/tuned.c.)
train=("$CRISOL" train "${net[@]}" --epochs 1)
sed 's/^version .*/version 0.0.1/' "${files[0]}" >other
cp other "${files[0]}"
run 0 "${train[@]}"
[[ $(grep -c 'schedules: not used' err) == 1 ]] || die "not said once"
says "damaged" "crisol tune"
CRISOL_TUNED=off run 0 "${train[@]}"
! grep -q 'not used' err || die "CRISOL_TUNED=off looks at them"
run 0 "$CRISOL" tune "${net[@]}" --seconds 2
run 0 "${train[@]}"
! grep -q 'not used' err || die "they were not replaced"

refused "--seconds: 0 is not between" -- "$CRISOL" tune "${net[@]}" --seconds 0
refused "CRISOL_CACHE" -- env CRISOL_CACHE=off "$CRISOL" tune "${net[@]}" --seconds 2
