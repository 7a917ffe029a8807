"""Which package may import which, and which may import the heavy libraries: the house as it stands, checked by reading it.

Imports inside functions count as well. Those under `if TYPE_CHECKING:` do not, and programs (`__main__.py`) and the facade
`kubric_gen/__init__.py` stand above the floors: they may import anything of ours.
"""

from __future__ import annotations

import ast
import functools
import subprocess
import sys
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

import kubric_gen

ROOT = Path(kubric_gen.__file__).resolve().parents[1]
TREES = ("kubric_gen", "worlds", "beam_pipelines")

_SCENES_AND_EXAMPLES = "errors versions system scene codecs assets physics render annotations example"
# From the ground up: each package of kubric_gen, and what of kubric_gen it may import. A dotted name is a single module.
MAY_IMPORT = {
    "limits": "",  # everything may import it
    "errors": "",
    "versions": "errors",
    "system": "errors versions",
    "scene": "errors versions system",
    "codecs": "errors",
    "assets": "errors versions system scene",
    # Three engines that know nothing of each other:
    "physics": "errors versions system scene assets",
    "render": "errors versions system scene assets",
    "annotations": "errors versions system scene assets",
    # From a scene to an example, and what becomes of it:
    "example": "errors versions system scene codecs assets physics render annotations",
    "schema": "errors versions system scene codecs example",
    "pictures": "errors versions system scene codecs example assets render",  # the last two for portraits of assets
    "sinks": "errors versions system scene codecs example schema pictures",
    "world": "errors versions system scene assets physics render example schema",
    "workers": "errors system",
    "shards": f"{_SCENES_AND_EXAMPLES} schema pictures sinks world workers",
    "datasets": f"{_SCENES_AND_EXAMPLES} schema pictures sinks world workers shards",
    "cli": f"{_SCENES_AND_EXAMPLES} schema pictures sinks world workers shards",
    # Beside them:
    "export": "",  # the program alone
    "verify": "",  # the same
    "docker": "errors system workers",
    "reliability": "errors shards.reader",  # trains on datasets, whoever made them
}

# What the other trees may import of ours. Worlds are found by name wherever they are needed, and imported by nobody.
TREES_MAY_IMPORT = {
    "kubric_gen": ("kubric_gen",),
    "worlds": ("kubric_gen", "worlds"),
    "beam_pipelines": ("kubric_gen", "beam_pipelines"),
}

# The libraries that cost seconds or need an extra, and the packages that own them. They are imported inside functions, …
OWNERS = {
    "bpy": ("kubric_gen.render", "kubric_gen.assets"),
    "bmesh": ("kubric_gen.render", "kubric_gen.assets"),
    "pybullet": ("kubric_gen.physics",),
    "tensorflow": ("kubric_gen.schema", "kubric_gen.sinks", "kubric_gen.shards",
                   "kubric_gen.datasets"),  # a feature knows its TFDS connector
    "tensorflow_datasets": ("kubric_gen.schema", "kubric_gen.shards", "kubric_gen.datasets"),
    "apache_beam": ("beam_pipelines",),
    "docker": ("kubric_gen.docker",),
    "cv2": ("kubric_gen.codecs", "kubric_gen.pictures"),
    "jax": ("kubric_gen.reliability",),
}

# … but for these modules and packages, which exist for the library and which others import only when they need it.
AT_THE_TOP = {
    "tensorflow_datasets": ("kubric_gen.datasets.builder",),  # a class of TFDS is derived from there
    "apache_beam": ("beam_pipelines.transforms", "beam_pipelines.in_workers", "beam_pipelines.results"),
    "cv2": ("kubric_gen.pictures",),
    "jax": ("kubric_gen.reliability",),
}

# Imports, as (module, what it imports), that are wrong and still there. To be empty.
KNOWN: set[tuple[str, str]] = set()


@dataclass(frozen=True)
class Import:
  """An import statement of a module: what it imports, and whether it does so inside a function."""

  target: str
  inside: bool = False


@dataclass(frozen=True)
class Violation:
  """An import that the tables forbid, and why."""

  module: str
  target: str
  reason: str

  def __str__(self) -> str:
    return f"{self.module} imports {self.target}: {self.reason}"


# Reading


def module_name(path: Path) -> str:
  parts = path.relative_to(ROOT).with_suffix("").parts
  return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports_of(tree: ast.AST, modules: Collection[str], inside: bool = False) -> Iterator[Import]:
  """The imports of a syntax tree; `from a import b` is one of a.b if that is a module, and else of a."""
  for node in ast.iter_child_nodes(tree):
    if isinstance(node, ast.Import):
      for name in node.names:
        yield Import(name.name, inside)
    elif isinstance(node, ast.ImportFrom):
      assert node.level == 0 and node.module is not None, "imports are absolute"
      for name in node.names:
        full = f"{node.module}.{name.name}"
        if full != "kubric_gen.__version__":  # stands in the facade, which nothing below may import otherwise
          yield Import(full if full in modules else node.module, inside)
    elif isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING"):
      for other in node.orelse:
        yield from imports_of(ast.Module([other], []), modules, inside)
    else:
      yield from imports_of(node, modules, inside or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda))


@functools.cache
def read_imports() -> dict[str, set[Import]]:
  """Every module of ours, and what it imports."""
  paths = {module_name(path): path for tree in TREES for path in (ROOT / tree).rglob("*.py")}
  return {module: set(imports_of(ast.parse(path.read_text()), paths)) for module, path in sorted(paths.items())}


# Checking


def is_in(module: str, package: str) -> bool:
  return f"{module}.".startswith(f"{package}.")


def package_of(module: str) -> str:
  """The package in kubric_gen that a module belongs to; of the other trees, the tree."""
  parts = module.split(".")
  return ".".join(parts[:2]) if parts[0] == "kubric_gen" else parts[0]


def stands_above(module: str) -> bool:
  return module == "kubric_gen" or module.endswith(".__main__")


def wrong_floor(module: str, target: str) -> str:
  """Why a module may not import another one of ours; nothing if it may."""
  tree = module.partition(".")[0]
  if target.partition(".")[0] not in TREES_MAY_IMPORT[tree]:
    return f"{tree} imports nothing of that tree"
  if tree != "kubric_gen" or package_of(target) == package_of(module):
    return ""
  own = package_of(module).removeprefix("kubric_gen.")
  if target == "kubric_gen":
    return "the facade stands above all packages"
  if own not in MAY_IMPORT:
    return f"{own} has no place in the table of this test"
  allowed = MAY_IMPORT[own].split()
  if target == "kubric_gen.limits" or any(is_in(target, f"kubric_gen.{name}") for name in allowed):
    return ""
  return f"{own} may import {', '.join(allowed) or 'nothing'}"


def wrong_library(module: str, found: Import) -> str:
  """Why a module may not import a library, there; nothing if it may."""
  library = found.target.partition(".")[0]
  owners = OWNERS.get(library)
  if owners is None:
    return ""
  if not any(is_in(module, owner) for owner in owners):
    return f"only {' and '.join(owners)} may"
  if not found.inside and not any(is_in(module, place) for place in AT_THE_TOP.get(library, ())):
    return "only inside functions"
  return ""


def forbidden(imports: Mapping[str, Collection[Import]]) -> list[Violation]:
  """The imports that the tables forbid, of {module: imports}."""
  wrong = []
  for module, all_found in sorted(imports.items()):
    for found in sorted(all_found, key=lambda each: each.target):
      ours = found.target.partition(".")[0] in TREES
      if not ours:
        reason = wrong_library(module, found)
      else:
        reason = "" if stands_above(module) else wrong_floor(module, found.target)
      if reason:
        wrong.append(Violation(module, found.target, reason))
  return wrong


def circles(imports: Mapping[str, Collection[Import]]) -> list[list[str]]:
  """Packages that import each other, however far around: the strongly connected components of more than one package."""
  edges: dict[str, set[str]] = {}
  for module, all_found in imports.items():
    if not stands_above(module):
      edges.setdefault(package_of(module), set()).update(
          package_of(each.target) for each in all_found if each.target.partition(".")[0] in TREES)

  def reached(start: str) -> set[str]:
    seen: set[str] = set()
    ahead = [start]
    while ahead:
      for following in edges.get(ahead.pop(), set()) - seen:
        seen.add(following)
        ahead.append(following)
    return seen

  reach = {package: reached(package) for package in edges}
  components = {frozenset(other for other in reach[package] if package in reach.get(other, ())) for package in edges}
  return sorted(sorted(component) for component in components if len(component) > 1)


# The tests


def test_packages_import_what_lies_below_them() -> None:
  assert [str(each) for each in forbidden(read_imports()) if (each.module, each.target) not in KNOWN] == []


def test_known_violations_are_still_there() -> None:
  assert KNOWN - {(each.module, each.target) for each in forbidden(read_imports())} == set(), "right by now: strike it from KNOWN"


def test_packages_form_no_circle() -> None:
  assert circles({module: {each for each in found if (module, each.target) not in KNOWN}
                  for module, found in read_imports().items()}) == []


def test_table_rises() -> None:
  floors = list(MAY_IMPORT)
  for package, allowed in MAY_IMPORT.items():
    assert all(floors.index(name.partition(".")[0]) < floors.index(package) for name in allowed.split())


@pytest.mark.parametrize(("module", "target", "inside", "reason"), [
    ("kubric_gen.scene.cameras", "kubric_gen.render.cycles", False, "scene may import errors, versions, system"),
    ("kubric_gen.scene.cameras", "kubric_gen.render.cycles", True, "scene may import errors, versions, system"),
    ("kubric_gen.physics.bullet", "kubric_gen.annotations", False, "physics may import"),
    ("kubric_gen.errors", "kubric_gen.system.paths", False, "errors may import nothing"),
    ("kubric_gen.codecs.images", "kubric_gen.system.paths", False, "codecs may import errors"),
    ("kubric_gen.reliability.depth", "kubric_gen.shards.recipe", False, "reliability may import errors, shards.reader"),
    ("kubric_gen.cli.script", "kubric_gen.datasets", True, "cli may import"),
    ("kubric_gen.attic", "kubric_gen.errors", False, "no place in the table"),
    ("kubric_gen.sinks.coco", "kubric_gen", False, "facade"),
    ("kubric_gen.world.loading", "worlds.movi", True, "nothing of that tree"),
    ("kubric_gen.cli.script", "beam_pipelines.job", True, "nothing of that tree"),
    ("worlds.movi", "beam_pipelines.job", False, "nothing of that tree"),
    ("beam_pipelines.job", "worlds.movi", True, "nothing of that tree"),
    ("kubric_gen.scene.objects", "bpy", True, "only kubric_gen.render and kubric_gen.assets may"),
    ("kubric_gen.render.cycles", "bpy", False, "only inside functions"),
    ("kubric_gen.shards.writers", "tensorflow.io", False, "only inside functions"),
    ("kubric_gen.datasets.movi_a", "tensorflow_datasets", False, "only inside functions"),
    ("kubric_gen.assets.__main__", "cv2", True, "only kubric_gen.codecs and kubric_gen.pictures may"),
    ("worlds.movi", "apache_beam.io", True, "only beam_pipelines may")])
def test_a_wrong_import_is_seen(module: str, target: str, inside: bool, reason: str) -> None:
  wrong = forbidden({module: {Import(target, inside), Import("numpy")}})
  assert len(wrong) == 1 and reason in wrong[0].reason and str(wrong[0]).startswith(f"{module} imports {target}: ")


@pytest.mark.parametrize(("module", "target", "inside"), [
    ("kubric_gen.render.cycles", "kubric_gen.scene", False), ("kubric_gen.render.cycles", "bpy", True),
    ("kubric_gen.reliability.depth", "kubric_gen.shards.reader", False),
    ("kubric_gen.assets.__main__", "kubric_gen.pictures", True),
    ("kubric_gen", "kubric_gen.cli", False), ("kubric_gen.datasets.builder", "tensorflow_datasets", False),
    ("worlds.movi", "kubric_gen", False), ("beam_pipelines.transforms", "apache_beam", False)])
def test_a_right_import_is_none(module: str, target: str, inside: bool) -> None:
  assert forbidden({module: {Import(target, inside)}}) == []


def test_a_circle_is_seen() -> None:
  imports = {"kubric_gen.scene.scene": {Import("kubric_gen.world.seeds", inside=True)},
             "kubric_gen.world.seeds": {Import("kubric_gen.assets")},
             "kubric_gen.assets.meshes": {Import("kubric_gen.scene"), Import("kubric_gen.assets.solids")},
             "kubric_gen.cli": {Import("kubric_gen.world"), Import("kubric_gen.scene")},
             "kubric_gen.assets.__main__": {Import("kubric_gen.cli")}}
  assert circles(imports) == [["kubric_gen.assets", "kubric_gen.scene", "kubric_gen.world"]]
  assert circles({**imports, "kubric_gen.scene.scene": set()}) == []


def test_reading_a_module() -> None:
  source = """
import os.path
from typing import TYPE_CHECKING
from kubric_gen.scene import Scene, cameras
if TYPE_CHECKING:
  import bpy
else:
  import jax
class A:
  import cv2
  def method(self):
    with self:
      from tensorflow.io import gfile
    return lambda: __import__("x")
"""
  assert set(imports_of(ast.parse(source), {"kubric_gen.scene.cameras"})) == {
      Import("os.path"), Import("typing"), Import("kubric_gen.scene"), Import("kubric_gen.scene.cameras"), Import("jax"),
      Import("cv2"), Import("tensorflow.io", inside=True)}


@pytest.mark.parametrize("code", ["import kubric_gen; kubric_gen.Scene", "import kubric_gen.world"])
def test_importing_loads_no_heavy_library(code: str) -> None:
  code += "; import sys; print(*{name.partition('.')[0] for name in sys.modules})"
  run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True)
  loaded = set(run.stdout.split())
  assert "kubric_gen" in loaded
  assert loaded & OWNERS.keys() == set()


@pytest.mark.parametrize("path", [path for path in sorted((ROOT / "worlds").glob("*.py")) if not path.name.startswith("_")],
                         ids=lambda path: path.stem)
def test_a_world_runs(path: Path) -> None:
  body = ast.parse(path.read_text()).body
  assigned = {ast.unparse(target) for node in body if isinstance(node, ast.Assign) for target in node.targets}
  assigned |= {ast.unparse(node.target) for node in body if isinstance(node, ast.AnnAssign)}
  assert "WORLD" in assigned
  assert any(isinstance(node, ast.If) and ast.unparse(node.test) == "__name__ == '__main__'" for node in body)
