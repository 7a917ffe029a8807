#!/bin/sh
# Installs the wheel of the project, links its packages into the working directory, so that `worlds/movi.py` is a path
# in it, and writes the list of what the image holds.
set -eu
pip install --disable-pip-version-check --quiet --no-compile --no-deps --no-index /wheel/*.whl
site=$(python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
python /docker/slim.py
for package in kubric_gen worlds beam_pipelines; do ln -s "$site/$package" "/kubric-gen/$package"; done
python /docker/sbom.py >/kubric-gen/sbom.spdx.json
