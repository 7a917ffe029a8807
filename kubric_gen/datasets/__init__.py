"""TFDS builders of all worlds: importing this makes `tfds.load("movi_a/128x128", data_dir=…)` work. Needs the extra `beam`.

    import kubric_gen.datasets
    videos = tfds.load("movi_a/128x128", data_dir=DIR, split="train")
    videos = videos.map(kubric_gen.datasets.in_units("movi_a/128x128", data_dir=DIR))  # metres, pixels, unit vectors

Every world in `worlds` with a dataset has its builders, one per variant, made from what the world says of itself; `register`
does the same for a world from elsewhere.
"""

from kubric_gen.datasets.builder import SceneConfig, WorldBuilder, register, register_all
from kubric_gen.datasets.units import in_units

globals().update(register_all())
