from __future__ import annotations

import dataclasses
import hashlib
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from kubric_gen.assets import inertia_of, mass_of
from kubric_gen.errors import AssetError, KubricGenError
from kubric_gen.physics import simulate
from kubric_gen.scene import Cube, Cylinder, Disc, Dome, MeshFile, Motion, Object, Path as Way, Scene, Sphere
from kubric_gen.scene.transforms import quaternion_from_euler

G = 9.81
RATES = [60, 120, 240, 480, 960]
IDENTITY = (1.0, 0.0, 0.0, 0.0)

MakeScene = Callable[..., Scene]


def digest(motion: Motion) -> str:
  arrays = (motion.positions, motion.quaternions, motion.velocities, motion.angular_velocities)
  return hashlib.sha256(b"".join(array.tobytes() for array in arrays) + repr(motion.collisions).encode()).hexdigest()


# Free motion.

@pytest.mark.parametrize("step_rate", RATES)
def test_free_fall_accelerates_at_g(make_scene: MakeScene, step_rate: int):
  motion = simulate(make_scene(Object("ball", Sphere(), velocity=(1, 2, 3)), step_rate=step_rate, num_frames=12))
  time = np.arange(14) / 12
  assert motion.positions.shape == (14, 1, 3) and motion.positions.dtype == np.float64
  assert motion.velocities[:, 0, 2] == pytest.approx(3 - G * time, rel=1e-9)
  assert motion.velocities[:, 0, :2] == pytest.approx(np.tile((1, 2), (14, 1)), rel=1e-12)
  assert motion.positions[:, 0, :2] == pytest.approx(time[:, None] * (1, 2), rel=1e-9)
  # Semi-implicit Euler: the drop is too large by g·t·dt/2, so it converges with the step.
  assert motion.positions[:, 0, 2] == pytest.approx(3 * time - G * time * (time + 1 / step_rate) / 2, abs=1e-9)


def test_gravity_and_the_first_row_are_the_scenes(make_scene: MakeScene):
  quaternion = quaternion_from_euler(0.3, -0.2, 0.9)
  item = Object("x", Cube(), position=(1, 2, 3), quaternion=quaternion, velocity=(0, 1, 0), angular_velocity=(1, 2, 3))
  motion = simulate(make_scene(item, gravity=(0, 0, -1.62), num_frames=11))
  assert motion.positions[0, 0].tolist() == [1, 2, 3]
  assert tuple(motion.quaternions[0, 0]) == item.quaternion
  assert motion.velocities[0, 0].tolist() == [0, 1, 0] and motion.angular_velocities[0, 0].tolist() == [1, 2, 3]
  assert motion.velocities[12, 0] == pytest.approx((0, 1, -1.62))


def test_damping_is_the_fraction_lost_per_second(make_scene: MakeScene):
  item = Object("x", Cube(), velocity=(1, 0, 0), angular_velocity=(0, 0, 2), linear_damping=0.3, angular_damping=0.6)
  motion = simulate(make_scene(item, gravity=(0, 0, 0), num_frames=11))
  assert motion.velocities[12, 0] == pytest.approx((0.7, 0, 0))
  assert motion.angular_velocities[12, 0] == pytest.approx((0, 0, 0.8))


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_spin_about_a_principal_axis_stays(make_scene: MakeScene, axis: int):
  spin = np.eye(3)[axis] * 7.0
  motion = simulate(make_scene(Object("x", Cube(), scale=(0.3, 0.7, 1.1), angular_velocity=spin), gravity=(0, 0, 0)))
  assert motion.angular_velocities[:, 0] == pytest.approx(np.tile(spin, (26, 1)), abs=1e-9)
  expected = Rotation.from_rotvec(np.arange(26)[:, None] / 12 * spin)
  turned = Rotation.from_quat(motion.quaternions[:, 0], scalar_first=True)
  assert (turned * expected.inv()).magnitude().max() < 1e-9


def test_a_mesh_turned_in_its_file_spins_about_its_own_axes(make_scene: MakeScene, meshes, brick_turn: Rotation):
  """Fails if only the diagonal of the inertia tensor were used: the axis of spin would then tumble."""
  spin = brick_turn.apply((0, 0, 9.0))
  motion = simulate(make_scene(Object("x", MeshFile(meshes["brick"]), angular_velocity=spin), gravity=(0, 0, 0)))
  assert motion.angular_velocities[:, 0] == pytest.approx(np.tile(spin, (26, 1)), abs=1e-5)
  expected = Rotation.from_rotvec(np.arange(26)[:, None] / 12 * spin)
  turned = Rotation.from_quat(motion.quaternions[:, 0], scalar_first=True)
  assert (turned * expected.inv()).magnitude().max() < 1e-5


def test_a_tumbling_top_precesses_as_its_inertia_says(make_scene: MakeScene):
  item = Object("x", Cylinder(), scale=(1, 1, 0.2), angular_velocity=(1, 0, 4))
  motion = simulate(make_scene(item, gravity=(0, 0, 0), step_rate=960, num_frames=11))
  inertia = inertia_of(item)
  turns = Rotation.from_quat(motion.quaternions[:, 0], scalar_first=True)
  momentum = turns.apply(turns.inv().apply(motion.angular_velocities[:, 0]) @ inertia)
  assert momentum == pytest.approx(np.tile(momentum[0], (13, 1)), abs=0.01 * np.linalg.norm(momentum[0]))
  # The axis of symmetry goes around the angular momentum at |L| / I₁.
  along = momentum[0] / np.linalg.norm(momentum[0])
  axis = turns.apply((0, 0, 1))
  flat = axis - (axis @ along)[:, None] * along
  angles = np.unwrap(np.arctan2(np.cross(flat[0], flat) @ along, flat @ flat[0]))
  assert angles[12] == pytest.approx(np.linalg.norm(momentum[0]) / inertia[0, 0], rel=0.02)


@pytest.mark.parametrize("height", [0.5, 0.7])
def test_inertia_counts_from_the_first_step_on(make_scene: MakeScene, meshes, height: float):
  """Bullet guesses a hull's inertia from its box, and would use that guess in the first step."""
  stone = Object("stone", MeshFile(meshes["stone"]), scale=2, restitution=1)
  ball = Object("ball", Sphere(), scale=0.2, position=(0.5, 0, height), velocity=(0, 0, -4), mass=50, friction=0)
  motion = simulate(make_scene(stone, ball, gravity=(0, 0, 0), step_rate=960, num_frames=3))
  event, = motion.collisions
  assert (event.time == 0) == (height == 0.5)
  turn = Rotation.from_quat(motion.quaternions[1, 0], scalar_first=True)
  momentum = turn.apply(turn.inv().apply(motion.angular_velocities[1, 0]) @ inertia_of(stone))
  blow = np.cross(event.position, np.multiply(event.normal, event.impulse))  # the normal points at the stone
  assert momentum == pytest.approx(blow, abs=0.02 * np.linalg.norm(blow))


def test_quaternions_keep_their_sign_over_time(make_scene: MakeScene):
  motion = simulate(make_scene(Object("x", Cube(), angular_velocity=(3, 20, 1)), num_frames=60))
  quaternions = motion.quaternions[:, 0]
  assert np.sum(quaternions[1:] * quaternions[:-1], axis=1).min() > 0
  assert np.linalg.norm(quaternions, axis=1) == pytest.approx(np.ones(62))
  assert quaternions[:, 0].min() < -0.9  # it turned far enough for a canonical sign to have flipped


# Contact.

def test_a_dropped_cube_gives_a_few_events_with_the_right_impulse(make_scene: MakeScene, floor: Object):
  cube = Object("cube", Cube(), position=(0, 0, 1.5), restitution=0.5, mass=2.0)
  motion = simulate(make_scene(floor, cube, num_frames=23))
  events = motion.collisions
  assert 1 <= len(events) <= 6
  speed = np.sqrt(2 * G * 1.0)
  assert events[0].objects == (0, 1)
  assert events[0].time == pytest.approx(speed / G, abs=0.01)
  assert events[0].frame == pytest.approx(events[0].time * 12)
  assert events[0].normal == pytest.approx((0, 0, -1))  # on the cube towards the floor
  assert events[0].position[2] == pytest.approx(0, abs=0.02)
  assert events[0].impulse == pytest.approx(2.0 * speed * 1.5, rel=0.03)
  # Over the whole fall momentum balances: what gravity gave, the floor took.
  assert sum(event.impulse for event in events) == pytest.approx(2.0 * G * 2.0, rel=1e-3)


@pytest.mark.parametrize("step_rate", [60, 240, 960])
def test_few_events_at_any_pose_and_step_rate(make_scene: MakeScene, floor: Object, step_rate: int):
  for seed in range(4):
    quaternion = Rotation.random(random_state=seed).as_quat(scalar_first=True)
    cube = Object("cube", Cube(), position=(0, 0, 2), quaternion=quaternion, angular_velocity=(1, seed, 2))
    events = simulate(make_scene(dataclasses.replace(floor, restitution=0.5), cube, step_rate=step_rate,
                                 num_frames=23)).collisions
    assert 1 <= len(events) <= 6  # it tumbles over its edges; each touch is one


def test_contacts_are_kept_on_request_and_only_then(make_scene: MakeScene, floor: Object):
  scene = make_scene(floor, Object("cube", Cube(), position=(0, 0, 0.5)), num_frames=5)
  assert simulate(scene).contacts == ()
  motion = simulate(scene, keep_contacts=True)
  assert {contact.step for contact in motion.contacts} == set(range(120))
  last = [contact for contact in motion.contacts if contact.step == 119]
  assert sum(contact.force for contact in last) == pytest.approx(1000 * G, rel=1e-6)


@pytest.mark.parametrize("step_rate", RATES)
@pytest.mark.parametrize(("first", "second"), [(0.8, 1.0), (0.5, 0.6), (1.0, 0.0)])
def test_restitutions_multiply(make_scene: MakeScene, floor: Object, step_rate: int, first: float, second: float):
  ball = Object("ball", Sphere(), position=(0, 0, 1.3), velocity=(0, 0, -4), restitution=first)
  motion = simulate(make_scene(dataclasses.replace(floor, restitution=second), ball, gravity=(0, 0, 0),
                               step_rate=step_rate, num_frames=12))
  assert motion.velocities[-1, 1] == pytest.approx((0, 0, 4 * first * second), abs=1e-9)


@pytest.mark.parametrize("step_rate", [60, 240])
@pytest.mark.parametrize("shape", [Cube(), Cylinder(), "brick"])
def test_things_slide_where_the_slope_exceeds_the_product_of_frictions(make_scene: MakeScene, floor: Object, meshes,
                                                                       brick_turn: Rotation, step_rate: int, shape):
  item = Object("x", MeshFile(meshes[shape]) if isinstance(shape, str) else shape, friction=0.5)
  half = 0.15 if isinstance(shape, str) else 0.5
  upright = brick_turn.inv() if isinstance(shape, str) else Rotation.identity()
  for slope, moves in ((0.95, False), (1.15, True)):
    angle = np.arctan(slope * 0.8 * 0.5)
    turn = Rotation.from_euler("y", angle)
    start = turn.apply((0, 0, half))
    motion = simulate(make_scene(
        dataclasses.replace(floor, friction=0.8, quaternion=turn.as_quat(scalar_first=True)),
        dataclasses.replace(item, position=start, quaternion=(turn * upright).as_quat(scalar_first=True),
                            restitution=0),
        step_rate=step_rate, num_frames=11))
    distance = np.linalg.norm(motion.positions[12, 1] - start)
    exact = G * (np.sin(angle) - 0.4 * np.cos(angle)) / 2
    assert distance == pytest.approx(exact, rel=0.2) if moves else distance < 0.6 / step_rate


def test_momentum_is_conserved_head_on(make_scene: MakeScene):
  """Masses follow density and size: 1 : 8 at 1 : 2 in diameter, then 2 : 8 with twice the density."""
  for density, ratio in ((1000, 1 / 8), (2000, 2 / 8)):
    small = Object("small", Sphere(), scale=0.5, position=(-1, 0, 0), velocity=(3, 0, 0), restitution=1,
                   density=density)
    large = Object("large", Sphere(), position=(1, 0, 0), velocity=(-1, 0, 0), restitution=1)
    scene = make_scene(small, large, gravity=(0, 0, 0))
    motion = simulate(scene)
    masses = np.array([mass_of(item) for item in scene.objects])
    assert masses[0] / masses[1] == pytest.approx(ratio)
    momentum = np.einsum("k,fkx->fx", masses, motion.velocities)
    assert momentum == pytest.approx(np.tile(momentum[0], (26, 1)), abs=1e-9 * masses[1])
    centre = (3 * ratio - 1) / (ratio + 1)
    assert motion.velocities[-1, :, 0] == pytest.approx((2 * centre - 3, 2 * centre + 1), rel=1e-6)
    event, = motion.collisions
    assert event.objects == (0, 1)
    assert event.normal == pytest.approx((-1, 0, 0))
    assert event.impulse == pytest.approx(masses[0] * masses[1] / masses.sum() * 4 * 2, rel=1e-6)


@pytest.mark.parametrize("step_rate", [60, 240])
@pytest.mark.parametrize("size", [0.3, 2.0])
@pytest.mark.parametrize("shape", [Cube(), Sphere(), Cylinder(), "stone", "brick"])
def test_things_come_to_rest_on_the_floor(make_scene: MakeScene, floor: Object, meshes, lowest, shape, size: float,
                                          step_rate: int):
  item = Object("x", MeshFile(meshes[shape]) if isinstance(shape, str) else shape, scale=size, restitution=0.2,
                position=(0, 0, size), quaternion=(0.99, 0.1, 0.05, 0.02))
  motion = simulate(make_scene(floor, item, step_rate=step_rate, num_frames=83))
  for row in (-1, -5, -9):
    assert lowest(item, motion.positions[row, 1], motion.quaternions[row, 1]) == pytest.approx(0, abs=1e-3)
  assert np.abs(motion.velocities[-9:, 1, 2]).max() < 0.02


@pytest.mark.parametrize("shape", [Cube(), Sphere(), Cylinder()])
def test_what_starts_at_rest_stays(make_scene: MakeScene, floor: Object, shape):
  motion = simulate(make_scene(floor, Object("x", shape, position=(0, 0, 0.5)), num_frames=24))
  assert np.abs(motion.positions[:, 1] - (0, 0, 0.5)).max() < 1e-4
  assert np.abs(motion.velocities[:, 1]).max() < 1e-3


def test_a_tower_stands(make_scene: MakeScene, floor: Object):
  cubes = [Object(f"cube{i}", Cube(), scale=0.4, position=(0.03 * i, 0, 0.2 + 0.4 * i)) for i in range(4)]
  motion = simulate(make_scene(floor, *cubes, num_frames=36))
  assert np.abs(motion.positions[-1, 1:] - [cube.position for cube in cubes]).max() < 0.002


@pytest.mark.parametrize(("shape", "axis"), [(Sphere(), 0), (Cylinder(), 2)])
def test_scale_is_per_axis(make_scene: MakeScene, floor: Object, lowest, shape, axis: int):
  scale = np.full(3, 0.9)
  scale[axis] = 0.3
  scale[1] = 0.7
  up = {0: (0, np.pi / 2, 0), 2: (0, 0, 0)}[axis]
  item = Object("x", shape, scale=scale, position=(0, 0, 0.16), quaternion=quaternion_from_euler(*up), restitution=0)
  motion = simulate(make_scene(floor, item))
  assert motion.positions[-1, 1, 2] == pytest.approx(0.15, abs=1e-3)
  assert lowest(item, motion.positions[-1, 1], motion.quaternions[-1, 1]) == pytest.approx(0, abs=1e-3)


def test_a_disc_ends_at_its_rim(make_scene: MakeScene):
  disc = Object("disc", Disc(), scale=4, static=True)
  inside = Object("inside", Sphere(), scale=0.2, position=(1.9, 0, 0.2), restitution=0)
  outside = Object("outside", Sphere(), scale=0.2, position=(1.6, 1.6, 0.2), restitution=0)
  motion = simulate(make_scene(disc, inside, outside))
  assert motion.positions[-1, 1, 2] == pytest.approx(0.1, abs=1e-3)
  assert motion.positions[-1, 2, 2] < -1


def test_nothing_collides_with_a_dome(make_scene: MakeScene):
  dome = Object("dome", Dome(), scale=4, static=True)
  ball = Object("ball", Sphere(), position=(0, 0, 0.5), velocity=(5, 0, 1))
  motion = simulate(make_scene(dome, ball, gravity=(0, 0, 0)))
  assert motion.positions[-1, 1] == pytest.approx((5 * 25 / 12, 0, 0.5 + 25 / 12))
  assert motion.collisions == ()


def test_static_meshes_are_hollow_and_moving_ones_are_hulls(make_scene: MakeScene, floor: Object, meshes):
  ball = Object("ball", Sphere(), scale=0.3, position=(0, 0, 0.6), restitution=0)
  ring = Object("ring", MeshFile(meshes["torus"]), position=(0, 0, 0.1), static=True)
  through = simulate(make_scene(floor, ring, ball))
  assert through.positions[-1, 2] == pytest.approx((0, 0, 0.15), abs=1e-3)
  moving = dataclasses.replace(ring, static=False, density=1000)
  held = simulate(make_scene(floor, moving, ball))
  assert held.positions[-1, 2] == pytest.approx((0, 0, 0.35), abs=2e-3)


def test_large_static_meshes_are_whole(make_scene: MakeScene, meshes, monkeypatch):
  monkeypatch.setattr("kubric_gen.physics.bullet.MAX_TRIANGLES", 1)
  sheet = Object("sheet", MeshFile(meshes["sheet"]), static=True)
  balls = [Object(f"ball{x}{y}", Sphere(), scale=0.2, position=(x, y, 0.2), restitution=0)
           for x, y in ((-0.5, 0.5), (0.5, -0.5))]  # one over each triangle
  motion = simulate(make_scene(sheet, *balls))
  assert motion.positions[-1, 1:, 2] == pytest.approx((0.1, 0.1), abs=1e-3)
  assert {event.objects for event in motion.collisions} == {(0, 1), (0, 2)}


def test_fast_things_do_not_pass_through_thin_ones(make_scene: MakeScene, meshes):
  sheet = Object("sheet", MeshFile(meshes["sheet"]), static=True, restitution=1)
  for offset in np.linspace(0, 0.4, 5):
    ball = Object("ball", Sphere(), scale=0.1, position=(0.2, 0.1, 1 + offset), velocity=(0, 0, -40), restitution=0.5)
    motion = simulate(make_scene(sheet, ball, step_rate=60, gravity=(0, 0, 0)))
    assert motion.velocities[-1, 1, 2] == pytest.approx(20)


# Objects that are led or never move.

def test_a_path_is_followed_exactly_and_pushes(make_scene: MakeScene):
  way = Way((0, 25), ((0, 0, 0), (25 / 12, 0, 0)), (IDENTITY, IDENTITY))  # 1 m/s
  pusher = Object("pusher", Cube(), path=way, restitution=1)
  ball = Object("ball", Sphere(), position=(1.5, 0, 0), restitution=1)
  scene = make_scene(pusher, ball, gravity=(0, 0, 0))
  motion = simulate(scene)
  positions, quaternions = way.at(scene.simulated_frames)
  assert np.array_equal(motion.positions[:, 0], positions) and np.array_equal(motion.quaternions[:, 0], quaternions)
  assert motion.velocities[:, 0] == pytest.approx(np.tile((1, 0, 0), (26, 1)))
  assert motion.velocities[-1, 1] == pytest.approx((2, 0, 0), abs=1e-6)
  assert [event.objects for event in motion.collisions] == [(0, 1)]


def test_a_turning_paddle_pushes_with_its_rim_speed(make_scene: MakeScene):
  turns = [Rotation.from_rotvec((0, 0, frame / 12)).as_quat(scalar_first=True) for frame in range(26)]  # 1 rad/s
  way = Way(tuple(range(26)), ((0, 0, 0),) * 26, tuple(turns))
  paddle = Object("paddle", Cube(), scale=(4, 0.1, 1), path=way, restitution=0)
  ball = Object("ball", Sphere(), scale=0.2, position=(1.5, 0.2, 0), friction=0, restitution=0)
  motion = simulate(make_scene(paddle, ball, gravity=(0, 0, 0)))
  assert motion.angular_velocities[1:, 0] == pytest.approx(np.tile((0, 0, 1), (25, 1)), abs=1e-6)
  assert motion.velocities[1, 1] == pytest.approx((0, 1.5, 0), abs=0.15)
  # It touches where the rod's face, 0.05 m from its middle, has come within 0.1 m; from there on it is a bead on a
  # turning rod, whose distance x along the rod follows x'' = x.
  touch = np.arctan2(0.2, 1.5) - np.arcsin(0.15 / np.hypot(1.5, 0.2))
  along = 1.5 * np.cos(touch) + 0.2 * np.sin(touch)
  along = along * np.cosh(0.5 - touch) + 0.15 * np.sinh(0.5 - touch)
  assert np.linalg.norm(motion.positions[6, 1]) == pytest.approx(np.hypot(along, 0.15), rel=0.01)


@pytest.mark.parametrize("shape", [Cube(), Disc()])
def test_a_platform_carries_and_lifts(make_scene: MakeScene, shape):
  way = Way((0, 25), ((0, 0, 0), (25 / 24, 0, 25 / 48)), (IDENTITY, IDENTITY))  # (0.5, 0, 0.25) m/s
  top = 0.5 if isinstance(shape, Cube) else 0.0
  platform = Object("platform", shape, path=way, friction=1)
  cube = Object("cube", Cube(), scale=0.4, position=(0, 0, top + 0.2), friction=1, restitution=0)
  motion = simulate(make_scene(platform, cube))
  assert motion.velocities[-1, 1] == pytest.approx((0.5, 0, 0.25), abs=0.01)
  assert motion.positions[-1, 1, 2] - motion.positions[-1, 0, 2] - top == pytest.approx(0.2, abs=1e-3)


def test_a_led_mesh_is_hollow_and_takes_along_what_is_in_it(make_scene: MakeScene, floor: Object, meshes):
  way = Way((0, 25), ((0, 0, 0.1), (25 / 24, 0, 0.1)), (IDENTITY, IDENTITY))
  ring = Object("ring", MeshFile(meshes["torus"]), path=way)
  ball = Object("ball", Sphere(), scale=0.2, position=(0, 0, 0.1), restitution=0)
  motion = simulate(make_scene(floor, ring, ball))
  assert np.linalg.norm(motion.positions[-1, 2, :2] - motion.positions[-1, 1, :2]) < 0.25
  assert motion.positions[-1, 2, 2] == pytest.approx(0.1, abs=2e-3)


def test_led_and_static_things_ignore_what_hits_them(make_scene: MakeScene, floor: Object):
  quaternion = quaternion_from_euler(0.1, 0.2, 0.3)
  wall = Object("wall", Cube(), position=(0.1, 0.2, 0.3), quaternion=quaternion, static=True)
  waiting = Object("waiting", Cube(), path=Way((0,), ((3, 0, 0.5),), (IDENTITY,)))
  balls = [Object(f"ball{x}", Sphere(), position=(x, 0, 2), mass=1e5) for x in (0, 3)]
  motion = simulate(make_scene(floor, wall, waiting, *balls))
  assert {(1, 3), (2, 4)} <= {event.objects for event in motion.collisions}
  assert np.array_equal(motion.positions[:, 1], np.tile(wall.position, (26, 1)))
  assert np.array_equal(motion.quaternions[:, 1], np.tile(wall.quaternion, (26, 1)))
  assert np.array_equal(motion.positions[:, 2], np.tile((3, 0, 0.5), (26, 1)))
  assert not motion.velocities[:, :3].any() and not motion.angular_velocities[:, :3].any()


# One scene, one motion.

CROWD = """
import hashlib, sys
sys.path.insert(0, {tests!r})
from test_simulation import crowd, digest
from kubric_gen.physics import simulate
print(digest(simulate(crowd())))
"""


def crowd(step_rate: int = 240) -> Scene:
  """A heap of shapes that touch each other all the time."""
  from kubric_gen.scene import PerspectiveCamera, Plane
  rng = np.random.default_rng(5)
  shapes = [Cube(), Sphere(), Cylinder()]
  items = [Object(f"x{i}", shapes[i % 3], scale=rng.uniform(0.3, 0.7, 3) if i % 2 else 0.5,
                  quaternion=rng.normal(size=4), position=(*rng.uniform(-0.6, 0.6, 2), 0.6 + 0.6 * i))
           for i in range(9)]
  pusher = Object("pusher", Cube(), path=Way((0, 25), ((-3, 0, 0.5), (1, 0, 0.5)), (IDENTITY, IDENTITY)))
  return Scene((Object("floor", Plane(), scale=20, static=True), pusher, *items), cameras=(PerspectiveCamera(),),
               step_rate=step_rate)


def test_bits_repeat_whatever_was_simulated_before(make_scene: MakeScene):
  first = digest(simulate(crowd()))
  simulate(crowd(step_rate=60))
  simulate(make_scene(Object("x", Cube()), gravity=(1, 2, 3)))
  assert digest(simulate(crowd())) == first
  assert digest(simulate(crowd(step_rate=120))) != first


def test_bits_repeat_in_another_process_that_prints_nothing_else():
  code = CROWD.format(tests=str(Path(__file__).parent))
  done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True,
                        env={"PYTHONPATH": ":".join(sys.path), "PYTHONHASHSEED": "7"})
  assert done.stdout == digest(simulate(crowd())) + "\n"
  assert done.stderr == ""


def test_pybullet_is_loaded_only_when_something_moves():
  code = ("import sys, kubric_gen.physics as physics; from kubric_gen.scene import *; "
          "way = Path((0, 5), ((0, 0, 0), (1, 0, 0)), ((1, 0, 0, 0),) * 2); "
          "scene = Scene((Object('a', Cube(), static=True), Object('b', Cube(), path=way)), "
          "cameras=(PerspectiveCamera(),)); motion = physics.simulate(scene); "
          "print('pybullet' in sys.modules, motion.positions[2, 1, 0])")
  done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True,
                        env={"PYTHONPATH": ":".join(sys.path)})
  assert done.stdout == "False 0.4\n"


def test_led_things_move_alike_with_and_without_physics(make_scene: MakeScene):
  turns = tuple(Rotation.from_rotvec((0, 0.1 * frame, 0)).as_quat(scalar_first=True) for frame in range(26))
  led = Object("led", Cube(), path=Way(tuple(range(26)), tuple((0.1 * f * f, 0, 0) for f in range(26)), turns))
  alone = simulate(make_scene(led))
  joined = simulate(make_scene(led, Object("x", Sphere(), position=(-9, 0, 0))))
  for name in ("positions", "quaternions", "velocities", "angular_velocities"):
    assert np.array_equal(getattr(alone, name)[:, 0], getattr(joined, name)[:, 0])
  assert alone.angular_velocities[:, 0] == pytest.approx(np.tile((0, 1.2, 0), (26, 1)))


def test_simulations_do_not_leak(make_scene: MakeScene, meshes):
  scene = make_scene(Object("x", MeshFile(meshes["torus"])), Object("y", MeshFile(meshes["torus"]), static=True,
                                                                       position=(0, 0, -3)), num_frames=1)

  def memory() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096

  for _ in range(10):
    simulate(scene)
  before = memory()
  for _ in range(30):
    simulate(scene)
  assert memory() - before < 6e6  # 0.2 MB each; left to itself PyBullet keeps 0.5 MB of these meshes


# The state file, and what goes wrong.

def test_the_saved_state_is_that_of_frame_0(tmp_path: Path, make_scene: MakeScene, floor: Object):
  import pybullet
  path = tmp_path / "scene.bullet"
  cube = Object("cube", Cube(), position=(1, 2, 3), velocity=(4, 5, 6))
  scene = make_scene(floor, cube)
  assert digest(simulate(scene, save_state=path)) == digest(simulate(scene))
  client = pybullet.connect(pybullet.DIRECT)
  try:
    bodies = pybullet.loadBullet(str(path), physicsClientId=client)
    poses = [pybullet.getBasePositionAndOrientation(body, physicsClientId=client)[0] for body in bodies]
    assert sorted(poses) == [pytest.approx((0, 0, -0.5)), pytest.approx((1, 2, 3))]
  finally:
    pybullet.disconnect(client)


def test_a_scene_where_nothing_moves_has_a_state_too(tmp_path: Path, make_scene: MakeScene, floor: Object):
  motion = simulate(make_scene(floor), save_state=tmp_path / "scene.bullet")
  assert (tmp_path / "scene.bullet").stat().st_size > 0
  assert not motion.velocities.any()


def one_line(error: pytest.ExceptionInfo[BaseException]) -> str:
  text = str(error.value)
  assert "\n" not in text
  return text


def test_a_state_that_cannot_be_written_is_told(tmp_path: Path, make_scene: MakeScene, floor: Object):
  with pytest.raises(KubricGenError) as error:
    simulate(make_scene(floor), save_state=tmp_path / "none" / "scene.bullet")
  assert "none/scene.bullet" in one_line(error)


@pytest.mark.parametrize("velocity", [(0, 0, 1e9), (1e300, 0, 0)])
def test_what_flies_off_is_told(make_scene: MakeScene, velocity):
  with pytest.raises(KubricGenError) as error:
    simulate(make_scene(Object("rocket", Sphere(), velocity=velocity)))
  assert "rocket" in one_line(error)


def test_what_has_no_mass_is_told(make_scene: MakeScene, meshes):
  with pytest.raises(AssetError, match="sheet.*mass"):
    simulate(make_scene(Object("sheet", MeshFile(meshes["sheet"]))))


def test_a_flat_mesh_with_a_mass_falls_on_the_floor(make_scene: MakeScene, floor: Object, meshes):
  sheet = Object("sheet", MeshFile(meshes["sheet"]), mass=1.0, position=(0, 0, 0.3), restitution=0)
  motion = simulate(make_scene(floor, sheet))
  assert motion.positions[-1, 1, 2] == pytest.approx(0, abs=5e-3)
