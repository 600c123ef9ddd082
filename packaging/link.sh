#!/usr/bin/env bash
# Links what "swift build" has compiled once more, for systems without Swift and without our libraries:
#
#   packaging/link.sh FOLDER   makes FOLDER/bin/trompe and, in FOLDER/lib/trompe, the libraries that it loads
#
# Swift's runtime, HDF5, TurboJPEG, libpng, libwebp, libcrypto and zlib become part of the program. oneDNN comes
# as a shared library only, and what it loads has to be the program's own: OpenMP's threads are one pool.
# The objects are those that the tests ran on.
set -euo pipefail
cd "$(dirname "$0")/.."

swift=${SWIFT:-swift}
root=${1:-}
[ -n "$root" ] || { echo "usage: packaging/link.sh FOLDER" >&2; exit 2; }
fail() { printf 'packaging/link.sh: %s\n' "$1" >&2; exit 1; }

build=${BUILD:-$("$swift" build -c release --show-bin-path)}
objects=$build/trompe.product/Objects.LinkFileList
[ -f "$objects" ] || fail "$objects is missing: make build first"
swiftc=$(dirname "$(readlink -f "$(command -v "$swift")")")/swiftc
[ -x "$swiftc" ] || swiftc=$(command -v swiftc) || fail "swiftc is missing beside $swift"

work=$build/trompe.package
rm -rf "$work" && mkdir -p "$work/archives"

# --- Archives in place of shared libraries -------------------------------------------------------

# Where the compiler, or pkg-config of the library, finds it.
archive() { # name, package of pkg-config or nothing
  local folder file
  folder=$([ -z "$2" ] || pkg-config --variable=libdir "$2" 2>/dev/null || true)
  for flag in $([ -z "$2" ] || pkg-config --libs-only-L "$2" 2>/dev/null || true); do
    if [ -f "${flag#-L}/lib$1.a" ]; then folder=${flag#-L}; fi
  done
  file=$folder/lib$1.a
  [ -f "$file" ] || file=$(clang -print-file-name="lib$1.a")
  [ -f "$file" ] || fail "lib$1.a is missing: install the package that has the headers of $1"
  ln -s "$(readlink -f "$file")" "$work/archives/lib$1.a"
  readlink -f "$file" >> "$work/libraries"
}
archive hdf5 hdf5
archive turbojpeg libturbojpeg
archive png16 libpng
ln -s "$(readlink -f "$work/archives/libpng16.a")" "$work/archives/libpng.a" # as the module map calls it
archive webp libwebp
archive crypto libcrypto
archive z zlib
archive sz "" # what HDF5 compresses with
archive aec ""

# --- What the package is built from --------------------------------------------------------------

commit=$(git rev-parse --short=12 HEAD 2>/dev/null || echo unknown)
if [ "$commit" != unknown ] && [ -n "$(git status --porcelain --untracked-files=no 2>/dev/null)" ]; then
  commit="$commit, with changes"
fi
printf 'const char *build_commit(void);\nconst char *build_commit(void) { return "%s"; }\n' "$commit" \
  > "$work/commit.c"
clang -O2 -c -o "$work/commit.o" "$work/commit.c"
clang -O2 -c -o "$work/older.o" packaging/older_systems.c
resources=$("$swift" -print-target-info | sed -n 's/^ *"runtimeResourcePath": "\(.*\)",*$/\1/p')
packaging/make_icu_data.py "${resources}_static/linux/lib_FoundationICU.a" "$work/icu.o"

# --- Linking -------------------------------------------------------------------------------------

# What Swift's own archives need of each other; linking finds the rest by itself.
runtime=(Foundation CoreFoundation FoundationInternationalization FoundationEssentials _FoundationICU
  _FoundationCShims _FoundationCollections dispatch BlocksRuntime swiftDispatch swiftSynchronization
  swift_StringProcessing swift_RegexParser swift_Builtin_float)
libraries=(webp png16 turbojpeg crypto hdf5 sz aec z dnnl gomp m dl stdc++)
flags=()
for name in "${libraries[@]}" "${runtime[@]}"; do flags+=("-l$name"); done
# packaging/older_systems.c has these for the program, and for the libraries beside it.
flags+=(-Xlinker --wrap=__libc_start_main)
for symbol in stat lstat fstat fstatat __libc_single_threaded _ZSt28__throw_bad_array_new_lengthv \
  _ZNSt15__exception_ptr13exception_ptr9_M_addrefEv _ZNSt15__exception_ptr13exception_ptr10_M_releaseEv; do
  flags+=(-Xlinker "--export-dynamic-symbol=$symbol")
done
# Parts of the C library from glibc 2.34 on.
flags+=(-Xlinker --no-as-needed -Xlinker -l:libpthread.so.0 -Xlinker -l:libdl.so.2 -Xlinker --as-needed)
# RPATH, not RUNPATH: it holds for the libraries of the libraries too.
# shellcheck disable=SC2016 # The loader's own variable.
flags+=(-Xlinker --disable-new-dtags -Xlinker '-rpath=$ORIGIN/../lib/trompe')
mkdir -p "$root/bin"
"$swiftc" -static-stdlib -emit-executable -module-name trompe -o "$root/bin/trompe" \
  -L "$work/archives" -L "$build" -Xlinker --gc-sections -Xlinker --strip-all \
  -Xlinker --defsym -Xlinker main=trompe_main \
  "@$objects" "$work/commit.o" "$work/older.o" "$work/icu.o" "${flags[@]}" > "$work/link.log" 2>&1 ||
  { cat "$work/link.log" >&2; fail "the program could not be linked"; }

rm -rf "$root/lib" && mkdir -p "$root/lib/trompe"
# Everything that is no part of every system (PEP 600's list).
ldd "$root/bin/trompe" | awk '$2 == "=>" && $3 ~ /^\// { print $1, $3 }' | while read -r name file; do
  case $name in
    libc.so.6 | libm.so.6 | libpthread.so.0 | libdl.so.2 | librt.so.1 | libgcc_s.so.1 | libstdc++.so.6) continue ;;
  esac
  cp -L "$file" "$root/lib/trompe/$name"
  chmod 644 "$root/lib/trompe/$name"
  strip --strip-unneeded "$root/lib/trompe/$name"
  readlink -f "$file" >> "$work/libraries"
done
packaging/older_imports.py "$root/bin/trompe" "$root"/lib/trompe/*
# Whose licences belong to it.
sort -u "$work/libraries" > "$root/lib/libraries.txt"
