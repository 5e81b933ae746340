#!/bin/sh
# make lint: format, static analysis, include directions, size report.  Needs clang-format and cppcheck.
set -u
cd "$(dirname "$0")/../.." || exit 70
deploy/deps.sh clang-format cppcheck || exit
status=0

echo "format"
git ls-files '*.c' '*.h' | xargs clang-format --dry-run -Werror || status=1

echo "cppcheck"
git ls-files 'gateway/*.c' 'plugins/*.c' 'model/*.c' |
	xargs cppcheck --quiet --std=c11 --language=c -I. -D_GNU_SOURCE '-DMW_VERSION="0"' \
		--enable=warning,portability,performance --inline-suppr --error-exitcode=1 \
		--suppress=missingIncludeSystem --suppress=normalCheckLevelMaxBranches -j2 || status=1

echo "include directions"
tests/lint/includes.sh || status=1

echo "sizes"
tests/lint/sizes.sh || status=1
exit $status
