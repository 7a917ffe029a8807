"""A scene and its motion as Blender data."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from kubric_gen.assets import load_mesh
from kubric_gen.render.environment import build_environment
from kubric_gen.render.materials import build_material
from kubric_gen.scene.cameras import Camera, OrthographicCamera, PerspectiveCamera
from kubric_gen.scene.lights import AreaLight, Light, PointLight, SpotLight, SunLight
from kubric_gen.scene.materials import Material, PrincipledMaterial
from kubric_gen.scene.motion import Motion
from kubric_gen.scene.objects import Object
from kubric_gen.scene.scene import Scene
from kubric_gen.scene.transforms import align_hemispheres


def _build_mesh(bpy: Any, item: Object, num_materials: int) -> Any:
  mesh = load_mesh(item.shape)
  data = bpy.data.meshes.new(item.name)
  data.vertices.add(len(mesh.vertices))
  data.vertices.foreach_set("co", mesh.vertices.astype(np.float32).ravel())
  data.loops.add(mesh.faces.size)
  data.loops.foreach_set("vertex_index", mesh.faces.ravel())
  data.polygons.add(len(mesh.faces))
  data.polygons.foreach_set("loop_start", np.arange(0, mesh.faces.size, 3, dtype=np.int32))
  if len(mesh.material_index) and num_materials > 1:
    data.polygons.foreach_set("material_index", mesh.material_index)
  uvs = data.uv_layers.new(name="UVMap")
  uvs.data.foreach_set("uv", mesh.uvs[mesh.faces.ravel()].astype(np.float32).ravel())
  data.update(calc_edges=True)
  data.normals_split_custom_set_from_vertices(mesh.normals.astype(np.float32))
  for _ in range(num_materials):
    data.materials.append(None)  # a slot; the object says what is in it
  return data


def _animate(target: Any, frames: ArrayLike, positions: ArrayLike, quaternions: ArrayLike) -> None:
  """Poses at frames, linear in between; a pose that never changes gets no curves, which keeps it static for Cycles."""
  positions, quaternions = np.asarray(positions), align_hemispheres(quaternions)
  target.rotation_mode = "QUATERNION"
  target.location, target.rotation_quaternion = positions[0], quaternions[0]
  for data_path, values in (("location", positions), ("rotation_quaternion", quaternions)):
    if (values == values[0]).all():
      continue
    target.keyframe_insert(data_path, frame=0)  # makes the action, its slot and the curves
    for axis in range(values.shape[1]):
      curve = target.animation_data.action.fcurves.find(data_path, index=axis)
      curve.keyframe_points.clear()
      curve.keyframe_points.add(len(values))
      curve.keyframe_points.foreach_set("co", np.stack([np.asarray(frames), values[:, axis]], 1).astype(np.float32).ravel())
      curve.keyframe_points.foreach_set("interpolation", np.ones(len(values), np.int32))  # LINEAR
      curve.update()


def _build_objects(bpy: Any, scene: Scene, motion: Motion) -> None:
  meshes: dict[Any, Any] = {}
  made: dict[Material, Any] = {}
  for index, item in enumerate(scene.objects):
    looks = ((item.material,) if item.material is not None else load_mesh(item.shape).materials) or (PrincipledMaterial(),)
    key = (item.shape, len(looks))
    if key not in meshes:  # equal geometry shares one datablock
      meshes[key] = _build_mesh(bpy, item, len(looks))
    target = bpy.data.objects.new(item.name, meshes[key])
    for slot, look in zip(target.material_slots, looks):
      if look not in made:
        made[look] = build_material(bpy, look, scene.environment)
      slot.link = "OBJECT"
      slot.material = made[look]
    target.scale = item.scale
    target.visible_camera = item.visibility.camera
    target.visible_diffuse = item.visibility.diffuse
    target.visible_glossy = item.visibility.glossy
    target.visible_transmission = item.visibility.transmission
    target.visible_shadow = item.visibility.shadow
    bpy.context.scene.collection.objects.link(target)
    _animate(target, scene.simulated_frames, motion.positions[:, index], motion.quaternions[:, index])


def _build_light(bpy: Any, light: Light) -> None:
  kind = {SunLight: "SUN", PointLight: "POINT", SpotLight: "SPOT", AreaLight: "AREA"}[type(light)]
  data = bpy.data.lights.new(light.name, kind)
  data.color = light.color
  if isinstance(light, SunLight):
    data.energy, data.angle = light.strength, light.angle
  else:
    data.energy = light.power
  if isinstance(light, (PointLight, SpotLight)):
    data.shadow_soft_size = light.radius
  if isinstance(light, SpotLight):
    data.spot_size, data.spot_blend = light.angle, light.blend
  if isinstance(light, AreaLight):
    data.shape, data.size, data.size_y = "RECTANGLE", light.width, light.height
  target = bpy.data.objects.new(light.name, data)
  bpy.context.scene.collection.objects.link(target)
  target.rotation_mode = "QUATERNION"
  target.location, target.rotation_quaternion = light.position, light.quaternion


def _build_camera(bpy: Any, scene: Scene, camera: Camera) -> Any:
  data = bpy.data.cameras.new(camera.name)
  data.clip_start, data.clip_end = camera.near, camera.far
  data.sensor_fit = "HORIZONTAL"
  if isinstance(camera, PerspectiveCamera):
    data.lens, data.sensor_width = camera.focal_length, camera.sensor_width
    if camera.f_stop is not None:
      data.dof.use_dof = True
      data.dof.aperture_fstop, data.dof.focus_distance = camera.f_stop, camera.focus_distance
  elif isinstance(camera, OrthographicCamera):
    data.type, data.ortho_scale = "ORTHO", camera.scale
  target = bpy.data.objects.new(camera.name, data)
  bpy.context.scene.collection.objects.link(target)
  _animate(target, scene.simulated_frames, *camera.poses(scene.simulated_frames))
  return target


def build_scene(bpy: Any, scene: Scene, motion: Motion) -> dict[str, Any]:
  """Fills Blender's empty current scene.

  Returns:
    Blender's camera object for each camera's name.

  Raises:
    AssetError: a mesh or image that cannot be read.
  """
  _build_objects(bpy, scene, motion)
  for light in scene.lights:
    _build_light(bpy, light)
  build_environment(bpy, scene.environment)
  return {camera.name: _build_camera(bpy, scene, camera) for camera in scene.cameras}
