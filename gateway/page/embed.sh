#!/bin/sh
# Writes the page's files as C: struct mw_page_file (gateway/io/page.h) of each file on the command line.
set -eu

type_of() {
	case $1 in
	*.html) echo 'text/html; charset=utf-8' ;;
	*.css) echo 'text/css; charset=utf-8' ;;
	*.js) echo 'text/javascript; charset=utf-8' ;;
	*.svg) echo 'image/svg+xml' ;;
	*) echo "embed.sh: $1: no such type" >&2 && exit 1 ;;
	esac
}

echo '#include "gateway/io/page.h"'
n=0
for file in "$@"; do
	n=$((n + 1))
	printf 'static const char data%d[] =\n' $n
	# a question mark is escaped, too: two of them may begin a trigraph
	awk '{ gsub(/[\\"?]/, "\\\\&"); print "\"" $0 "\\n\"" } END { print ";" }' "$file"
done
echo 'const struct mw_page_file mw_page_files[] = {'
n=0
for file in "$@"; do
	n=$((n + 1))
	path=/${file##*/}
	[ "$path" != /index.html ] || path=/
	tag=$(cksum <"$file" | tr ' ' '-')
	printf '{"%s", "%s", data%d, sizeof(data%d) - 1, "\\"page-%s\\""},\n' "$path" "$(type_of "$file")" $n $n "$tag"
done
echo '{0}};'
