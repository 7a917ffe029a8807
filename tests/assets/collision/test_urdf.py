"""URDF files of single bodies."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kubric_gen.assets.collision.files import pieces_text, read_pieces
from kubric_gen.assets.collision.urdf import collision_file, parse_urdf, read_urdf
from kubric_gen.errors import AssetError

pytestmark = pytest.mark.usefixtures("cache_root")
MUG = """<?xml version="0.0" ?>
<robot name="mug"><link name="world"/><link name="base">
  <inertial><mass value="0.25"/><origin xyz="0 0 0"/></inertial>
  <visual><origin rpy="1.5707963267948966 0 0" xyz="1 2 3"/><geometry><mesh filename="mug.obj" scale="0.1 0.2 0.3"/></geometry>
    <material name="red"><color rgba="0.8 0.1 1.5 1"/></material></visual>
  <collision>ORIGIN<geometry>SHAPE</geometry></collision>
</link></robot>"""


def mug(shape: str = '<box size="1 2 3"/>', origin: str = "") -> bytes:
  return MUG.replace("SHAPE", shape).replace("ORIGIN", origin).encode()


def test_mass_colour_and_places():
  body = parse_urdf(mug(), "mug")
  assert body.mass == 0.25 and body.color == (0.8, 0.1, 1.0)
  (visual,) = body.visuals
  assert visual.mesh == "mug.obj"
  # scaled, then y turned to z, then moved
  assert visual.frame @ (1, 1, 1, 1) == pytest.approx((1.1, 2 - 0.3, 3 + 0.2, 1))
  assert parse_urdf(mug().replace(b"0.25", b"0"), "mug").mass is None


@pytest.mark.parametrize(("shape", "extent"), [
    ('<box size="1 2 3"/>', (1, 2, 3)), ('<sphere radius="0.5"/>', (1, 1, 1)),
    ('<cylinder radius="0.5" length="4"/>', (1, 1, 4))])
def test_primitives_are_points_of_their_hull(shape, extent):
  (part,) = parse_urdf(mug(shape, '<origin xyz="5 0 0"/>'), "mug").collisions
  assert np.ptp(part.points, axis=0) == pytest.approx(extent, rel=1e-2) and part.frame[0, 3] == 5
  assert np.abs(part.points.mean(axis=0)) == pytest.approx((0, 0, 0), abs=1e-9)


def test_a_collision_mesh_is_taken_as_it_is_or_brought_into_the_visuals_frame(tmp_path: Path):
  corners = np.array(np.meshgrid((0.0, 1.0), (0.0, 2.0), (0.0, 3.0))).reshape(3, -1).T
  (tmp_path / "c.obj").write_text(pieces_text([corners, corners + (5, 0, 0)]))
  body = parse_urdf(mug('<mesh filename="c.obj"/>'), "mug")
  assert collision_file(body, tmp_path, np.eye(4)) == str(tmp_path / "c.obj")
  moved = read_pieces(collision_file(body, tmp_path, body.visuals[0].frame))
  assert len(moved) == 2
  back = np.c_[moved[0], np.ones(8)] @ body.visuals[0].frame.T
  assert np.sort(back[:, :3], axis=0) == pytest.approx(np.sort(corners, axis=0), abs=1e-6)
  assert collision_file(parse_urdf(b"<robot><link><visual/></link></robot>", "x"), tmp_path, np.eye(4)) == ""
  with pytest.raises(AssetError, match="must be an obj file"):
    collision_file(parse_urdf(mug('<mesh filename="c.stl"/>'), "mug"), tmp_path, np.eye(4))


def test_several_collision_elements_become_one_file(tmp_path: Path):
  second = b'<collision><origin rpy="0 0 0.5"/><geometry><box size="2 2 2"/></geometry></collision></link>'
  text = mug('<sphere radius="1"/>', '<origin xyz="0 0 9"/>').replace(b"</link></robot>", second + b"</robot>")
  first, second = read_pieces(collision_file(parse_urdf(text, "mug"), tmp_path, np.eye(4)))
  assert first[:, 2].max() == pytest.approx(10) and len(second) == 8
  assert second[:, 0].max() == pytest.approx(math.cos(0.5) + math.sin(0.5), abs=1e-6)


@pytest.mark.parametrize(("data", "reason"), [
    (b"", "no element"), (b"<robot/>", "0 bodies"), (b"\xff\xfe\x00", "utf-8"), (b"<robot>", "no element found|unclosed"),
    (b'<!DOCTYPE a [<!ENTITY b "c">]><robot/>', "document type"), (b'<!doctype a><robot/>', "document type"),
    (MUG.replace("ORIGIN", "").encode() + b"x", "junk"),
    (b"<robot><link><visual/></link><link><visual/></link></robot>", "2 bodies"),
    (mug('<mesh filename="../../etc/passwd"/>'), "stay in its folder"), (mug('<mesh filename="/etc/passwd"/>'), "stay"),
    (mug('<mesh filename="package://x/y.obj"/>'), "stay"), (mug('<mesh/>'), "stay"),
    (mug('<box size="1 2"/>'), "3 finite numbers"), (mug('<box size="1 2 -3"/>'), "positive"),
    (mug('<box size="1 2 nan"/>'), "finite"), (mug('<sphere radius="0"/>'), "positive"),
    (mug('<mesh filename="a.obj" scale="0 1 1"/>'), "positive"), (mug(origin='<origin xyz="inf 0 0"/>'), "finite"),
    (mug().replace(b"0.25", b"-1"), "mass"), (mug().replace(b"0.25", b"heavy"), "heavy"),
    (b"<robot>" + b"x" * (1 << 20) + b"</robot>", "larger")])
def test_what_cannot_be_used_is_one_line(data, reason):
  with pytest.raises(AssetError, match=reason) as error:
    parse_urdf(data, "mug.urdf")
  assert "\n" not in str(error.value) and "mug.urdf" in str(error.value)


def test_entities_do_not_expand():
  laughs = b'<!DOCTYPE lolz [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]><robot>&b;</robot>'
  with pytest.raises(AssetError, match="document type"):
    parse_urdf(laughs, "lol")


def test_missing_files(tmp_path):
  with pytest.raises(AssetError, match="cannot be read"):
    read_urdf(tmp_path / "none.urdf")


@given(st.binary(max_size=200) | st.lists(st.sampled_from(
    ["<robot>", "<link>", "</link>", "</robot>", "<visual>", "</visual>", "<geometry>", "</geometry>", '<box size="1 1 1"/>',
     '<mass value="1e999"/>', "&lt;", "<?xml?>", '<origin rpy="1 2 3"/>', "<collision/>", "<inertial>", "</inertial>"]),
    max_size=20).map(lambda parts: "".join(parts).encode()))
@settings(max_examples=150, deadline=None)
def test_anything_is_read_or_refused(data):
  try:
    parse_urdf(data, "fuzz")
  except AssetError:
    pass
