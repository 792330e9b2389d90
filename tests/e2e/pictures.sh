#!/usr/bin/env bash
# crisol dot and opt: pictures open, every pass can be looked at, no device is needed.
source "$SRC/tests/e2e/lib.bash"
export OCL_ICD_VENDORS=$TMP/none
mkdir none
net=(--net 'dense 16 relu, dense 10' --loss softmax-cross-entropy --optimizer adam)

is_svg() { python3 -c 'import sys, xml.dom.minidom as m; m.parse(sys.argv[1])' "$1" || die "$1 is no SVG"; }

run 0 "$CRISOL" dot "${net[@]}"
head -n 1 out | grep -q '^digraph' || die "no digraph"
run 0 "$CRISOL" dot "${net[@]}" -o before.svg
is_svg before.svg
run 0 "$CRISOL" dot "${net[@]}" --after all -o after.svg
is_svg after.svg
run 0 "$CRISOL" dot "${net[@]}" --variant naive --after all -o naive.svg
is_svg naive.svg
run 0 "$CRISOL" dot "${net[@]}" -o g.png
head -c 4 g.png | grep -q PNG || die "g.png"
run 0 "$CRISOL" dot "${net[@]}" -o g.pdf
head -c 4 g.pdf | grep -q %PDF || die "g.pdf"
for name in g.jpg g folder.d/g; do
    refused "-o: '$name' must end in .dot, .gv, .svg, .png or .pdf" -- "$CRISOL" dot "${net[@]}" -o "$name"
    [[ ! -e $name ]] || die "$name was written"
done
run 0 "$CRISOL" dot "${net[@]}" -o -
head -n 1 out | grep -q '^digraph' || die "no digraph"
run 0 "$CRISOL" opt --list-passes
mapfile -t passes < <(awk '{ print $1 }' out)
((${#passes[@]} >= 8)) || die "where are the passes?"
for pass in "${passes[@]}"; do
    run 0 "$CRISOL" dot "${net[@]}" --before "$pass" -o "before-$pass.dot"
    run 0 "$CRISOL" dot "${net[@]}" --after "$pass" -o "after-$pass.dot"
done

# The nets of examples/cnn.c and examples/residual.c, whole.
cnn='conv 32 3 relu, maxpool 2, conv 64 3 relu, maxpool 2, conv 64 3 relu, flatten, dense 64 relu, dropout 0.3, dense 10'
residual='conv 16 3 same stride 2, batchnorm, activation relu, conv 16 3 same, batchnorm, activation relu, conv 16 3 same,
    batchnorm, add activation1, activation relu, globalavg, dense 10'
for images in "$cnn" "$residual"; do
    run 0 "$CRISOL" dot --net "$images" --loss softmax-cross-entropy --optimizer adam
    head -n 1 out | grep -q '^digraph' || die "no digraph"
    run 0 "$CRISOL" dot --net "$images" --loss softmax-cross-entropy --optimizer adam --after all -o -
    head -n 1 out | grep -q '^digraph' || die "no digraph after the passes"
done

# A graph of a text file, in all forms.
file=$SRC/tests/graph/mlp.cr
for emit in graph dot plan reasons cl none; do
    for target in cpu gpu; do
        run 0 "$CRISOL" opt "$file" --emit=$emit --target $target
        [[ $emit == none || -s out ]] || die "--emit=$emit prints nothing"
    done
done
run 0 "$CRISOL" opt - <"$file"
run 0 "$CRISOL" opt "$file" --print-after=simplify --time-passes --emit=none
[[ -s err && ! -s out ]] || die "--print-after and --time-passes"
run 0 "$CRISOL" dot "$file" -o f.svg
is_svg f.svg
