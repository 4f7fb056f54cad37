#!/bin/sh
# Makes .venv and installs what requirements.lock names, hash by hash, then the JavaScript tools of
# tools/node/toolchain and the embedder of perdure/memory/embedder.lock.
# Safe to run again: it does only what is missing, and when nothing is, it needs neither the network nor a second.
set -eu

cd "$(dirname "$0")/.."
environment=.venv
lock=requirements.lock
stamp=$environment/.installed
uv_version=0.13.9

say() { printf '==> %s\n' "$1"; }
fail() {
    printf 'error: %s\nhint: %s\n' "$1" "$2" >&2
    exit 1
}

# The real program behind the first interpreter that is new enough: version managers put shims on PATH that exist
# although the version they stand for is not installed, so each candidate is run, not only found.
find_python() {
    for candidate in python3.11 python3.12 python3.13 python3.14 python3 python; do
        program=$("$candidate" -c 'import sys; sys.version_info < (3, 11) and sys.exit(1); print(sys.executable)' \
            2>/dev/null) || continue
        if "$program" -c 'import ensurepip, venv' 2>/dev/null; then
            printf '%s\n' "$program"
            return
        fi
        without_venv=$program
    done
    if [ -n "${without_venv:-}" ]; then
        fail "$without_venv cannot make virtual environments." "on Debian and Ubuntu: apt install python3-venv"
    fi
    fail "there is no Python 3.11 or newer on PATH." "install it, for example: apt install python3.11 python3.11-venv"
}

# What the environment must agree with: the lock file and the interpreter it was made for.
wanted() {
    "$environment/bin/python" -c 'import hashlib, pathlib, sys
print(hashlib.sha256(pathlib.Path(sys.argv[1]).read_bytes()).hexdigest(), sys.argv[2], sys.version.split()[0])' \
        "$lock" "$uv_version" 2>/dev/null
}

command -v git >/dev/null 2>&1 || fail "git is not on PATH." "install it, for example: apt install git"
command -v cc >/dev/null 2>&1 || command -v gcc >/dev/null 2>&1 || command -v clang >/dev/null 2>&1 ||
    fail "there is no C compiler on PATH." "install one, for example: apt install gcc libc6-dev"

install_python_packages() {
    if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$(wanted || true)" ]; then
        say "Nothing to install: $environment agrees with $lock"
        return
    fi

    if ! "$environment/bin/python" -m pip --version >/dev/null 2>&1; then
        python=$(find_python)
        say "Making $environment with $python"
        "$python" -m venv --clear "$environment"
    fi

    if [ "$("$environment/bin/uv" --version 2>/dev/null | cut -d' ' -f2)" != "$uv_version" ]; then
        say "Installing uv $uv_version, which installs the rest"
        "$environment/bin/python" -m pip install --quiet --disable-pip-version-check "uv==$uv_version"
    fi

    say "Installing the packages of $lock (the first time: about 1 GB, some minutes)"
    rm -f "$stamp"
    "$environment/bin/uv" pip sync --python "$environment/bin/python" --require-hashes "$lock"
    wanted >"$stamp"
    say "Ready: $environment agrees with $lock"
}

install_python_packages
"$environment/bin/python" -m tools.node.set_up
"$environment/bin/python" -m perdure.memory.embedder_set_up
