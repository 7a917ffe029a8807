"""A record of MOVi-F, from the seed to what a reader gets."""

from __future__ import annotations

import numpy as np

from kubric_gen.render.settings import RenderSettings
from kubric_gen.schema.tf_example import decode
from kubric_gen.shards.recipe import Recipe
from kubric_gen.shards.scene import make_scene
from worlds.movi import CATEGORIES, WORLD, MoviConfig


def test_a_record_says_what_the_scene_has() -> None:
  config = MoviConfig(variant="f", resolution=(32, 32), num_frames=2, settle_seconds=1.0, min_num_static=3, max_num_static=4)
  recipe = Recipe("movi", config, ((32, 32),), RenderSettings(samples_per_pixel=1, denoiser="none"))
  seed = next(seed for seed in range(100) if recipe.dataset.split_of(seed).name == "train")
  finished = make_scene(recipe, recipe.key(seed))
  ((key, data),) = finished.records["32x32"].items()
  record = decode(recipe.features((32, 32)), data)
  assert key == record["metadata"]["video_name"] == f"movi_f_{seed}"
  scene = WORLD.scene(config, seed)
  assert record["background"] == scene.labels["background"]
  assert record["metadata"]["motion_blur"] == np.float32(scene.camera.shutter)
  by_id = {item.asset_id: item for item in scene.objects}
  instances = record["instances"]
  assert len(instances["asset_id"]) >= 1
  for number, asset_id in enumerate(instances["asset_id"]):
    item = by_id[asset_id]
    assert instances["scale"][number] == np.float32(item.labels["scale"])
    assert instances["is_dynamic"][number] == item.labels["is_dynamic"]
    assert instances["asset_category"][number] == item.labels["asset_category"]
    assert CATEGORIES[int(instances["category"][number])] == "None"
  assert finished.info["licenses"][scene.objects[-1].asset_id] == "Apache-2.0"
  positions = record["camera"]["positions"]
  assert not np.array_equal(positions[0], positions[1])
