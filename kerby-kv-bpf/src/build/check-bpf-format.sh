#!/bin/sh
# Checks with clang-format, against the .clang-format above them, every C file below the directories.
#
#   check-bpf-format.sh CLANG_FORMAT DIRECTORY...
#
# To put them right: clang-format-19 -i FILE...
set -eu

clang_format=$1
shift
command -v "$clang_format" >/dev/null || {
	echo "check-bpf-format: $clang_format is not installed; install Debian package clang-format-19," \
		"or name another with -Dbpf.clang-format=..." >&2
	exit 1
}
for directory in "$@"; do
	[ -d "$directory" ] || continue
	find "$directory" \( -name '*.c' -o -name '*.h' \) -exec "$clang_format" --dry-run -Werror {} +
done
