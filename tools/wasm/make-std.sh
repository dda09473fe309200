#!/usr/bin/env bash
# make-std.sh SYSROOT   build the standard library for wasm32-unknown-unknown once; a sysroot fits one compiler version
#   env: RUSTC, CARGO, CARGO_ARGS; RUST_SRC=folder of another compiler's sources
set -euo pipefail
OUT=$(realpath -m "$1")
export RUSTC=${RUSTC:-/usr/bin/rustc}
CARGO=${CARGO:-/usr/bin/cargo}
WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT
mkdir -p "$WORK/src"
: > "$WORK/src/lib.rs"
cat > "$WORK/Cargo.toml" <<'MANIFEST'
[package]
name = "mkstd"
version = "0.0.0"
edition = "2021"

[profile.release]
opt-level = 3
codegen-units = 1
debug = false
panic = "abort"

[workspace]
MANIFEST
[ -z "${RUST_SRC:-}" ] || export __CARGO_TESTS_ONLY_SRC_ROOT="$RUST_SRC/library"
cd "$WORK"
# embed-bitcode: the module asks for link-time optimization.
# shellcheck disable=SC2086 # CARGO_ARGS is a list of words
RUSTC_BOOTSTRAP=1 RUSTFLAGS="-Cembed-bitcode=yes" CARGO_TARGET_DIR="$WORK/target" \
  "$CARGO" build --quiet --release --target wasm32-unknown-unknown -Zbuild-std=std,panic_abort ${CARGO_ARGS:-}
LIBS="$OUT/lib/rustlib/wasm32-unknown-unknown/lib"
rm -rf "$LIBS"
mkdir -p "$LIBS"
cp "$WORK"/target/wasm32-unknown-unknown/release/deps/*.rlib "$LIBS"
rm -f "$LIBS"/libmkstd*
"$RUSTC" -vV > "$OUT/rustc-version"
