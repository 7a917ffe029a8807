"""Collections of assets that work from a plain install, and those of manifests."""

from kubric_gen.assets.collections.basic import BasicShapes
from kubric_gen.assets.collections.bullet import BulletObjects, RandomUrdfs

__all__ = ["BasicShapes", "BulletObjects", "RandomUrdfs"]
