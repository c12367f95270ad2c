#!/usr/bin/env bash
# Gradescope runs this once, as root, when it builds the image. Python and its packages come to /autograder/python, which
# everybody may read; source/, with the hidden checks and the whole library, is for root alone.
set -euo pipefail
cd /autograder
chmod 700 source

environment() { "$1" -c "import sys; sys.exit(sys.version_info < (3, 11))" && "$1" -m venv --clear python; }
if ! environment python3; then # Ubuntu 22.04 has Python 3.10
    apt-get update -qq
    apt-get install -y -qq software-properties-common
    add-apt-repository -y ppa:deadsnakes/ppa
    apt-get install -y -qq python3.12 python3.12-venv
    environment python3.12
fi
install() { python/bin/python -m pip install --quiet --disable-pip-version-check "$@"; }
grep -E '^torch(vision)?=' source/requirements.txt > source/torch.txt
install --index-url "$(grep -o 'https://[^ ;]*whl/cpu' source/README.md)" -r source/torch.txt || echo "no torch for CPU alone: the larger one follows"
install -r source/requirements.txt
