#!/usr/bin/env bash
# build.sh OUT.wasm   compile spacetimedb/ to wasm32-unknown-unknown, with nothing but Debian's packages (install.sh)
#   env: SYSROOT (standard library made by make-std.sh, made anew when the compiler changed; empty: the compiler has its
#   own), RUSTC, CARGO, WASM_LD, CARGO_TARGET_DIR, CARGO_ARGS, WASM_OPT=0 (leave the optimizer out)
set -euo pipefail
ROOT=$(realpath "$(dirname "$0")/../..")
OUT=$(realpath -m "$1")
export RUSTC=${RUSTC:-/usr/bin/rustc}
CARGO=${CARGO:-/usr/bin/cargo}
SYSROOT=${SYSROOT-$ROOT/build/wasm-sysroot}
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$ROOT/spacetimedb/target}
export CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER=${WASM_LD:-/usr/bin/wasm-ld-22}
unset RUSTFLAGS RUSTUP_TOOLCHAIN RUSTC_WRAPPER
if [ -n "$SYSROOT" ]; then
  export CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS="--sysroot=$SYSROOT"
  "$RUSTC" -vV | cmp -s - "$SYSROOT/rustc-version" || "$ROOT/tools/wasm/make-std.sh" "$SYSROOT"
fi
cd "$ROOT/spacetimedb"
# shellcheck disable=SC2086 # CARGO_ARGS is a list of words
"$CARGO" build --quiet --locked --release --lib --target wasm32-unknown-unknown ${CARGO_ARGS:-}
mkdir -p "$(dirname "$OUT")"
MADE="$CARGO_TARGET_DIR/wasm32-unknown-unknown/release/spaces_module.wasm"
if [ "${WASM_OPT:-1}" = 1 ]; then
  wasm-opt -all -g -O2 "$MADE" -o "$OUT"
else
  cp "$MADE" "$OUT"
fi
