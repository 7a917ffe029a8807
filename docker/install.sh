#!/bin/sh
# install.sh FOLDER: installs the project's wheel, which is in FOLDER, links its packages into the working directory, so
# that `worlds/movi.py` is a path in it, and writes the list of what the image holds.
set -eu
pip install --no-cache-dir --disable-pip-version-check --quiet --no-compile --no-deps --no-index "$1"/*.whl
site=$(python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
python "${0%/*}"/slim.py
for package in kubric_gen worlds beam_pipelines; do ln -s "$site/$package" "/kubric-gen/$package"; done
python "${0%/*}"/sbom.py >/kubric-gen/sbom.spdx.json
