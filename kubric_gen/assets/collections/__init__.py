"""Collections of assets that work from a plain install, and those of manifests."""

from kubric_gen.assets.collections.basic import BasicShapes
from kubric_gen.assets.collections.bullet import BulletObjects, RandomUrdfs
from kubric_gen.assets.collections.catalogue import Catalogue
from kubric_gen.assets.collections.environments import BlenderHdris, PlainColors, Skies
from kubric_gen.assets.collections.manifest_sources import ManifestEnvironments, ManifestObjects

__all__ = ["BasicShapes", "BlenderHdris", "BulletObjects", "Catalogue", "ManifestEnvironments", "ManifestObjects", "PlainColors",
           "RandomUrdfs", "Skies"]
