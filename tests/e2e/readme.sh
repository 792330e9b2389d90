#!/usr/bin/env bash
# What the documents say is so: README's program is the example that is built, links lead somewhere,
# and the command knows the options that are shown. Needs no device.
source "$SRC/tests/e2e/lib.bash"

# The first program is a whole example; any other is a part of one.
python3 - "$SRC" <<'PY' || die "README's programs are not those of examples/"
import glob, re, sys
blocks = re.findall(r"^```c\n(.*?)^```$", open(f"{sys.argv[1]}/README.md").read(), re.M | re.S)
files = {f: open(f).read() for f in glob.glob(f"{sys.argv[1]}/examples/*.c")}
assert blocks[0] == files[f"{sys.argv[1]}/examples/mlp.c"], "the first is not mlp.c"
for block in blocks[1:]:
    assert any(block in text for text in files.values()), block
PY

for file in README.md CONTRIBUTING.md CHANGELOG.md; do
    while read -r link; do
        [[ -e $SRC/$link ]] || die "$file links to $link, which is not there"
    done < <(grep -oE '\]\([A-Za-z0-9_./-]+\)' "$SRC/$file" | tr -d ']()')
done

sed -n '/^## The command/,/^## Where/p' "$SRC/README.md" | grep -E '^    (crisol| )' >shown
while read -r command kind; do
    # a study has options of its kind
    [[ $command == study ]] || kind=
    run 0 "$CRISOL" "$command" ${kind:+"$kind"} --help
    cp out "help-$command-$kind"
done < <(awk '/^    crisol / { print $2, $3 }' shown)
for option in $(grep -oE ' --[a-z-]+' shown); do
    grep -qs -- "^  $option" help-* || die "no command has the option $option"
done
