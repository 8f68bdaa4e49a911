#!/bin/sh
# Makes .venv exactly as requirements.lock says. Needs Python 3.11 to 3.13 with venv, and nothing else.
set -eu
cd "$(dirname "$0")/.."

suitable() {
    "$1" -c 'import sys, venv; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' >/dev/null 2>&1
}

python=
for candidate in "${PYTHON:-python3}" python3.13 python3.12 python3.11; do
    if suitable "$candidate"; then
        python=$candidate
        break
    fi
done
if [ -z "$python" ]; then
    echo "setup: no Python 3.11 to 3.13 with venv was found - nothing was installed; install one or name it: PYTHON=/path/to/python3 make demo" >&2
    exit 1
fi

echo "setup: $("$python" --version), packages from requirements.lock (about 1.3 GB, once)"
[ -x .venv/bin/python ] && suitable .venv/bin/python || { rm -rf .venv && "$python" -m venv --without-pip .venv; }

# The installer comes from the same lock file, checked by the same hashes. This one time Python's own pip will do, where
# there is one: to make another in .venv takes twice as long as all that it would install.
if [ ! -x .venv/bin/uv ]; then
    awk '/^uv==/ { on = 1 } on { print } on && !/\\$/ { exit }' requirements.lock > .venv/uv.lock
    "$python" -c 'import pip' 2> /dev/null || { python=.venv/bin/python && "$python" -m ensurepip > /dev/null; }
    "$python" -m pip --python .venv/bin/python install --quiet --disable-pip-version-check --require-hashes \
        -r .venv/uv.lock
fi
.venv/bin/uv pip sync --quiet --python .venv/bin/python --require-hashes requirements.lock
.venv/bin/uv pip install --quiet --python .venv/bin/python --no-deps --no-build-isolation --editable .
touch .venv/.ready
