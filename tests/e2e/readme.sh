#!/usr/bin/env bash
# What the documents say is so: README's program is the example that is built, links lead somewhere,
# and the command knows the options that are shown. Needs no device.
source "$SRC/tests/e2e/lib.bash"

sed -n '/^```c$/,/^```$/p' "$SRC/README.md" | sed '1d;$d' >program.c
diff program.c "$SRC/examples/mlp.c" || die "README's program is not examples/mlp.c"

for file in README.md CONTRIBUTING.md CHANGELOG.md; do
    while read -r link; do
        [[ -e $SRC/$link ]] || die "$file links to $link, which is not there"
    done < <(grep -oE '\]\([A-Za-z0-9_./-]+\)' "$SRC/$file" | tr -d ']()')
done

sed -n '/^## The command/,/^## Where/p' "$SRC/README.md" | grep -E '^    (crisol| )' >shown
while read -r command; do
    run 0 "$CRISOL" "$command" --help
    cp out "help-$command"
done < <(grep -oE '^    crisol [a-z]+' shown | awk '{ print $2 }')
for option in $(grep -oE ' --[a-z-]+' shown); do
    grep -qs -- "^  $option" help-* || die "no command has the option $option"
done
