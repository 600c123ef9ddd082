#!/bin/sh
# Installs the system libraries that Trompe is built with, if they are missing, and checks the Swift
# toolchain. Changes nothing and needs no rights where everything is there. Arguments are more packages of
# Debian, which only a check needs.
set -eu

swift=${SWIFT:-swift}
required_major=6
required_minor=1

fail() {
  printf '%s\n' "$@" >&2
  exit 1
}

# --- Swift ---------------------------------------------------------------------------------------

check_swift() {
  command -v "$swift" >/dev/null 2>&1 || fail \
    "Swift is missing: install Swift $required_major.$required_minor or newer from https://www.swift.org/install and put it into PATH."
  version=$("$swift" --version 2>/dev/null |
    sed -n 's/.*Swift version \([0-9][0-9]*\)\.\([0-9][0-9]*\).*/\1 \2/p' | head -n 1)
  [ -n "$version" ] || fail \
    "\"$swift --version\" names no version: is the Swift toolchain complete?"
  major=${version% *}
  minor=${version#* }
  if [ "$major" -lt "$required_major" ] ||
    { [ "$major" -eq "$required_major" ] && [ "$minor" -lt "$required_minor" ]; }; then
    fail "Swift $major.$minor is too old: Trompe needs $required_major.$required_minor or newer, see https://www.swift.org/install."
  fi
}

# --- Debian and Ubuntu ---------------------------------------------------------------------------

apt_packages="libdnnl-dev libhdf5-dev libturbojpeg0-dev libpng-dev libwebp-dev libssl-dev zlib1g-dev $*"

is_installed() {
  [ "$(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

missing_apt_packages() {
  for package in $apt_packages; do
    is_installed "$package" || printf '%s ' "$package"
  done
  # Commands may come from packages of other names.
  command -v pkg-config >/dev/null 2>&1 || printf 'pkg-config '
  command -v git >/dev/null 2>&1 || printf 'git ca-certificates '
}

as_root() {
  if [ "$(id -u)" -eq 0 ]; then
    "$@"
  else
    sudo "$@"
  fi
}

apt_get() {
  as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=300 "$@"
}

install_with_apt() {
  missing=$(missing_apt_packages)
  missing=${missing% }
  [ -n "$missing" ] || return 0
  echo "Installing: $missing"
  if [ "$(id -u)" -ne 0 ] && ! command -v sudo >/dev/null 2>&1; then
    fail "This needs root, and there is no sudo. As root, run:" "  apt-get install $missing"
  fi
  apt_get update || echo "The package lists could not be updated; going on with those at hand." >&2
  # shellcheck disable=SC2086 # A list of names.
  apt_get install -y --no-install-recommends $missing || fail \
    "The packages could not be installed: $missing" \
    "On Ubuntu, libdnnl-dev is in the component \"universe\"."
  still_missing=$(missing_apt_packages)
  [ -z "$still_missing" ] || fail "Still missing after the installation: ${still_missing% }"
}

# --- Everywhere else -----------------------------------------------------------------------------

has_header() {
  printf '#include <%s>\n' "$1" | clang -E - >/dev/null 2>&1
}

missing_libraries() {
  for tool in pkg-config git clang; do
    command -v "$tool" >/dev/null 2>&1 || printf '%s, ' "$tool"
  done
  has_header dnnl.h || printf 'oneDNN, '
  command -v pkg-config >/dev/null 2>&1 || return 0
  # Some distributions have the headers in the compiler's own path and no .pc file.
  for library in hdf5:hdf5.h libturbojpeg:turbojpeg.h libpng:png.h libwebp:webp/decode.h libcrypto:openssl/evp.h zlib:zlib.h; do
    pkg-config --exists "${library%%:*}" 2>/dev/null || has_header "${library#*:}" ||
      printf '%s, ' "${library%%:*}"
  done
}

check_without_apt() {
  missing=$(missing_libraries)
  [ -n "$missing" ] || return 0
  fail "Missing: ${missing%, }." \
    "This system has no apt-get, so nothing is installed for you. Install, with headers:" \
    "  oneDNN 2.6 or newer, HDF5 1.10 or newer, TurboJPEG, libpng, libwebp, libcrypto" \
    "  (OpenSSL), zlib, pkg-config, git" \
    "which are probably called" \
    "  Fedora: onednn-devel hdf5-devel turbojpeg-devel libpng-devel libwebp-devel openssl-devel zlib-devel pkgconf-pkg-config git" \
    "  Arch:   onednn hdf5 libjpeg-turbo libpng libwebp openssl zlib pkgconf git" \
    "and start again."
}

# -------------------------------------------------------------------------------------------------

[ "$(uname -s)" = Linux ] || fail "Trompe runs on Linux; this is $(uname -s)."
check_swift
if command -v apt-get >/dev/null 2>&1 && command -v dpkg-query >/dev/null 2>&1; then
  install_with_apt
else
  check_without_apt
fi
