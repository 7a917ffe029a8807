from __future__ import annotations

import pytest

from kubric_gen.physics.contacts import merge_contacts
from kubric_gen.scene import Contact


def contact(step: int, force: float = 1.0, objects: tuple[int, int] = (0, 1), position: tuple[float, ...] = (0, 0, 0),
            normal: tuple[float, ...] = (0, 0, 1)) -> Contact:
  return Contact(objects, step, position, normal, force)


def test_nothing_gives_nothing():
  assert merge_contacts([], 240, 12) == ()


def test_one_contact_is_one_event():
  event, = merge_contacts([contact(60, 480.0, position=(1, 2, 3), normal=(0, 1, 0))], 240, 12)
  assert event.objects == (0, 1)
  assert (event.time, event.frame, event.duration) == (0.25, 3.0, 0.0)
  assert (event.position, event.normal) == ((1, 2, 3), (0, 1, 0))
  assert (event.force, event.impulse) == (480.0, 2.0)


def test_frame_is_a_fraction_of_frames():
  event, = merge_contacts([contact(7)], 240, 12)
  assert event.frame == pytest.approx(0.35)


def test_force_sums_points_and_peaks_over_steps():
  points = [contact(10, 1.0), contact(10, 2.0), contact(11, 4.0), contact(11, 6.0), contact(12, 9.0)]
  event, = merge_contacts(points, 100, 10)
  assert event.force == 10.0
  assert event.impulse == pytest.approx(0.22)
  assert event.duration == pytest.approx(0.02)
  assert event.time == pytest.approx(0.1)


def test_position_and_normal_are_weighted_at_the_peak():
  points = [contact(0, 1.0, position=(9, 9, 9)),
            contact(1, 1.0, position=(0, 0, 0), normal=(1, 0, 0)),
            contact(1, 3.0, position=(4, 0, 0), normal=(0, 0, 1)),
            contact(2, 2.0, position=(9, 9, 9))]
  event, = merge_contacts(points, 100, 10)
  assert event.position == pytest.approx((3, 0, 0))
  assert event.normal == pytest.approx((1 / 10 ** 0.5, 0, 3 / 10 ** 0.5))


def test_opposite_normals_do_not_cancel_to_nothing():
  event, = merge_contacts([contact(0, 1.0, normal=(0, 0, 1)), contact(0, 1.0, normal=(0, 0, -1))], 100, 10)
  assert event.normal == (0, 0, 1)


def test_gap_splits_events():
  steps = [0, 1, 2, 7, 13]  # pauses of 5 and 6 steps
  events = merge_contacts([contact(step) for step in steps], 100, 10, gap=0.05)
  assert [(event.time, event.duration) for event in events] == [(0.0, 0.07), (0.13, 0.0)]
  assert len(merge_contacts([contact(step) for step in steps], 100, 10, gap=0.06)) == 1
  assert len(merge_contacts([contact(step) for step in steps], 100, 10, gap=0.0)) == 5


@pytest.mark.parametrize("step_rate", [60, 70, 90, 240, 1000])
def test_a_pause_of_exactly_the_gap_does_not_split(step_rate: int):
  steps = step_rate // 10
  assert len(merge_contacts([contact(0), contact(steps)], step_rate, 10, gap=0.1)) == 1
  assert len(merge_contacts([contact(0), contact(steps + 1)], step_rate, 10, gap=0.1)) == 2


def test_pairs_are_unordered_and_the_normal_turns_with_them():
  points = [contact(0, 1.0, (2, 1), normal=(0, 0, 1)), contact(1, 2.0, (1, 2), normal=(0, 0, -1))]
  events = merge_contacts(points, 100, 10)
  assert len(events) == 1
  assert events[0].objects == (1, 2)
  assert events[0].normal == (0, 0, -1)
  turned, = merge_contacts([contact(0, 1.0, (2, 1), normal=(0.6, 0, 0.8))], 100, 10)
  assert turned.normal == (-0.6, 0, -0.8)


def test_pairs_do_not_mix():
  events = merge_contacts([contact(0, 1.0, (0, 1)), contact(0, 2.0, (0, 2)), contact(1, 4.0, (0, 1))], 100, 10)
  assert [(event.objects, event.force) for event in events] == [((0, 1), 4.0), ((0, 2), 2.0)]


def test_order_is_by_time_then_pair_whatever_the_order_of_the_input():
  points = [contact(5, objects=(0, 1)), contact(5, objects=(0, 3)), contact(2, objects=(3, 4)),
            contact(5, objects=(1, 2)), contact(90, objects=(0, 1))]
  events = merge_contacts(points, 100, 10)
  assert [event.objects for event in events] == [(3, 4), (0, 1), (0, 3), (1, 2), (0, 1)]
  assert merge_contacts(points[::-1], 100, 10) == events
