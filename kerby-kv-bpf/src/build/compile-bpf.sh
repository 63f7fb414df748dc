#!/bin/sh
# Compiles every *.bpf.c below SOURCE into OUT/<name>.bpf.o.
#
#   compile-bpf.sh CLANG SOURCE OUT [INCLUDE...]
#
# A program is compiled again when it, any header below SOURCE or INCLUDE, or this script is newer
# than its object. Objects whose source is gone are removed. INCLUDE: further include directories.
set -eu

fail() {
	echo "compile-bpf: $*" >&2
	exit 1
}

clang=$1 source=$2 out=$3
shift 3
script=$(cd "$(dirname "$0")" && pwd)/$(basename "$0")

[ -d "$source" ] || exit 0 # a module without programs of this kind

command -v "$clang" >/dev/null ||
	fail "$clang is not installed; install Debian package clang-19, or name another with -Dbpf.clang=..."

# The kernel's asm/ headers are in a directory named after the machine where the distribution is
# multiarch. -target bpf does not look there by itself.
triple=$("$clang" -print-target-triple)
multiarch=/usr/include/${triple%%-*}-${triple#*-*-}
if [ -e "$multiarch/asm/types.h" ]; then
	set -- "$@" "$multiarch"
elif [ ! -e /usr/include/asm/types.h ]; then
	fail "asm/types.h is neither in $multiarch nor in /usr/include; install Debian package linux-libc-dev"
fi
[ -e /usr/include/bpf/bpf_helpers.h ] ||
	fail "/usr/include/bpf/bpf_helpers.h is missing; install Debian package libbpf-dev"

includes= newest="$script $source"
for directory in "$@"; do
	includes="$includes -I$directory"
	case $directory in /usr/*) ;; *) newest="$newest $directory" ;; esac
done

mkdir -p "$out"
out=$(cd "$out" && pwd)
cd "$source" # so that debug information holds relative paths only

names=$(find . -name '*.bpf.c' -exec basename {} .c \; | sort)
duplicate=$(echo "$names" | uniq -d)
[ -z "$duplicate" ] || fail "two programs are called $duplicate.c, and objects are named after them"

for object in "$out"/*.bpf.o; do
	[ -e "$object" ] || continue
	echo "$names" | grep -qxF "$(basename "$object" .o)" || rm -f "$object"
done

find . -name '*.bpf.c' | sort | while read -r file; do
	object=$out/$(basename "$file" .c).o
	# shellcheck disable=SC2086 # lists of directories, none with a space
	if [ -e "$object" ] && [ -z "$(find $newest -type f -newer "$object" | head -n 1)" ]; then
		continue
	fi
	echo "compile-bpf: ${file#./}"
	# shellcheck disable=SC2086
	"$clang" -g -O2 -target bpf -mcpu=v4 -Wall -Werror -fdebug-compilation-dir=. \
		-I. $includes -c "${file#./}" -o "$object.tmp" ||
		fail "${file#./} does not compile"
	mv "$object.tmp" "$object"
done
