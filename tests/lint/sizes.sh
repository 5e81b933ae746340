#!/bin/sh
# Size report: no function over 80 lines, no file over 600, 100 columns; prints median and 95th percentile.
set -u
sources=$(git ls-files 'gateway/*.[ch]' 'plugins/*.[ch]' 'model/*.[ch]' 'tests/*.[ch]')
lengths=$(for file in $sources; do
	awk -v file="$file" '
		/^[A-Za-z_].*\(/ && !/;[ \t]*$/ && !/^(typedef|struct [a-z_]+ \{|enum|union|#)/ { start = FNR; name = $0 }
		/^}/ { if (start) print FNR - start, file ":" start; start = 0 }' "$file"
done | sort -n)
count=$(printf '%s\n' "$lengths" | wc -l)
at() { printf '%s\n' "$lengths" | sed -n "$((count * $1 / 100 + 1))p" | cut -d' ' -f1; }
echo "$count functions: median $(at 50) lines, 95th percentile $(at 95), longest $(printf '%s\n' "$lengths" | tail -n 1)"
bad=$(printf '%s\n' "$lengths" | awk '$1 > 80 { print $2 ": a function of " $1 " lines" }'
	for file in $sources; do
		awk -v file="$file" 'END { if (NR > 600) print file ": " NR " lines" }' "$file"
		awk -v file="$file" '{ gsub(/\t/, "        ") } length($0) > 110 { print file ":" FNR ": " length($0) " columns" }' "$file"
	done)
[ -z "$bad" ] && exit 0
printf '%s\n' "$bad"
exit 1
