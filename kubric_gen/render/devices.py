"""Which processor renders."""

from __future__ import annotations

from typing import Any

from kubric_gen.errors import DeviceError

GPU_BACKENDS = ("optix", "cuda", "hip", "metal")


def _backend_devices(preferences: Any, backend: str) -> list[Any]:
  """The GPUs of a backend, after switching the preferences to it; empty where Blender does not know it."""
  try:
    preferences.compute_device_type = backend.upper()
  except TypeError:  # not compiled into this build
    return []
  preferences.refresh_devices()
  return [device for device in preferences.devices if device.type == backend.upper()]


def select_device(bpy: Any, device: str) -> tuple[str, tuple[str, ...]]:
  """Enables a render device for Cycles.

  Args:
    bpy: Blender's module.
    device: `cpu`, a GPU backend, or `auto` for the first GPU backend that has a device, else the CPU.

  Returns:
    The backend taken and the names of its devices.

  Raises:
    DeviceError: the backend asked for has no device here.
  """
  preferences = bpy.context.preferences.addons["cycles"].preferences
  wanted = {"auto": GPU_BACKENDS, "cpu": ()}.get(device, (device,))
  for backend in wanted:
    found = _backend_devices(preferences, backend)
    if found:
      for entry in preferences.devices:
        entry.use = entry in found
      bpy.context.scene.cycles.device = "GPU"
      return backend, tuple(entry.name for entry in found)
  if device not in ("auto", "cpu"):
    raise DeviceError(f"no {device} device found: install its driver (a container also needs --gpus=all), or use --device=cpu or "
                      "--device=auto")
  preferences.compute_device_type = "NONE"
  bpy.context.scene.cycles.device = "CPU"
  return "cpu", ()


def check_device(device: str) -> None:
  """Starts Blender to see whether a render device is there.

  Raises:
    DeviceError: it is not.
  """
  from kubric_gen.system.console import captured_console
  with captured_console():
    import bpy
    bpy.ops.wm.read_factory_settings(use_empty=True)
    bpy.context.scene.render.engine = "CYCLES"
    select_device(bpy, device)
