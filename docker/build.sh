#!/usr/bin/env bash
# Builds the image, with everything and without Beam and TensorFlow: kubric-gen and kubric-gen:render, and the same
# with the version in the tag. Flags go to the engine's `build`; ENGINE is docker (with BuildKit) or podman.
set -euo pipefail
cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.."
fail() { printf 'make image: %s\n' "$*" >&2; exit 2; }

engine=${ENGINE:-docker} name=${IMAGE:-kubric-gen}
command -v "$engine" >/dev/null || fail "there is no $engine: install Docker, or podman and give ENGINE=podman"
case $(basename -- "$engine") in
  docker*)
    export DOCKER_BUILDKIT=1
    # From version 23 on the client needs a plugin for BuildKit
    client=$("$engine" version --format '{{.Client.Version}}' 2>/dev/null) || true
    [[ ${client%%.*} -lt 23 ]] || "$engine" buildx version &>/dev/null ||
      fail "Docker's client $client cannot use BuildKit: install its package docker-buildx-plugin (or docker-buildx)"
    "$engine" info &>/dev/null || fail "no container engine answers: start Docker, or give ENGINE=podman" ;;
esac

version=$(sed -n 's/^__version__ = "\(.*\)"/\1/p' kubric_gen/__init__.py)
revision=unknown created=1970-01-01T00:00:00Z
if git rev-parse --git-dir &>/dev/null; then
  revision=$(git rev-parse HEAD)
  created=$(TZ=UTC git log -1 --format=%cd --date=format-local:%Y-%m-%dT%H:%M:%SZ)
  # What is not committed shows in the label
  [[ -z $(git status --porcelain) ]] || revision+=-dirty
fi

for target in render full; do
  tags=(--tag "$name:$version-$target")
  if [[ $target == full ]]; then tags+=(--tag "$name:$version" --tag "$name:latest"); else tags+=(--tag "$name:render"); fi
  "$engine" build --file docker/Dockerfile --target "$target" "${tags[@]}" --build-arg VERSION="$version" \
    --build-arg REVISION="$revision" --build-arg CREATED="$created" "$@" .
done
