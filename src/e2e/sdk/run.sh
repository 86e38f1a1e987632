#!/usr/bin/env bash
# Runs the official SDKs against a gateway. Installs what is missing into .venv and node_modules;
# may be run as often as you like. TOLLGATE_BIN names the gateway's binary, built otherwise.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../../.." && pwd)
aimock=$here/../aimock
cd "$root"

python=$root/.venv/bin/python
if ! [ -x "$python" ]; then
    python3 -m venv .venv
fi
# Kept apart from the set-up script's stamp: an installed file installs in no time.
wanted=$(cksum <"$here/requirements.txt")
stamp=$root/.venv/.sdk
if [ "$(cat "$stamp" 2>/dev/null)" != "$wanted" ]; then
    "$python" -m pip install --quiet --disable-pip-version-check -r "$here/requirements.txt"
    echo "$wanted" >"$stamp"
fi
# Node may have been installed into .venv, where the system's own is too old.
export PATH="$root/.venv/bin:$PATH"
if ! [ -f "$aimock/node_modules/@copilotkit/aimock/package.json" ]; then
    npm ci --prefix "$aimock" --no-audit --no-fund --ignore-scripts
fi

if [ -z "${TOLLGATE_BIN:-}" ]; then
    cargo build --quiet --package tollgate --bin tollgate
    TOLLGATE_BIN=${CARGO_TARGET_DIR:-$root/target}/debug/tollgate
fi
export TOLLGATE_BIN
cd "$here"
exec "$python" -B -m pytest -p no:cacheprovider "$@"
