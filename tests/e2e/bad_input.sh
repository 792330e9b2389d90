#!/usr/bin/env bash
# Bad input, a check for each: what, where, what to do; exit 1, nothing half-written.
# crisol-test: timeout=300
source "$SRC/tests/e2e/lib.bash"
export CRISOL_DATA=$TMP/none
make_set set
small=(--data set --net 'dense 8 relu, dense 4' --epochs 1)

# ---- data ----
refused "data 'nowhere': no such folder" "fashion-mnist, mnist" -- "$CRISOL" train --data nowhere
refused "data set 'mnist' was not found" "CRISOL_DATA" -- "$CRISOL" train --data mnist
broken() { rm -rf broken && cp -r set broken; }
broken && rm broken/t10k-labels-idx1-ubyte
refused "there is no t10k-labels-idx1-ubyte" -- "$CRISOL" train --data broken
broken && truncate -s -1 broken/train-images-idx3-ubyte
refused "broken/train-images-idx3-ubyte: truncated" -- "$CRISOL" train --data broken
broken && gzip broken/train-images-idx3-ubyte && truncate -s -9 broken/train-images-idx3-ubyte.gz
refused "broken/train-images-idx3-ubyte.gz: truncated" -- "$CRISOL" train --data broken
broken && printf '\x01' | dd of=broken/train-labels-idx1-ubyte conv=notrunc status=none
refused "broken/train-labels-idx1-ubyte: not an IDX file" "01 00 08 01" -- "$CRISOL" train --data broken
broken && cp set/t10k-labels-idx1-ubyte broken/train-labels-idx1-ubyte
refused "640 images in train-images-idx3-ubyte, but 100 labels" -- "$CRISOL" train --data broken
refused "label 3 of training sample" "outside the 3 classes" -- \
    "$CRISOL" train --data set --net 'dense 8 relu, dense 3'

# ---- nets ----
refused "column 11" "'sigmiod' is no option of 'dense'" "and no activation (linear, sigmoid" "dense 256 sigmiod" "            ^~~~~~~" -- \
    "$CRISOL" train --data set --net 'dense 256 sigmiod'
refused "column 1" "'konv' is not a layer" -- "$CRISOL" compare --data set --net 'konv 3'
refused "layer is missing" -- "$CRISOL" profile --data set --net ''
window() { # WORD ROWS HAS NET
    refused "net, layer" "(${1}1): " "a window over $2 rows does not fit into the image, which has $3 with its padding" \
        "a smaller one is needed, or padding" -- "$CRISOL" train --data set --net "$4"
}
window conv 9 8 'conv 4 9, dense 4'
window conv 9 4 'avgpool 2, conv 3 5 dilation 2, dense 4'
window maxpool 9 8 'maxpool 9, dense 4'
refused "net, layer 2 (conv2): conv2d" "4 groups do not divide the 6 channels; both" -- \
    "$CRISOL" compare --data set --net 'conv 6 3, conv 8 3 groups 4, dense 4'
refused "net, layer 2 (maxpool1): max_pool2d: x is f32[batch,4]; it needs f32 [samples, rows" -- \
    "$CRISOL" train --data set --net 'dense 4, maxpool 2'
refused "net: it has inputs: 2, outputs: 1; one of each is needed here" -- \
    "$CRISOL" train --data set --net 'input 64 as a, dense 4 as d, input 64 as b, again d, sub d'
refused "net, layer 1 (pixels): this input is f32[batch,9,9], and is given f32[batch,8,8,1]" "samples differ" -- \
    "$CRISOL" train --data set --net 'input 9 9 as pixels, dense 4'
refused "column 12: 'x' cannot be the layer's name: it is the name of what the net takes" -- \
    "$CRISOL" dot --net 'dense 4 as x'
for rate in 1 -0.1 1.5; do
    refused "column 18: the rate must be in [0, 1)" "                   ^" -- \
        "$CRISOL" train --data set --net "dense 8, dropout $rate, dense 4"
done

# ---- batches, rates ----
for command in train compare profile; do
    refused "a batch of 641 samples is larger than the training set of 640" -- "$CRISOL" $command --data set --batch 641
done
refused "a batch of 70000 samples is larger than the training set of 60000" -- \
    "$CRISOL" dot --net 'dense 3' --batch 70000
refused "--lr: the learning rate is 0; it must be above 0" -- "$CRISOL" train "${small[@]}" --lr 0
refused "--momentum: the optimizer sgd has none" -- "$CRISOL" train "${small[@]}" --momentum 0.5
refused "--momentum: it is -1" -- "$CRISOL" train "${small[@]}" --optimizer momentum --momentum -1
for option in weight-decay clip-value clip-norm; do
    refused "--$option: it is -1; it must be 0 or more" -- "$CRISOL" train "${small[@]}" --$option -1
done
refused "--schedule, column 6: '-3' is not a number of steps or epochs (above 0, up to 2^24)" "  step -3 0.5" "       ^~" -- \
    "$CRISOL" train "${small[@]}" --schedule 'step -3 0.5'
refused "--schedule, column 8: '-1' is not a decay, above 0" -- "$CRISOL" train "${small[@]}" --schedule 'step 3 -1'
refused "--schedule, column 22: '-2' is not a number" -- \
    "$CRISOL" profile "${small[@]::4}" --schedule 'cosine 3, warmup     -2'
refused "count_top_k: k is 5; it must be from 1 to the number of classes" -- "$CRISOL" train "${small[@]}" --top-k 5
refused "label 2 of training sample" "outside the 2 classes" -- \
    "$CRISOL" train --data set --net 'dense 1' --loss sigmoid-cross-entropy

# ---- validation, augmentation ----
for part in 1 -0.5 nan; do
    run 1 "$CRISOL" train "${small[@]}" --validation-split $part
done
refused "the validation split is 1; it must be in [0, 1)" -- "$CRISOL" train "${small[@]}" --validation-split 1
refused "leaves 640 of 640 samples for training and 0 for validation; both need one" -- \
    "$CRISOL" train "${small[@]}" --validation-split 0.0001
refused "a batch of 400 samples is larger than the training set of 320" -- \
    "$CRISOL" train "${small[@]}" --validation-split 0.5 --batch 400
refused "a shift of 8 pixels can leave nothing of images of 8 x 8" -- "$CRISOL" train "${small[@]}" --augment shift=8

# ---- outputs, said before training ----
refused "nowhere/p.csv: cannot write" -- "$CRISOL" train "${small[@]}" --predict nowhere/p.csv
refused "--log: 'log.txt' must end in .csv, or in .jsonl" -- "$CRISOL" train "${small[@]}" --log log.txt
refused "nowhere/c.csv: cannot write" -- "$CRISOL" train "${small[@]}" --confusion nowhere/c.csv
refused "--log and --predict: both write both.csv" -- "$CRISOL" train "${small[@]}" --log both.csv --predict both.csv
[[ ! -e both.csv ]] || die "both.csv was written"
# However they are spelled, and inputs too.
refused "--log and --predict: both write" -- "$CRISOL" train "${small[@]}" --log both.csv --predict ./both.csv
ln -s . here
refused "--log and --predict: both write" -- "$CRISOL" train "${small[@]}" --log both.csv --predict here/both.csv
touch here.csv && ln -s here.csv link.csv
refused "--csv and --plot: both write" -- "$CRISOL" profile "${small[@]::4}" --split --csv here.csv --plot link.csv
refused "--log: set/t10k-labels-idx1-ubyte would be written over what --data reads" -- \
    "$CRISOL" train --data ./set --log set/t10k-labels-idx1-ubyte
rm here here.csv link.csv
refused "nowhere/log.csv: cannot write" -- "$CRISOL" train "${small[@]}" --log nowhere/log.csv
refused "nowhere/p.svg: cannot write" -- "$CRISOL" train "${small[@]}" --plot nowhere/p.svg
refused "must end in .svg or .png" -- "$CRISOL" train "${small[@]}" --plot plot.pdf
refused "set: cannot write: it is a folder" -- "$CRISOL" train "${small[@]}" --log set
refused "nowhere/t.json: cannot write" -- "$CRISOL" profile "${small[@]::4}" --trace nowhere/t.json
refused "nowhere/g.svg: cannot write" -- "$CRISOL" dot --net 'dense 3' -o nowhere/g.svg
refused "gnuplot was not found" "gnuplot-nox" -- env PATH=/nonexistent "$CRISOL" train "${small[@]}" --plot p.svg
[[ -z $(find . -name '*.tmp*') ]] || die "temporary files are left"

# ---- text form ----
printf 'graph "g" {\nnonsense here\n' >bad.cr
refused "bad.cr:2:" "^" -- "$CRISOL" opt bad.cr
refused "nowhere.cr: cannot open" -- "$CRISOL" opt nowhere.cr
refused "cannot open" -- "$CRISOL" opt set
"$CRISOL" opt --help >/dev/null
run 0 "$CRISOL" opt --list-passes
refused "there is no pass 'fuze'" "fuse" -- "$CRISOL" dot --net 'dense 3' --after fuze

# ---- devices ----
refused 'the option device (--device) asks for "no-such-device", which no usable device matches; the devices are:' -- \
    "$CRISOL" train "${small[@]}" --device no-such-device
refused "--target and --json: which of the two?" -- "$CRISOL" devices --target --json
run 0 "$CRISOL" devices --quick
name=$(sed -n 's/^\* [0-9]*  //p' out)
pocl=$(grep -c 'Portable Computing Language' out) || true
"$CRISOL" train "${small[@]}" --device no-such-device 2>err && die "it trained"
says "${name:0:20}" # lists those there are
mkdir -p empty
no_platform=("no OpenCL platform was found" "OCL_ICD_VENDORS is $TMP/empty" "apt install pocl-opencl-icd")
refused "${no_platform[@]}" -- env OCL_ICD_VENDORS="$TMP/empty" "$CRISOL" devices
refused "${no_platform[@]}" -- env OCL_ICD_VENDORS="$TMP/empty" "$CRISOL" train "${small[@]}"
if ((pocl)); then
    refused "Portable Computing Language" "but no device" "clinfo -l" -- \
        env POCL_DEVICES=nonexistent "$CRISOL" train "${small[@]}"
fi

# ---- limits ----
refused "a step moves" "max_transfer_bytes is 0" "to the device, f32[" "compile fused, or raise" -- \
    "$CRISOL" train "${small[@]}" --opt naive --max-transfer-bytes 0
run 0 "$CRISOL" train "${small[@]}" --opt fused --max-transfer-bytes 0

# ---- numbers ----
run 1 "$CRISOL" train --data set --net 'dense 8 relu, dense 4' --lr 1e30 --epochs 3 --log bad.csv
says "training diverged: in epoch 1, step" "the first value of that step that is not" "smaller learning rate"
[[ $(wc -l <bad.csv) == 1 ]] || die "bad.csv holds an epoch that was not"

# ---- a cache that cannot be used ----
mkdir cache && touch cache/crisol # a file where the folder should be
run 0 env XDG_CACHE_HOME="$TMP/cache" "$CRISOL" train "${small[@]}"
once() { [[ $(grep -cF "$1" err) == 1 ]] || die "'$1' is not said once"; }
once "crisol: program cache: $TMP/cache/crisol: "
says "(CRISOL_CACHE=FOLDER moves the cache, CRISOL_CACHE=off does without)"
run 0 env CRISOL_CACHE="$TMP/own" "$CRISOL" train "${small[@]}"
entries=(own/*.program)
((${#entries[@]} >= 2)) || die "training and evaluation make two entries"
for entry in "${entries[@]}"; do
    printf 'damage' | dd of="$entry" bs=1 seek=3000 conv=notrunc status=none
done
run 0 env CRISOL_CACHE="$TMP/own" "$CRISOL" train "${small[@]}"
once "damaged, not used, and going to be replaced"
run 0 env CRISOL_CACHE="$TMP/own" "$CRISOL" train "${small[@]}"
if grep -q damaged err; then die "a damaged entry was not replaced"; fi
