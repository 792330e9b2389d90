#!/usr/bin/env bash
# crisol train --checkpoint and --resume, predict, evaluate: the same bytes whether a training was
# interrupted or not; what is refused; a disk that is full.
source "$SRC/tests/e2e/lib.bash"
if ! "$CRISOL" --version | grep -q 'with crisol-io'; then
    refused "built without crisol-io" -- "$CRISOL" train --checkpoint a.h5
    refused "built without crisol-io" -- "$CRISOL" predict --model a.h5
    exit 0
fi
make_set set 60 24
training=(train --data set --net 'dense 8 relu, dropout 0.1, dense 4' --loss softmax-cross-entropy
    --optimizer adam --batch 16)

# 5 epochs, and 3 and 2 in another process: the files are equal byte for byte.
run 0 "$CRISOL" "${training[@]}" --epochs 5 --checkpoint whole.h5 --every 2 --predict whole.csv --json
cp out whole.json
run 0 "$CRISOL" "${training[@]}" --epochs 3 --checkpoint parts.h5 --every 2
run 0 "$CRISOL" train --resume parts.h5 --epochs 5 --json
says "going on from parts.h5, which has 3 epochs"
json 'len(d["epochs"]) == 2 and all(a[k] == b[k] for a, b in zip(d["epochs"], json.load(open("whole.json"))["epochs"][3:])
    for k in a if "seconds" not in k)'
cmp whole.h5 parts.h5 || die "the files differ"

# A log and a picture that are gone on with have all epochs, of CSV and of JSON; another file is left alone.
for log in log.csv log.jsonl; do
    run 0 "$CRISOL" "${training[@]}" --epochs 3 --checkpoint log.h5 --every 2 --log $log
    cp $log three.log
    run 0 "$CRISOL" train --resume log.h5 --epochs 5 --log $log --plot log.svg --json
    json '[e["epoch"] for e in d["epochs"]] == [4, 5]'
    head -n "$(wc -l <three.log)" $log | cmp - three.log || die "$log: the first epochs"
    [[ $(wc -l <$log) == $(($(wc -l <three.log) + 2)) ]] || die "$log: $(cat $log)"
done
echo mine >mine.csv
refused "--log: mine.csv is there, and no log of such a training" -- \
    "$CRISOL" train --resume log.h5 --epochs 6 --log mine.csv
[[ $(cat mine.csv) == mine ]] || die "mine.csv was changed"

# What the file holds predicts as the training did.
run 0 "$CRISOL" predict --model parts.h5 --data set -o p.csv
cmp p.csv whole.csv || die "the predictions differ"
# So does what Keras gets, which takes the same bytes.
run 0 "$CRISOL" export parts.h5 -o parts.keras
run 0 "$CRISOL" predict --model parts.keras --data set --loss softmax-cross-entropy -o k.csv
python3 - <<'PY' || die "exported and read again it predicts something else"
rows = [[line.split(",") for line in open(f).read().split()[1:]] for f in ("p.csv", "k.csv")]
assert len(rows[0]) == len(rows[1]) > 10
for a, b in zip(*rows):
    assert a[:3] == b[:3] and all(abs(float(x) - float(y)) < 1e-5 for x, y in zip(a[3:], b[3:])), (a, b)
PY
run 0 "$CRISOL" predict --model parts.h5 --data set -o p.npy
python3 - <<'PY' || die "p.npy"
import csv, math, struct
b = open("p.npy", "rb").read()
assert b[:8] == b"\x93NUMPY\x01\x00" and eval(b[10:128])["shape"] == (24, 4), b[:128]
scores = struct.unpack("<96f", b[128:])
for i, row in enumerate(csv.DictReader(open("p.csv"))):
    e = [math.exp(s) for s in scores[4 * i:4 * i + 4]]
    assert all(abs(e[c] / sum(e) - float(row[f"p{c}"])) < 1e-5 for c in range(4))
PY
run 0 "$CRISOL" evaluate --model parts.h5 --data set --json
json 'abs(d["loss"] - json.load(open("whole.json"))["epochs"][-1]["test_loss"]) < 1e-6 and d["n"] == 24'
json 'd["accuracy"] == json.load(open("whole.json"))["epochs"][-1]["test_accuracy"]'
run 0 "$CRISOL" evaluate --model parts.h5 --data set --loss mae
grep -q '24 test samples of set: mae ' out || die "the loss that was asked for"

# A table of words: what makes it ready, its columns and words go into the file, and new lines need no target.
printf '%s\n' size,color,kind 1,red,ant 7,blue,bee 2,red,ant 8,green,bee 1,green,ant 9,blue,bee 2,blue,ant 6,red,bee >t.csv
printf '%s\n' size,color 1,blue 8,red >new.csv
table=(train --data t.csv --test-data t.csv --standardize --net 'dense 2' --loss softmax-cross-entropy --lr 1 --batch 4)
run 0 "$CRISOL" "${table[@]}" --epochs 9 --checkpoint whole-t.h5
run 0 "$CRISOL" "${table[@]}" --epochs 4 --checkpoint t.h5
run 0 "$CRISOL" train --resume t.h5 --epochs 9
cmp t.h5 whole-t.h5 || die "the files of a table differ"
# The same samples may lie in other files; others may not.
cp t.csv moved.csv
run 0 "$CRISOL" train --resume t.h5 --epochs 10 --data moved.csv --test-data moved.csv
sed 's/^9,/8,/' t.csv >else.csv
refused "it is of another training: test samples 8 of " -- "$CRISOL" train --resume t.h5 --epochs 11 --test-data else.csv
run 0 "$CRISOL" predict --model t.h5 --data new.csv
[[ $(cut -d, -f 1-2 out | tr '\n' ' ') == 'sample,predicted 0,ant 1,bee ' ]] || die "$(cat out)"
refused "t.h5: it was trained with --lr 1, and not 0.1; leave" -- "$CRISOL" train --resume t.h5 --epochs 11 --lr 0.1

# Another training is refused, and told apart.
refused "parts.h5: it was trained with --batch 16, and not 12" "with --loss softmax-cross-entropy, and not mse" -- \
    "$CRISOL" train --resume parts.h5 --epochs 9 --batch 12 --loss mse
# So is another net, tensor by tensor, or as a whole where all tensors are alike.
refused "parts.h5: it is of another net or optimizer: missing " "dense3.w f32[6,4]" \
    "of another shape " "dense2.b f32[4] (here f32[6])" "dense2.w f32[8,4] (here f32[8,6])" -- \
    "$CRISOL" train --resume parts.h5 --epochs 9 --net 'dense 8 relu, dropout 0.1, dense 6, dense 4'
refused "parts.h5: it is of another net or optimizer: extra " "dense2.w f32[8,4]" -- \
    "$CRISOL" train --resume parts.h5 --epochs 9 --net 'dropout 0.1, dense 4'
refused "parts.h5: it is of another net: dense 8 relu, dropout 0.1, dense 4 (here dense 8 tanh, dropout 0.1, dense 4)" -- \
    "$CRISOL" train --resume parts.h5 --epochs 9 --net 'dense 8 tanh, dropout 0.1, dense 4'
refused "was trained without --patience" -- "$CRISOL" train --resume parts.h5 --patience 2
refused "parts.h5 has 5 epochs already" -- "$CRISOL" train --resume parts.h5 --json
make_set other 61 24
refused "it is of another training" "training samples 60 of u8[8,8,1]" "(here 61 of u8[8,8,1]" -- \
    "$CRISOL" train --resume parts.h5 --data other --epochs 9 --json
refused "none.h5: cannot open: No such file" -- "$CRISOL" train --resume none.h5
echo text >text.h5
refused "text.h5: it is not an HDF5 file" -- "$CRISOL" train --resume text.h5
refused "text.h5: it is not an HDF5 file" -- "$CRISOL" predict --model text.h5 --data set
refused "-o: 'scores' must end in .csv" -- "$CRISOL" predict --model parts.h5 --data set -o scores
refused "--model is needed" -- "$CRISOL" evaluate --data set
refused "nofolder/a.h5: cannot write" -- "$CRISOL" "${training[@]}" --checkpoint nofolder/a.h5
refused "--every: it is for --checkpoint" -- "$CRISOL" "${training[@]}" --every 2
cmp whole.h5 parts.h5 || die "a refusal has changed the file"

# What a file says writes nothing but itself: options that name outputs are taken neither from a file nor into one.
cp parts.h5 evil.h5
for option in --checkpoint --predict --confusion --log --plot --show --dump-kernels; do
    "$BIN/bin/h5_note" evil.h5 /notes $option "$PWD/victim"
done
run 0 "$CRISOL" train --resume evil.h5 --epochs 6
[[ ! -e victim ]] || die "a file named a file, and it was written"
! grep -q victim evil.h5 || die "what is not taken is kept"
# A wrong value is told as the file's, and disturbs no terminal.
cp parts.h5 odd.h5
"$BIN/bin/h5_note" odd.h5 /notes --optimizer $'\e[31m'
refused "crisol train: odd.h5: --optimizer: '?[31m' is none of " -- "$CRISOL" train --resume odd.h5 --epochs 6
cp parts.h5 odd.h5
"$BIN/bin/h5_note" odd.h5 /notes --label-smoothing 7
refused "crisol train: odd.h5: --label-smoothing: it is 7; it must" -- "$CRISOL" train --resume odd.h5 --epochs 6
refused "crisol train: --label-smoothing: it is 8" -- "$CRISOL" "${training[@]}" --label-smoothing 8
cp parts.h5 odd.h5
"$BIN/bin/h5_note" odd.h5 /notes --data /dev/zero
refused "odd.h5: its --data is /dev/zero, a device or a pipe" -- "$CRISOL" train --resume odd.h5 --epochs 6
"$BIN/bin/h5_note" odd.h5 /notes --data nowhere
refused "odd.h5: --data: data 'nowhere': no such folder" -- "$CRISOL" train --resume odd.h5 --epochs 6
# A net that the file has no weights for is refused before there is a trainer, which would tell it in other words.
cp parts.h5 huge.h5
"$BIN/bin/h5_note" huge.h5 / net 'dense 16000000 relu, dropout 0.1, dense 4'
refused "huge.h5: its weights are not those of its net: " "dense1.w f32[64,8] (here f32[64,16000000])" -- \
    "$CRISOL" train --resume huge.h5 --epochs 6

refused "huge.h5: its weights are not those of its net: " -- \
    "$CRISOL" train --data set --start huge.h5 --loss softmax-cross-entropy
cp parts.h5 odd.h5
"$BIN/bin/h5_note" odd.h5 /best epoch 2
"$BIN/bin/h5_note" odd.h5 /best figure zzz
refused "odd.h5: the best epoch's figure is no number: zzz" -- "$CRISOL" train --resume odd.h5 --epochs 6

# A training that begins with a model's weights takes all of them, of the same shapes, not only as many bytes.
printf '%s\n' 1,2,3,4,0 2,3,4,5,1 >four.csv
printf '%s\n' 1,2,3,4,5,6,0 2,3,4,5,6,7,1 >six.csv
run 0 "$CRISOL" train --data four.csv --net 'dense 6 nobias' --epochs 1 --checkpoint four.h5 --loss softmax-cross-entropy
refused "four.h5: it is of another net: of another shape dense1.w f32[4,6] (here f32[6,4])" -- \
    "$CRISOL" train --data six.csv --net 'dense 4 nobias' --start four.h5 --loss softmax-cross-entropy
refused "four.h5: it is of another net: missing dense1.b f32[6], dense2.w f32[6,2]" -- \
    "$CRISOL" train --data four.csv --net 'dense 6, dense 2 nobias' --start four.h5 --loss softmax-cross-entropy
# What makes samples ready is part of a checkpoint's net, and not put before it again; without it, it is of the new samples.
run 0 "$CRISOL" train --data t.csv --start t.h5 --loss softmax-cross-entropy --epochs 1 --batch 4 --checkpoint t2.h5
run 0 "$CRISOL" train --resume t2.h5 --epochs 2
refused "--standardize: the net of t.h5 has layers that make samples ready" -- \
    "$CRISOL" train --data t.csv --start t.h5 --loss softmax-cross-entropy --standardize
run 0 "$CRISOL" train --data four.csv --start four.h5 --standardize --epochs 1 --loss softmax-cross-entropy --checkpoint f2.h5
run 0 "$CRISOL" train --resume f2.h5 --epochs 2

# What began with another file, or drew into a folder, goes on without them.
mkdir pictures
run 0 "$CRISOL" train --data set --loss softmax-cross-entropy --start parts.h5 --epochs 1 --checkpoint b.h5 --show pictures/x.png
rm -r pictures
mv parts.h5 away.h5
run 0 "$CRISOL" train --resume b.h5 --epochs 2
mv away.h5 parts.h5
refused "--start: --resume goes on with the weights of b.h5" -- "$CRISOL" train --resume b.h5 --start parts.h5
refused "parts.h5: it was trained without --standardize" -- "$CRISOL" train --resume parts.h5 --standardize --epochs 9

# Half a file is damaged, and said to be. (Flipped bits: tests/io/model.c.)
python3 - <<'PY'
b = (open("parts.h5", "rb").read())
open("short.h5", "wb").write(b[:len(b) // 2])
PY
refused "short.h5: " -- "$CRISOL" predict --model short.h5 --data set

# Early stopping has the last word: there is nothing to go on with.
run 0 "$CRISOL" train --data set --net 'dense 4' --loss softmax-cross-entropy --lr 1e-9 --epochs 9 --patience 2 --min-delta 1 \
    --checkpoint stopped.h5
says "stopped after epoch 3; the weights are those of epoch 1, test loss "
refused "stopped.h5: it had stopped after epoch 3, 2 epochs (--patience) after the best one: epoch 1, test loss " \
    "--start stopped.h5 begins another" -- "$CRISOL" train --resume stopped.h5 --epochs 60
run 0 "$CRISOL" train --data set --loss softmax-cross-entropy --start stopped.h5 --epochs 1

# Nothing is written over what is read, however it is spelled; --resume's file may be --checkpoint's.
cp t.csv mine.csv
mkdir -p sub
refused "--checkpoint: sub/../mine.csv would be written over what --data reads" -- \
    "$CRISOL" train --data mine.csv --checkpoint sub/../mine.csv
cmp t.csv mine.csv || die "the data was written over"
refused "--checkpoint: ./t.h5 would be written over what --start reads" -- \
    "$CRISOL" train --data t.csv --start t.h5 --checkpoint ./t.h5
refused "--predict: ./t.csv would be written over what --data reads" -- "$CRISOL" train --resume t2.h5 --epochs 3 --predict ./t.csv
refused "--predict: ./t2.h5 would be written over what --resume reads" -- "$CRISOL" train --resume t2.h5 --epochs 3 --predict ./t2.h5
refused "-o: ./new.csv would be written over what --data reads" -- "$CRISOL" predict --model t.h5 --data new.csv -o ./new.csv
refused "-o: ./p.csv would be written over what --predictions reads" -- \
    "$CRISOL" show --data set --predictions p.csv -o ./p.csv
run 0 "$CRISOL" train --resume t2.h5 --checkpoint ./t2.h5 --epochs 3

# What is replaced keeps its permissions, and a link its file.
echo mine >sub/private.csv
chmod 600 sub/private.csv
ln -s sub/private.csv link.csv
run 0 "$CRISOL" predict --model parts.h5 --data set -o link.csv
cmp sub/private.csv p.csv || die "the link was replaced"
[[ -L link.csv && $(stat -c %a sub/private.csv) == 600 ]] || die "the permissions changed"

# A full disk: what is written is whole or as it was.
seq 400 | tee old.csv old.svg >old.keras
run 0 "$CRISOL" "${training[@]}" --epochs 16 --checkpoint long.h5 --log long.csv
cp long.csv long.log
run 0 "$CRISOL" "${training[@]}" --epochs 1 --confusion c.svg # compiles; nothing new may be written below
(
    ulimit -f 1
    run 1 "$CRISOL" predict --model parts.h5 --data set -o old.csv
    says "old.csv: cannot write: File too large"
    run 1 "$CRISOL" export parts.h5 -o old.keras
    says "old.keras: cannot write: File too large"
    run 1 "$CRISOL" train --resume long.h5 --checkpoint long2.h5 --every 9 --epochs 17 --log long.csv
    says "long.csv: cannot write: File too large"
    run 1 "$CRISOL" "${training[@]}" --epochs 1 --confusion old.svg
    says "old.svg: cannot write: File too large"
)
for file in old.csv old.keras old.svg; do
    seq 400 | cmp - $file || die "a failed write has harmed $file"
done
cmp long.csv long.log || die "a failed write has harmed the log"
[[ -z $(find . -name '*.tmp') ]] || die "a temporary file is left"

# A full disk: the last checkpoint stays as it was.
cp parts.h5 full.h5
(
    ulimit -f 4
    run 1 "$CRISOL" train --resume full.h5 --epochs 6
    says "full.h5: cannot write"
)
cmp full.h5 parts.h5 || die "a failed write has harmed the file"
[[ -z $(find . -name '*.tmp') ]] || die "a temporary file is left"

# After Ctrl-C the last checkpoint is whole, and goes on.
"$CRISOL" "${training[@]}" --epochs 1000000 --checkpoint int.h5 >out 2>err &
pid=$!
trap 'kill -9 "$pid" 2>/dev/null || true' EXIT
for ((i = 0; i < 400; i++)); do
    if [[ -s int.h5 ]]; then break; fi
    sleep 0.05
done
[[ -s int.h5 ]] || die "no checkpoint was written in 20 s"
kill -INT "$pid"
wait "$pid" && die "not interrupted" || [[ $? == 130 ]] || die "exit status"
says "interrupted in epoch" "--resume int.h5 goes on after epoch"
epochs=$(sed -n 's/.*goes on after epoch //p' err)
run 0 "$CRISOL" train --resume int.h5 --epochs $((epochs + 1)) --json
json "[e['epoch'] for e in d['epochs']] == [$epochs + 1]"
