# Sourced by the scripts beside it: finds the checkout and gives it an environment of its own in .venv.

fail() {
    printf '%s: %s\n' "$(basename -- "$0")" "$*" >&2
    exit 1
}

# Prints the first Python that is new enough: $PYTHON, else the usual names.
find_python() {
    local candidate
    for candidate in ${PYTHON:+"$PYTHON"} python3.11 python3.12 python3.13 python3 python; do
        if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            command -v -- "$candidate"
            return
        fi
    done
    return 1
}

stamp_of() {
    # The environment is good for this pyproject.toml, these extras, and this place: its programs hold its path.
    printf '%s %s\n' "$1" "$PWD"
    "$2" -c 'import hashlib, pathlib; print(hashlib.sha256(pathlib.Path("pyproject.toml").read_bytes()).hexdigest())'
}

# Usage: use_environment '.[dev]'; afterwards .venv/bin is first in PATH.
use_environment() {
    local what=$1 python wanted stamp=.venv/fedray-stamp
    python=$(find_python) || fail "needs Python 3.11 or newer, found none; install it, or name it: PYTHON=/path/to/python3 $0"
    # What developers need holds all that the demo needs.
    for wanted in "$what" '.[dev]'; do
        if [ -x .venv/bin/python ] && [ "$(cat "$stamp" 2>/dev/null)" = "$(stamp_of "$wanted" "$python")" ]; then
            PATH=$PWD/.venv/bin:$PATH
            return
        fi
    done
    printf 'Making the environment .venv (two minutes the first time) ...\n' >&2
    rm -rf .venv
    "$python" -m venv .venv || fail "$python cannot make an environment; on Debian: apt-get install python3-venv"
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --editable "$what" ||
        fail "pip could not install fedray and what it needs, see above; it needs a network, or an index of yours (PIP_INDEX_URL)"
    stamp_of "$what" "$python" >"$stamp"
    PATH=$PWD/.venv/bin:$PATH
}

cd -- "$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")/.." || exit 1
