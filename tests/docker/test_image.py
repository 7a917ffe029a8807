"""The image, built for real and run on a local engine: what it holds, who may run it, and what it says of bad input."""

from __future__ import annotations

import io
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tarfile
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

import kubric_gen
from kubric_gen.sinks import read_scene
from tests.docker.local_engine import ROOT, LocalEngine

pytestmark = [pytest.mark.image, pytest.mark.timeout(3000)]  # the first test waits for the build

SMALL = ("--seed=3", "--resolution=48", "--num_frames=2", "--samples_per_pixel=4")
MOVI = ("worlds/movi.py", *SMALL)
ALL_LAYERS = ("rgba,segmentation,depth,normal,object_coordinates,forward_flow,backward_flow,z,uv,occlusion_forward,"
              "occlusion_backward,amodal_segmentation,tracks")
LIMITS = {"kubric-gen": 2.5e9, "kubric-gen:render": 1.6e9}
SCENE = ["checksums.json", "contact_sheet.png", "data_ranges.json", "events.json", "metadata.json", "preview.mp4", "run.json"]


def contain(engine: LocalEngine, image: str, arguments: Sequence[str], *options: str) -> subprocess.CompletedProcess[str]:
  """Runs a container that has no network."""
  return engine.docker("run", "--rm", "--network=none", *options, image, *arguments)


def check_scene(folder: Path, frames: int = 2) -> None:
  assert set(SCENE) <= {path.name for path in folder.iterdir()}
  assert read_scene(folder).stack("rgba").shape[0] == frames


def check_error(result: subprocess.CompletedProcess[str], *words: str) -> None:
  lines = result.stderr.strip().splitlines()
  assert result.returncode == 2 and len(lines) == 1 and lines[0].startswith("error: "), result.stderr
  assert all(word in lines[0] for word in words), lines[0]


def owners(folder: Path) -> set[tuple[int, int]]:
  return {(status.st_uid, status.st_gid) for status in (path.lstat() for path in (folder, *folder.rglob("*")))}


def test_size(engine: LocalEngine, image: str, capsys: pytest.CaptureFixture[str]) -> None:
  sizes = {}
  for name in LIMITS:
    sizes[name] = int(engine.docker("image", "inspect", "--format", "{{.Size}}", name).stdout)
    layers = engine.docker("history", "--no-trunc", "--human=false", "--format", "{{.Size}}\t{{.CreatedBy}}", name).stdout
    with capsys.disabled():
      print(f"\n{name}: {sizes[name] / 1e9:.2f} GB")
      for size, made_by in (line.split("\t", 1) for line in layers.splitlines()):
        if int(size) > 1_000_000:
          print(f"  {int(size) / 1e6:7.0f} MB  {' '.join(made_by.split())[:100]}")
  assert all(sizes[name] < limit for name, limit in LIMITS.items())


def test_labels(engine: LocalEngine, image: str) -> None:
  for name in LIMITS:
    labels = json.loads(engine.docker("image", "inspect", "--format", "{{json .Config.Labels}}", name).stdout)
    found = {key.removeprefix("org.opencontainers.image."): value for key, value in labels.items()}
    assert found["version"] == kubric_gen.__version__ and "Apache-2.0" in found["licenses"]
    assert re.fullmatch(r"[0-9a-f]{40}(-dirty)?|unknown", found["revision"])
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", found["created"])
    assert {"title", "description", "base.name"} <= found.keys()


def locked(name: str) -> set[tuple[str, str]]:
  pins = re.findall(r"(?m)^([\w.-]+)==([\w.!+]+)", (ROOT / "docker" / name).read_text())
  return {(package.lower().replace("_", "-"), version) for package, version in pins}


@pytest.mark.parametrize(("name", "lock"), [("kubric-gen", "full.lock"), ("kubric-gen:render", "render.lock")])
def test_bill_of_materials(engine: LocalEngine, image: str, name: str, lock: str, tmp_path: Path) -> None:
  from spdx_tools.spdx.parser.parse_anything import parse_file
  from spdx_tools.spdx.validation.document_validator import validate_full_spdx_document
  file = tmp_path / "sbom.spdx.json"
  file.write_text(contain(engine, name, ["cat", "/kubric-gen/sbom.spdx.json"]).stdout)
  document = parse_file(str(file))
  assert [message.validation_message for message in validate_full_spdx_document(document)] == []
  packages = {(str(item.name).lower().replace("_", "-"), str(item.version)) for item in document.packages
              if item.spdx_id.startswith("SPDXRef-Python-")}
  assert packages - {("pip", version) for _, version in packages} == locked(lock) - {
      pin for pin in locked(lock) if pin[0] == "cython"} | {("kubric-gen", kubric_gen.__version__)}
  assert {"libc6", "python3.11", "libgl1"} <= {item.name for item in document.packages}


def test_no_build_tools_and_no_caches(engine: LocalEngine, image: str) -> None:
  for name in LIMITS:
    found = contain(engine, name, ["sh", "-c", "command -v gcc cc make git strip curl wget; ls -A /root /tmp /mnt /media /srv "
                                   "/var/lib/apt/lists /var/cache/apt /var/log; echo end"]).stdout.split()
    assert [word for word in found if not word.endswith(":") and word not in (".bashrc", ".profile")] == ["end"]


def test_two_builds_hold_the_same_files(engine: LocalEngine, image: str, tmp_path: Path) -> None:
  checkout = tmp_path / "a checkout with another umask"
  listed = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard"], cwd=ROOT, capture_output=True,
                          text=True, check=True).stdout
  for name in listed.splitlines():
    if (ROOT / name).is_file():
      (checkout / name).parent.mkdir(parents=True, exist_ok=True, mode=0o700)
      shutil.copyfile(ROOT / name, checkout / name)
      (checkout / name).chmod(0o700 if os.access(ROOT / name, os.X_OK) else 0o600)
  (checkout / ".git").symlink_to(ROOT / ".git")
  again = subprocess.run(["docker/build.sh", "--no-cache", *engine.build_flags], cwd=checkout, capture_output=True, text=True,
                         timeout=1800, env={**engine.environment, "ENGINE": engine.client, "IMAGE": "kubric-gen-again"})
  assert again.returncode == 0, again.stderr[-2000:]
  for target in ("", ":render"):
    compared = subprocess.run([sys.executable, "docker/compare.py", f"kubric-gen{target}", f"kubric-gen-again{target}"], cwd=ROOT,
                              env=engine.environment, capture_output=True, text=True, timeout=280)
    assert compared.returncode == 0, compared.stdout + compared.stderr
    assert int(compared.stdout.split()[0]) > 9000
  other = subprocess.run([sys.executable, "docker/compare.py", "kubric-gen", "kubric-gen:render"], cwd=ROOT,
                         env=engine.environment, capture_output=True, text=True, timeout=280)
  assert other.returncode == 1 and "only in the first: " in other.stdout
  engine.docker("image", "rm", *(f"kubric-gen-again:{tag}" for tag in (
      "latest", "render", kubric_gen.__version__, f"{kubric_gen.__version__}-full", f"{kubric_gen.__version__}-render")))


def readme_lines() -> list[str]:
  text = (ROOT / "README.md").read_text().replace("\\\n", " ")
  return [" ".join(line.split(" #")[0].split()) for line in re.findall(r"(?m)^\$ (.*\bdocker run .*)$", text)]


def test_the_readme_has_the_line() -> None:
  assert 'docker run --rm -v "$PWD/output:/output" kubric-gen worlds/movi.py --seed 3' in " ".join(readme_lines())


@pytest.mark.parametrize("line", [line for line in readme_lines() if "--gpus" not in line])
def test_every_line_of_the_readme_works_as_written(engine: LocalEngine, image: str, line: str, tmp_path: Path) -> None:
  (tmp_path / "output").mkdir()
  result = subprocess.run(["bash", "-euc", line], cwd=tmp_path, env=engine.environment, capture_output=True, text=True,
                          timeout=900)
  assert result.returncode == 0, result.stderr
  made = list((tmp_path / "output").rglob("*")) if "/output" in line else []
  assert not made or owners(tmp_path / "output") == {(os.getuid(), os.getgid())}
  if shlex.split(line)[-2:] == ["--seed", "3"]:
    check_scene(tmp_path / "output" / "3", 24)


def test_the_scene_is_the_same_inside_and_outside(engine: LocalEngine, image: str, output: Path, tmp_path: Path) -> None:
  flags = [*SMALL, f"--layers={ALL_LAYERS}"]
  inside = contain(engine, image, ["worlds/movi.py", *flags], f"--volume={output}:/output")
  assert inside.returncode == 0, inside.stderr
  subprocess.run([sys.executable, "worlds/movi.py", *flags, f"--output_dir={tmp_path / 'outside'}"], cwd=ROOT, check=True,
                 capture_output=True, timeout=280)
  ours, theirs = (folder / "3" for folder in (tmp_path / "outside", output))
  names = {path.name for path in ours.iterdir()}
  assert names == {path.name for path in theirs.iterdir()} and len(names) > 20
  differing = [name for name in names if (ours / name).read_bytes() != (theirs / name).read_bytes()]
  assert set(differing) <= {"run.json", "checksums.json", "preview.mp4", "contact_sheet.png"}


@pytest.mark.parametrize("name", LIMITS)
def test_another_user_with_nothing_to_write_but_the_output(engine: LocalEngine, image: str, name: str, output: Path) -> None:
  result = contain(engine, name, MOVI, "--read-only", "--user=4321:8765", "--cap-drop=ALL", "--security-opt=no-new-privileges",
                   f"--volume={output}:/output")
  assert result.returncode == 0, result.stderr
  check_scene(output / "3")
  assert owners(output / "3") == {(4321, 8765)} and [path.name for path in output.iterdir()] == ["3"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_files_belong_to_whom_the_output_belongs_to(engine: LocalEngine, image: str, output: Path) -> None:
  os.chown(output, 2345, 3456)
  output.chmod(0o755)
  assert contain(engine, image, MOVI, f"--volume={output}:/output").returncode == 0
  assert owners(output / "3") == {(2345, 3456)}


def test_without_a_volume(engine: LocalEngine, image: str) -> None:
  assert engine.docker("run", "--name=kubric-gen-test", "--network=none", image, *MOVI).returncode == 0
  try:
    archive = subprocess.run([engine.client, "cp", "kubric-gen-test:/output/3", "-"], env=engine.environment, check=True,
                             capture_output=True, timeout=100).stdout
    with tarfile.open(fileobj=io.BytesIO(archive)) as copied:
      assert f"3/{SCENE[0]}" in copied.getnames()
  finally:
    engine.docker("rm", "--force", "kubric-gen-test")


def test_a_script_of_ones_own(engine: LocalEngine, image: str, output: Path, tmp_path: Path) -> None:
  (tmp_path / "mine.py").write_text("from kubric_gen.cli import main\nfrom worlds.movi import WORLD\nmain(WORLD)\n")
  mount = f"--volume={tmp_path}:/mine"
  assert contain(engine, image, ["mine.py", *SMALL], mount, "--workdir=/mine", f"--volume={output}:/output").returncode == 0
  check_scene(output / "3")
  assert contain(engine, image, ["worlds/movi.py", "--help"], mount, "--workdir=/mine").returncode == 1  # absl's
  assert contain(engine, image, ["/mine/mine.py", *SMALL, "--seed=4"], mount, f"--volume={output}:/output").returncode == 0
  check_scene(output / "4")


def test_plain_python(engine: LocalEngine, image: str) -> None:
  code = "import bpy, pybullet, kubric_gen; print(kubric_gen.__version__)"
  for command in (["python", "-c", code], ["-c", code]):
    assert contain(engine, image, command).stdout.strip() == kubric_gen.__version__
  fed = subprocess.run([engine.client, "run", "--rm", "-i", image], input="print(6 * 7)", env=engine.environment, text=True,
                       capture_output=True, timeout=100)
  assert fed.stdout == "42\n"
  assert "worlds/movi.py" in contain(engine, image, ["--help"]).stdout


def test_the_tests_run_in_the_image(engine: LocalEngine, image: str) -> None:
  result = contain(engine, image, ["-m", "pytest", "-p", "no:cacheprovider", "tests/scene", "tests/physics", "tests/shards"])
  assert result.returncode == 0, result.stdout[-2000:]
  assert int(re.search(r"(\d+) passed", result.stdout)[1]) > 400  # type: ignore[index]


@pytest.mark.parametrize("signal", ["INT", "TERM"])
def test_a_signal_ends_it_cleanly(engine: LocalEngine, image: str, output: Path, signal: str) -> None:
  name = f"kubric-gen-{signal.lower()}"
  process = engine.start("run", "--rm", f"--name={name}", "--network=none", f"--volume={output}:/output", image,
                         "worlds/movi.py", "--seed=3", "--resolution=512")
  while process.poll() is None and not list(output.iterdir()):
    time.sleep(0.05)
  time.sleep(1)
  started = time.monotonic()
  assert engine.docker("kill", f"--signal={signal}", name).returncode == 0
  _, errors = process.communicate(timeout=60)
  assert time.monotonic() - started < 5
  assert process.returncode == 130 and errors.strip() == "interrupted: no partial scene was left behind"
  assert list(output.iterdir()) == []


def test_a_limit_on_processors_is_seen(engine: LocalEngine, image: str) -> None:
  code = "from kubric_gen.system.resources import cpu_count; print(cpu_count())"
  assert contain(engine, image, ["-c", code], "--cpus=0.5").stdout == "1\n"
  everything = contain(engine, image, ["-c", code]).stdout
  assert int(everything) == len(os.sched_getaffinity(0))


@pytest.mark.parametrize(("arguments", "words"), [
    (["worlds/nothing.py"], ["worlds/nothing.py", "worlds/movi.py"]), (["nothing"], ["nothing"]),
    (["/mine.py"], ["/mine.py", "-v"]), ([*MOVI, "--device=cuda"], ["cuda", "--gpus"]), ([*MOVI, "--device=optix"], ["optix"]),
    ([*MOVI, "--variant=z"], ["variant"]), (["worlds/movi.py", "--seed=x"], ["seed"]),
    (["-m", "beam_pipelines.generate", "--num_scenes=1", "--data_dir=/proc/x"], ["/proc/x"])])
def test_bad_input(engine: LocalEngine, image: str, arguments: list[str], words: list[str]) -> None:
  check_error(contain(engine, image, arguments), *words)


def test_an_output_that_cannot_be_written(engine: LocalEngine, image: str, output: Path) -> None:
  check_error(contain(engine, image, MOVI, f"--volume={output}:/output:ro"), "/output", "Read-only")
  output.chmod(0o555)
  check_error(contain(engine, image, MOVI, f"--volume={output}:/output", "--user=4321:8765"), "/output", "Permission denied")
  check_error(contain(engine, image, MOVI, "--read-only"), "/output", "Read-only")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_an_owner_that_root_in_the_container_cannot_become(engine: LocalEngine, image: str, output: Path) -> None:
  os.chown(output, 2345, 3456)
  check_error(contain(engine, image, MOVI, f"--volume={output}:/output", "--cap-drop=ALL"), "2345:3456", "--user")


def test_programs_and_what_is_none_leave_no_trace(engine: LocalEngine, image: str, output: Path) -> None:
  options = ("--read-only", "--user=4321:8765", f"--volume={output}:/output")
  check_error(contain(engine, image, ["worlds/nothing.py"], *options), "worlds/nothing.py")
  check_error(contain(engine, image, ["/worlds/movi.py"], *options), "/worlds/movi.py")
  assert contain(engine, image, ["/bin/sh", "-c", "echo $TMPDIR"], *options).stdout.startswith("/output/.temporary-")
  assert "movi.py" in contain(engine, image, ["ls", "worlds"], *options).stdout.split()
  assert contain(engine, image, ["python", "worlds/movi.py", *SMALL], *options).returncode == 0
  assert [path.name for path in output.iterdir()] == ["3"]


def test_too_little_memory(engine: LocalEngine, image: str, output: Path) -> None:
  result = contain(engine, image, ["worlds/movi.py", "--seed=3", "--resolution=512"], "--memory=240m", "--memory-swap=240m",
                   f"--volume={output}:/output")
  check_error(result, "memory", "--memory=2g")
  assert list(output.iterdir()) == []


def test_render_has_no_beam(engine: LocalEngine, image: str, output: Path) -> None:
  check_error(contain(engine, "kubric-gen:render", ["--id=1", "--provision_endpoint=localhost:1"]), "Beam")
  pipeline = ["-m", "beam_pipelines.generate", "--num_scenes=1", "--data_dir=/output/x"]
  check_error(contain(engine, "kubric-gen:render", pipeline), "Beam")
  code = "import importlib.util as u; print([n for n in ('tensorflow', 'apache_beam', 'tensorflow_datasets') if u.find_spec(n)])"
  assert contain(engine, "kubric-gen:render", ["-c", code]).stdout == "[]\n"
