#!/usr/bin/env bash
# crisol show, and train's --show and --confusion: PNG grids and confusion matrices.
# crisol-test: timeout=300
source "$SRC/tests/e2e/lib.bash"
make_set set 160 40
is_svg() { python3 -c 'import sys, xml.dom.minidom as m; m.parse(sys.argv[1])' "$1" || die "$1 is no SVG"; }

# png EXPRESSION FILE: of width w, height h, and how often each color #rrggbb stands in it (n).
png() {
    python3 - "$@" <<'PY' || die "$2: $1"
import collections, struct, sys, zlib
data, at, idat = open(sys.argv[2], "rb").read(), 8, b""
assert data[:8] == b"\x89PNG\r\n\x1a\n"
while at < len(data):
    size, kind = struct.unpack(">I4s", data[at:at + 8])
    body = data[at + 8:at + 8 + size]
    assert zlib.crc32(kind + body) == struct.unpack(">I", data[at + 8 + size:at + 12 + size])[0]
    if kind == b"IHDR":
        w, h, depth, color = struct.unpack(">IIBB", body[:10])
        assert (depth, color) == (8, 2)
    idat += body if kind == b"IDAT" else b""
    at += 12 + size
raw, before, n = zlib.decompress(idat), bytes(3 * w), collections.Counter()
for y in range(h):
    f, line = raw[y * (3 * w + 1)], bytearray(raw[y * (3 * w + 1) + 1:(y + 1) * (3 * w + 1)])
    for i in range(3 * w):
        a, b, c = line[i - 3] if i > 2 else 0, before[i], before[i - 3] if i > 2 else 0
        p = a + b - c
        paeth = min((abs(p - a), 0, a), (abs(p - b), 1, b), (abs(p - c), 2, c))[2]
        line[i] = (line[i] + (0, a, b, (a + b) // 2, paeth)[f]) & 255
    n.update("#" + line[i:i + 3].hex() for i in range(0, 3 * w, 3))
    before = line
if not eval(sys.argv[1]): sys.exit(f"{w} x {h}, {n.most_common(12)}")
PY
}

# ---- samples ----
run 0 "$CRISOL" show --data set --count 6 --columns 3 -o g.png
says "6 of 40 samples in g.png"
# cells of 20 x 8 pixels and frames, a line of text, gaps
png 'w == 10 + 3 * (160 + 8 + 10) and h == 10 + 2 * (160 + 8 + 4 + 18 + 10) and n["#ffffff"] > 0 and n["#222222"] > 0' g.png
run 0 "$CRISOL" show --data set --set training --shuffle 3 --count 4 -o s.png
run 0 "$CRISOL" show --data set --set training --shuffle 4 --count 4 -o s4.png
cmp -s s.png s4.png && die "--shuffle shuffles nothing"

# ---- predictions ----
run 0 "$CRISOL" train --data set --net 'dense 4' --loss softmax-cross-entropy --epochs 1 --lr 0.05 --predict p.csv \
    --confusion c.csv --show t.png --checkpoint t.h5
wrong=$(awk -F, 'NR > 1 && $2 != $3' p.csv | wc -l)
((wrong > 0 && wrong < 40)) || die "$wrong of 40 are wrong: the test wants some of both"
frame=$((168 * 168 - 160 * 160)) thin=$((164 * 164 - 160 * 160))
png "n['#009e73'] == (40 - $wrong) * $thin and n['#d55e00'] > $wrong * $frame" t.png
run 0 "$CRISOL" show --data set --predictions p.csv -o all.png
cmp t.png all.png
run 0 "$CRISOL" show --data set --predictions p.csv --wrong -o wrong.png --matrix m.svg
says "$wrong of 40 samples in wrong.png"
png 'n["#009e73"] == 0 and n["#d55e00"] > 0' wrong.png
is_svg m.svg
run 0 "$CRISOL" show --data set --model t.h5 --wrong -o model.png --matrix model.svg
cmp model.png wrong.png
cmp model.svg m.svg

# ---- the matrix ----
run 0 "$CRISOL" show --confusion c.csv --matrix c.svg
cmp c.svg m.svg
right=$(awk -F, 'NR > 1 { n += $NR } END { print n }' c.csv)
grep -q ">$right of 40 samples are taken for what they are: " c.svg || die "c.svg does not tell the accuracy"
run 0 "$CRISOL" show --confusion c.csv --matrix c.png
head -c 4 c.png | grep -q PNG || die "c.png"
printf 'label,"a, b","say ""c"""\n"a, b",3,1\n"say ""c""",0,4\n' >named.csv
run 0 "$CRISOL" show --confusion named.csv --matrix named.svg
grep -q '>a, b<' named.svg || die "a class's name is lost"
printf 'label,a_b&c,a b c,äääääääääääääääääääääääääääää,"\\""\xff"\n' >utf.csv
printf '%s,1,2,3,4\n' 'a_b&c' 'a b c' äääääääääääääääääääääääääääää >>utf.csv
printf '"\\""\xff",1,2,3,4\n' >>utf.csv
run 0 "$CRISOL" show --confusion utf.csv --matrix utf.svg
is_svg utf.svg
for name in 'a_b&amp;c' 'a b c' 'äääääääääääääääääääää\.\.\.' '\\"?'; do
    [[ $(grep -c ">$name<" utf.svg) == 2 ]] || die "a class's name is not as it is: $name"
done

# ---- bad input ----
show() { # TEXT... -- ARGUMENTS...: refused, and no picture is left
    refused_by show "$@"
    [[ ! -e bad.png && ! -e bad.svg ]] || die "a picture was written"
}
show "where to? -o F.png" -- --data set
show "'bad.jpg' must end in .png" -- --data set -o bad.jpg
show "nowhere/bad.png: cannot write" -- --data set -o nowhere/bad.png
show "--set: set has no validation samples" -- --data set --set validation -o bad.png
show "none of the 40 samples is left" -- --data set --first 40 -o bad.png
show "--wrong: by which predictions?" -- --data set --wrong -o bad.png
show "--set: a --model predicts the test samples" -- --data set --model t.h5 --set training -o bad.png
show "p.csv" -- --data set --model p.csv -o bad.png
show "--matrix: of what?" -- --data set --matrix bad.svg
show "p.csv, line 2: the sample has another label" -- --data set --set training --predictions p.csv -o bad.png
show "c.csv, line 1: there are no columns 'image'" -- --data set --predictions c.csv -o bad.png
printf 'image,label,predicted\n40,0,0\n' >bad.csv
show "bad.csv, line 2: there is no such sample" -- --data set --predictions bad.csv -o bad.png
printf 'image,predicted\n0,cat\n' >bad.csv
show "bad.csv, line 2: what is predicted is no class" -- --data set --predictions bad.csv -o bad.png
show "p.csv, line 2: this is not the line of the class that is due" -- --confusion p.csv --matrix bad.svg
printf 'label,0,1\n0,1,2\n1,x,2\n' >bad.csv
show "bad.csv, line 3: a field is no count" -- --confusion bad.csv --matrix bad.svg
printf 'label,0,1\n0,1,2\n1,2\n' >bad.csv
show "bad.csv, line 3: counts are missing" -- --confusion bad.csv --matrix bad.svg
printf 'label,0,1\n0,1,2\n' >bad.csv
show "bad.csv, line 3: this is not the line" -- --confusion bad.csv --matrix bad.svg
: >bad.csv
show "bad.csv, line 1: there are no classes" -- --confusion bad.csv --matrix bad.svg
printf 'a,b,class\n1,2,0\n3,4,1\n' >table.csv
show "-o: the samples of table.csv are no images but f32 [2]" -- --data table.csv --set training -o bad.png
refused "--show: the samples of" "are no images" -- "$CRISOL" train --data table.csv --test-data table.csv --net 'dense 2' \
    --loss softmax-cross-entropy --show bad.png
[[ -z $(find . -name '*.tmp*') ]] || die "temporary files are left"
