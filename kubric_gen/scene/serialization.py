"""Scenes as JSON and back: `from_json(to_json(scene)) == scene`.

Every dataclass becomes an object with its class name under `type`; there is nothing to register when a field is added.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from kubric_gen.errors import SceneError, shown
from kubric_gen.scene import cameras, environment, lights, materials, objects, path, patterns, posed_views, scene, shapes

_CLASSES: dict[str, type] = {
    cls.__name__: cls for cls in (
        scene.Scene, posed_views.PosedView, objects.Object, objects.RayVisibility, path.Path, environment.Environment,
        cameras.PerspectiveCamera, cameras.OrthographicCamera,
        lights.SunLight, lights.PointLight, lights.SpotLight, lights.AreaLight,
        materials.PrincipledMaterial, materials.FlatMaterial, materials.ProjectedEnvironment, materials.Texture, patterns.Pattern,
        patterns.Print, environment.Sky,
        shapes.Cube, shapes.Sphere, shapes.Cylinder, shapes.Plane, shapes.Disc, shapes.Dome, shapes.MeshFile,
        shapes.Solid)}


def to_plain(value: Any) -> Any:
  """Dataclasses, tuples, mappings and NumPy values as what JSON knows."""
  if dataclasses.is_dataclass(value) and not isinstance(value, type):
    fields = {f.name: to_plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    return {"type": type(value).__name__, **fields}
  if isinstance(value, Mapping):
    return {str(key): to_plain(item) for key, item in value.items()}
  if isinstance(value, (tuple, list)):
    return [to_plain(item) for item in value]
  if isinstance(value, np.ndarray):
    return value.tolist()
  if isinstance(value, np.generic):
    return value.item()
  return value


def from_plain(value: Any) -> Any:
  """The inverse of `to_plain`; lists become tuples.

  Raises:
    SceneError: an unknown type or field, or a value that its class refuses.
  """
  if isinstance(value, Mapping):
    if "type" not in value:
      return {key: from_plain(item) for key, item in value.items()}
    # What labels hold is the world's: a `type` among them is a label like any other.
    items = {key: item if key == "labels" else from_plain(item) for key, item in value.items() if key != "type"}
    cls = _CLASSES.get(value["type"]) if isinstance(value["type"], str) else None
    if cls is None:
      raise SceneError(f"unknown type {shown(value['type'])} in a scene description")
    unknown = sorted(set(items) - {f.name for f in dataclasses.fields(cls)})
    if unknown:
      raise SceneError(f"{cls.__name__} has no field {', '.join(unknown)}")
    try:
      return cls(**items)
    except SceneError:
      raise
    except (TypeError, ValueError, AttributeError) as error:
      raise SceneError(f"{cls.__name__}: {error}") from None
  if isinstance(value, list):
    return tuple(from_plain(item) for item in value)
  return value


def to_json(value: scene.Scene) -> str:
  """The scene as indented JSON; floats keep every digit."""
  return json.dumps(to_plain(value), indent=1)


def from_json(text: str) -> scene.Scene:
  """The scene of a text that `to_json` made.

  Raises:
    SceneError: not JSON, or not a scene.
  """
  try:
    result = from_plain(json.loads(text))
  except SceneError:
    raise
  except (ValueError, RecursionError) as error:
    raise SceneError(f"not a scene description: {error}") from None
  if not isinstance(result, scene.Scene):
    raise SceneError("not a scene description: it must be an object of type Scene")
  return result
