"""When the launcher tries a seed again, without an engine."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from kubric_gen.docker import launcher
from kubric_gen.docker.engine import Engine
from kubric_gen.docker.launcher import Job, Launcher, Result
from kubric_gen.errors import BAD_INPUT

CRASH = 139
ENGINE = Engine("unix:///no/engine", podman=False, rootless=False, remapped=False, cpus=1, memory=0, limits=False)


class Unlucky(Launcher):
  """Its containers end with the given statuses, one after another."""

  def __init__(self, folder: Path, *statuses: int, then: Callable[[Launcher], None] = lambda launcher: None) -> None:
    super().__init__(ENGINE, Job("image", "worlds/movi.py", (), (7,), folder, 1))
    self.statuses, self.then, self.tried = statuses, then, 0

  def check(self) -> None:
    pass

  def _attempt(self, seed: int, attempt: int) -> Result:
    self.tried += 1
    assert attempt == self.tried
    self.then(self)
    status = self.statuses[attempt - 1]
    return Result(seed, status == 0, attempts=attempt, status=status, message=f"status {status}" if status else "")


@pytest.fixture(autouse=True)
def short_pause(monkeypatch: pytest.MonkeyPatch) -> None:
  monkeypatch.setattr(launcher, "PAUSE", 0.01)


@pytest.mark.parametrize(("statuses", "attempts"), [
    ((0,), 1), ((CRASH, 0), 2), ((1, CRASH, 0), 3), ((1, 1, CRASH), 3), ((BAD_INPUT,), 1), ((CRASH, BAD_INPUT), 2)])
def test_a_seed_is_tried_until_it_is_made_or_cannot_be(statuses: tuple[int, ...], attempts: int, tmp_path: Path) -> None:
  unlucky = Unlucky(tmp_path, *statuses)
  last = statuses[-1]
  assert unlucky.run() == [
      Result(7, last == 0, attempts=attempts, status=last, message=f"status {last}" if last else "")]
  assert unlucky.tried == attempts


def test_whoever_is_stopped_tries_nothing_again(tmp_path: Path) -> None:
  unlucky = Unlucky(tmp_path, CRASH, 0, then=Launcher.stop)
  assert unlucky.run() == [Result(7, False, status=CRASH, message=f"status {CRASH}")] and unlucky.tried == 1


def test_a_stop_in_the_pause_ends_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
  monkeypatch.setattr(launcher, "PAUSE", 60)
  unlucky = Unlucky(tmp_path, CRASH, 0, then=lambda each: threading.Timer(0.1, each.stop).start())
  assert unlucky.run() == [Result(7, False, status=CRASH, message=f"status {CRASH}")] and unlucky.tried == 1
