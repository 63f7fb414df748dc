#!/bin/bash
# Compiles every *.bpf.c below SOURCE into OUT/<name>.bpf.o.
#
#   compile-bpf.sh CLANG SOURCE OUT [INCLUDE...]
#
# A program is compiled again when any file below SOURCE or INCLUDE, or this script, is newer than its
# object. Objects whose source is gone are removed. INCLUDE: further include directories.
set -euo pipefail

fail() {
	echo "compile-bpf: $*" >&2
	exit 1
}

clang=$1 source=$2 out=$3
includes=("${@:4}")
script=$(realpath "$0")

[ -d "$source" ] || exit 0 # a module without programs of this kind

command -v "$clang" >/dev/null ||
	fail "$clang is not installed; install Debian package clang-19, or name another with -Dbpf.clang=..."

# The kernel's asm/ headers are in a directory named after the machine where the distribution is
# multiarch. -target bpf does not look there by itself.
triple=$("$clang" -print-target-triple)
multiarch=/usr/include/${triple%%-*}-${triple#*-*-}
flags=(-I.)
for directory in "${includes[@]}"; do
	flags+=("-I$directory")
done
if [ -e "$multiarch/asm/types.h" ]; then
	flags+=("-I$multiarch")
elif [ ! -e /usr/include/asm/types.h ]; then
	fail "asm/types.h is neither in $multiarch nor in /usr/include; install Debian package linux-libc-dev"
fi
[ -e /usr/include/bpf/bpf_helpers.h ] ||
	fail "/usr/include/bpf/bpf_helpers.h is missing; install Debian package libbpf-dev"

mkdir -p "$out"
out=$(realpath "$out")
cd "$source" # so that debug information holds relative paths only

mapfile -t files < <(find . -name '*.bpf.c' | sort)
declare -A sources
for file in "${files[@]}"; do
	name=$(basename "$file" .c)
	[ -z "${sources[$name]:-}" ] ||
		fail "${sources[$name]} and $file have one name, and objects are named after their sources"
	sources[$name]=$file
done

for object in "$out"/*.bpf.o; do
	[ -z "${sources[$(basename "$object" .o)]:-}" ] && rm -f "$object"
done

for file in "${files[@]}"; do
	object=$out/$(basename "$file" .c).o
	if [ -e "$object" ] &&
		[ -z "$(find . "${includes[@]}" "$script" -type f -newer "$object" -print -quit)" ]; then
		continue
	fi
	echo "compile-bpf: ${file#./}"
	"$clang" -g -O2 -target bpf -mcpu=v4 -Wall -Werror -fdebug-compilation-dir=. \
		"${flags[@]}" -c "${file#./}" -o "$object.tmp" ||
		fail "${file#./} does not compile"
	mv "$object.tmp" "$object"
done
