#!/bin/sh
# Install what `make bench` measures the host beside, where it is missing: Redis as a package of the system, NATS
# and Synapse into .bench/, which nothing else uses. What cannot be installed is said, and `make bench` leaves it out.
set -u
nats=v2.15.3
synapse=1.163.2
cd "$(dirname "$0")/.." || exit 1
mkdir -p .bench
missing=0
tell() { echo "$1" >&2; missing=1; }

if ! command -v redis-server >/dev/null; then
	if command -v apt-get >/dev/null && [ "$(id -u)" = 0 ]; then
		# Without its service: the bench starts a server of its own.
		apt-get install -y -q --no-install-recommends redis-server || tell "Redis could not be installed."
	else
		tell "Redis is missing: install your system's redis-server."
	fi
fi

if ! .bench/bin/nats-server --version 2>/dev/null | grep -q "$nats"; then
	if command -v go >/dev/null; then
		GOBIN="$PWD/.bench/bin" go install "github.com/nats-io/nats-server/v2@$nats" || tell "NATS could not be built."
	else
		tell "NATS is missing: its server is built by Go; install that first."
	fi
fi

if ! .bench/synapse/bin/python -m pip show -q "matrix-synapse" 2>/dev/null; then
	"${PYTHON:-python3}" -m venv .bench/synapse &&
		.bench/synapse/bin/python -m pip install --quiet --disable-pip-version-check "matrix-synapse==$synapse" ||
		tell "Synapse could not be installed."
fi
exit "$missing"
