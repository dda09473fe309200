#!/usr/bin/env bash
# check.sh   format, lints and native tests of spacetimedb/; env: CARGO, CARGO_TARGET_DIR, CARGO_ARGS
set -euo pipefail
ROOT=$(realpath "$(dirname "$0")/../..")
CARGO=${CARGO:-/usr/bin/cargo}
[ "$CARGO" != /usr/bin/cargo ] || export PATH=/usr/bin:$PATH
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$ROOT/spacetimedb/target}
unset RUSTFLAGS RUSTUP_TOOLCHAIN RUSTC_WRAPPER
cd "$ROOT/spacetimedb"
"$CARGO" fmt --check
# shellcheck disable=SC2086 # CARGO_ARGS is a list of words
"$CARGO" test --quiet --locked --no-default-features ${CARGO_ARGS:-}
# shellcheck disable=SC2086
"$CARGO" clippy --quiet --locked --all-targets ${CARGO_ARGS:-} -- -D warnings
