"""From a scene to how its objects move."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial.transform import Rotation

from kubric_gen.errors import KubricGenError, shown
from kubric_gen.limits import MAX_STEPS, RUNAWAY
from kubric_gen.physics.bullet import Body, BulletWorld
from kubric_gen.physics.contacts import ContactMerger
from kubric_gen.scene import Contact, Motion, Object, Path, Scene
from kubric_gen.scene.transforms import align_hemispheres
from kubric_gen.scene.validation import integer, number, vector3

Array = NDArray[np.float64]


def simulate(scene: Scene, *, keep_contacts: bool = False,
             save_state: str | os.PathLike[str] | None = None) -> Motion:
  """Simulate a scene from frame 0 to frame N + 1.

  Two objects bounce with the product of their restitutions and slide where the slope exceeds the product of their
  frictions (Bullet's rules). Objects with a path follow it exactly and push others; static ones stay where they are. Posed
  views do not follow one another in time: there nothing has a velocity, and nothing collides.
  Nothing rolls to a stop by itself: rolling has no friction. Angular speeds above π/4 per step (188 rad/s at 240
  steps/s) turn the object by no more than that.

  The same scene gives the same bits, whatever was simulated before.

  Args:
    scene: what to simulate.
    keep_contacts: also keep every contact point of every step, in `Motion.contacts`.
    save_state: write the state at frame 0 to this file, in Bullet's own format.

  Returns:
    The motion. `collisions` has one event per touch, with the lower index first; see `contacts.merge_contacts`.

  Raises:
    AssetError: a mesh or a mass that cannot be used.
    KubricGenError: an object flies off to nowhere, or the state cannot be saved.
  """
  motion = _prescribed(scene)
  if save_state is None and all(item.static or item.path is not None for item in scene.objects):
    return motion
  steps_per_frame = scene.step_rate // scene.frame_rate
  num_steps = 0 if scene.posed_views else _checked_steps((scene.num_frames + 1) * steps_per_frame)
  merger = ContactMerger(scene.step_rate, scene.frame_rate)
  kept: list[Contact] = []
  with BulletWorld(scene.step_rate, scene.gravity) as world:
    bodies = [(index, body) for index, item in enumerate(scene.objects) if (body := world.add(item, index))]
    world.start()
    moved = [(index, body) for index, body in bodies if body.dynamic]
    led = [(body, *_led(body.item.path, scene)) for _, body in bodies if body.item.path is not None]
    for body, _, _, velocities, spins in led:
      world.push(body, velocities[0], spins[0])
    if save_state is not None:
      world.save(save_state)
    for index, body in moved:
      motion.velocities[0, index] = body.item.velocity
      motion.angular_velocities[0, index] = body.item.angular_velocity
    for step in range(num_steps):
      for body, positions, quaternions, velocities, spins in led:
        world.place(body, positions[step], quaternions[step])
        world.push(body, velocities[step], spins[step])
      world.step()
      contacts = world.contacts(step)
      merger.add(contacts)
      if keep_contacts:
        kept += contacts
      if (step + 1) % steps_per_frame == 0:
        _keep_state(motion, world, (step + 1) // steps_per_frame, moved)
  for index, _ in moved:
    motion.quaternions[:, index] = align_hemispheres(motion.quaternions[:, index])
  return replace(motion, collisions=merger.close(), contacts=tuple(kept))


def settle(objects: Sequence[Object], obstacles: Sequence[Object] = (), *, seconds: float = 8.0, step_rate: int = 240,
           gravity: ArrayLike = (0.0, 0.0, -9.81)) -> list[Object]:
  """The objects where they have come to after a while.

  Args:
    objects: what falls, from the poses and with the velocities it has.
    obstacles: static objects, such as a floor.
    seconds: how long. step_rate: physics steps per second. gravity: m/s².

  Returns:
    The same objects at their new poses and without velocity; they may still have an angular velocity.

  Raises:
    AssetError: a mesh or a mass that cannot be used.
    KubricGenError: an object flies off to nowhere, or has nothing to collide with; a number that makes no sense.
  """
  steps = _checked_steps(round(number(seconds, "seconds", minimum=0) * integer(step_rate, "step_rate", minimum=1)))
  with BulletWorld(step_rate, vector3(gravity, "gravity")) as world:
    for item in obstacles:
      world.add(item)
    bodies = [(item, world.add(item, index)) for index, item in enumerate(objects)]
    world.start()
    for _ in range(steps):
      world.step()
    settled = []
    for item, body in bodies:
      if body is None:
        raise KubricGenError(f"object {shown(item.name)} has nothing to collide with, so it cannot settle: make it an obstacle")
      position, quaternion, _, spin = _state(world, body, "it settles")
      settled.append(replace(item, position=position.tolist(), quaternion=quaternion.tolist(), velocity=(0.0, 0.0, 0.0),
                             angular_velocity=spin.tolist()))
    return settled


def _checked_steps(steps: int) -> int:
  """So many steps, after making sure that they come to an end.

  Raises:
    KubricGenError: they hardly do.
  """
  if steps > MAX_STEPS:
    raise KubricGenError(f"the simulation would take {shown(steps)} steps, and may take {MAX_STEPS}: give it less time, or a "
                         "smaller step_rate")
  return steps


def _prescribed(scene: Scene) -> Motion:
  """The motion of all that is not pushed around; angular velocities are central differences like the velocities."""
  motion = Motion.from_paths(scene)
  for index, item in enumerate(scene.objects):
    if item.path is not None and not scene.posed_views:
      turns = Rotation.from_quat(motion.quaternions[:, index], scalar_first=True)
      row = np.arange(len(turns))
      before, after = np.maximum(row - 1, 0), np.minimum(row + 1, len(turns) - 1)
      turned = (turns[after] * turns[before].inv()).as_rotvec()
      motion.angular_velocities[:, index] = turned * scene.frame_rate / (after - before)[:, None]
  return motion


def _led(path: Path, scene: Scene) -> tuple[Array, Array, Array, Array]:
  """Poses along a path at the start of every step, and the velocities that lead from each to the next."""
  steps_per_frame = scene.step_rate // scene.frame_rate
  positions, quaternions = path.at(np.arange((scene.num_frames + 1) * steps_per_frame + 1) / steps_per_frame)
  turns = Rotation.from_quat(quaternions, scalar_first=True)
  rate = float(scene.step_rate)
  velocities = (positions[1:] - positions[:-1]) * rate
  spins = np.asarray((turns[1:] * turns[:-1].inv()).as_rotvec(), np.float64) * rate
  return positions, quaternions, velocities, spins


def _state(world: BulletWorld, body: Body, when: str) -> tuple[Array, Array, Array, Array]:
  """The state of what is pushed around, after making sure that it is still there."""
  state = world.state(body)
  if not all(np.isfinite(part).all() for part in state) or np.abs(state[0]).max() > RUNAWAY:
    raise KubricGenError(f"object {shown(body.item.name)} flies off to nowhere before {when}: check that nothing overlaps it at "
                         "the start, its mass and its velocity, or raise step_rate")
  return state


def _keep_state(motion: Motion, world: BulletWorld, frame: int, moved: list[tuple[int, Body]]) -> None:
  """Write the state of all that is pushed around into the rows of a frame."""
  for index, body in moved:
    position, quaternion, velocity, angular_velocity = _state(world, body, f"frame {frame}")
    motion.positions[frame, index], motion.quaternions[frame, index] = position, quaternion
    motion.velocities[frame, index], motion.angular_velocities[frame, index] = velocity, angular_velocity
