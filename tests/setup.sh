#!/usr/bin/env bash
# Installs what the tests need beside Python packages, where that can be done, and names what is left
# out. With CI=true, what is left out is an error.
set -euo pipefail
cd "$(dirname "$0")/.."

missing=()

root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    else
        sudo --non-interactive "$@"
    fi
}

may_be_root() {
    [ "$(id -u)" -eq 0 ] || { command -v sudo && sudo --non-interactive true; } >/dev/null 2>&1
}

is_installed() {
    [ "$(dpkg-query --show --showformat '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

debian_packages() {
    local wanted=(redis-server redis-tools tcl tcl-tls dpkg-dev) absent=() package
    if ! command -v dpkg-query >/dev/null; then
        local program
        for program in redis-server redis-cli tclsh; do
            command -v "$program" >/dev/null || missing+=("$program")
        done
        return
    fi
    for package in "${wanted[@]}"; do
        is_installed "$package" || absent+=("$package")
    done
    [ ${#absent[@]} -eq 0 ] && return
    if may_be_root; then
        echo "Installing ${absent[*]}"
        export DEBIAN_FRONTEND=noninteractive
        # No server of its own is to start with the package: the tests start theirs.
        local log
        log=$(mktemp)
        { root apt-get -qq update &&
            root env RUNLEVEL=1 apt-get -qq install --no-install-recommends "${absent[@]}"; } \
            >"$log" 2>&1 || tail -n 5 "$log"
        rm -f "$log"
    fi
    for package in "${absent[@]}"; do
        is_installed "$package" || missing+=("$package (apt)")
    done
}

npm_packages() {
    local stamp=tests/clients/node_modules/.package-lock.json
    [ tests/clients/package-lock.json -ot "$stamp" ] && return
    if ! command -v npm >/dev/null; then
        missing+=("node and npm, for tests/clients/node")
    else
        echo "Installing the Node clients"
        npm ci --silent --no-audit --no-fund --prefix tests/clients ||
            missing+=("packages of tests/clients/package.json (npm)")
    fi
}

debian_packages
npm_packages

if [ ${#missing[@]} -gt 0 ]; then
    echo "Left out, and with it the tests that need it:" >&2
    printf '  %s\n' "${missing[@]}" >&2
    [ -z "${CI:-}" ]
fi
