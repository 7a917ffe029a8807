#!/bin/sh
# What a container of the image runs: Beam's boot program when it is called with Beam's arguments, a program of the image
# when it is called with one's name, else Python.
set -eu

fail() { printf 'error: %s\n' "$*" >&2; exit 2; }
output=${KUBRIC_GEN_OUTPUT_DIR:-/output}

case "${1-}" in
  --id | --id=* | --worker_pool | --worker_pool=*)
    [ -x /opt/apache/beam/boot ] || fail "this image has no Beam in it: take the one without 'render' in its name"
    exec /opt/apache/beam/boot "$@" ;;
  --help | -h)
    cat <<'END'
kubric-gen: synthetic videos with exact ground truth, from a seed

  docker run --rm -v "$PWD/output:/output" kubric-gen worlds/movi.py --seed 3
  docker run --rm -v "$PWD/output:/output" kubric-gen -m beam_pipelines.generate --num_scenes=16 --data_dir=/output/data
  docker run --rm kubric-gen worlds/movi.py --helpfull
  docker run --rm -it kubric-gen                   Python, with everything installed

A script of your own: -v "$PWD/my_world.py:/my_world.py" ... kubric-gen /my_world.py
END
    exit ;;
esac

# What to run
case "${1-}" in
  '' | -*) set -- python "$@" ;;
  *)
    if [ -f "$1" ] && [ -x "$1" ] && [ "${1%.py}" = "$1" ]; then
      : # a program, by its path
    elif [ -e "$1" ]; then
      set -- python "$@"
    elif [ "${1#/}" = "$1" ] && [ -e "/kubric-gen/$1" ]; then # from another working directory
      set -- python "/kubric-gen/$@"
    else
      case "$1" in
        */* | *.py)
          fail "there is no $1 in the container: its worlds are $(cd /kubric-gen && echo worlds/[a-z]*.py); a script of your" \
            "own has to be mounted, -v \"\$PWD/$(basename "$1"):/$(basename "$1")\"" ;;
      esac
      command -v "$1" >/dev/null || fail "there is no program $1 in the container: give a script, -m MODULE or python"
    fi ;;
esac

# Started as root, it goes on as whoever the output folder on the host belongs to. With a rootless engine that is root, and
# whom it does not know there are all shown as one.
if [ "$(id -u)" = 0 ]; then
  owner=$(stat -c %u:%g "$output" 2>/dev/null) || owner=0:0
  user=${owner%:*}
  if [ "$user" != 0 ] && [ "$user" != "$(cat /proc/sys/kernel/overflowuid)" ]; then
    groups=$(id -G | tr ' ' '\n' | grep -vx 0 | paste -sd , -) || groups= # what --group-add has given
    if [ -n "$groups" ]; then groups=--groups=$groups; else groups=--clear-groups; fi
    setpriv --reuid "$user" --regid "${owner#*:}" "$groups" true 2>/dev/null ||
      fail "cannot become user $owner, whom $output belongs to: give --user $owner"
    exec setpriv --reuid "$user" --regid "${owner#*:}" "$groups" "$0" "$@"
  fi
fi

# Any user, and a read-only file system: temporary files go where they can.
writable() { [ -d "$1" ] && [ -w "$1" ]; }
scratch=
if ! writable "${TMPDIR:-/tmp}"; then
  if writable "$output" && scratch=$(mktemp -d "$output/.temporary-XXXXXX" 2>/dev/null); then
    export TMPDIR="$scratch"
  else
    export TMPDIR=/dev/shm
  fi
fi
id -un >/dev/null 2>&1 || export USER="${USER:-user}" # libraries ask for a name
writable "${HOME:-/}" || export HOME="${TMPDIR:-/tmp}"

# The kernel ends what needs more memory than the container may have, without a word: this says it.
killed_for_memory() {
  grep -qs '^oom_kill [1-9]' /sys/fs/cgroup/memory.events /sys/fs/cgroup/memory/memory.oom_control
}

trap : HUP INT QUIT TERM # tini tells the program, too
exec 3>&2 2>/dev/null    # the shell would have a word of its own to say when it is killed
status=0
(exec "$@" 2>&3 3>&-) || status=$?
exec 2>&3
[ -z "$scratch" ] || rm -rf "$scratch"
if [ "$status" = 137 ]; then # killed outright: it could not clear up
  python -c 'import sys; from pathlib import Path; from kubric_gen.system.whole import remove_abandoned
remove_abandoned(Path(sys.argv[1]))' "$output" 2>/dev/null || :
  ! killed_for_memory ||
    fail "out of memory: this needs more than the container may have; give it more, such as --memory=2g, or ask for less," \
      "such as a smaller --resolution"
fi
exit "$status"
