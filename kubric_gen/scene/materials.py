"""Materials: what a surface looks like. Colours are linear RGB, factors lie in [0, 1] unless a docstring says more."""

from __future__ import annotations

import os
from dataclasses import dataclass

from kubric_gen.errors import SceneError, shown
from kubric_gen.scene.color import RGB, color
from kubric_gen.scene.patterns import Pattern, Print
from kubric_gen.scene.validation import Described, Vector3, assign, choice, number, vector3


@dataclass(frozen=True, repr=False)
class Texture(Described):
  """An image file mapped by the mesh's texture coordinates.

  Attributes:
    path: the image file; it must exist.
    color_space: `srgb` for colours, `raw` for data such as roughness, alpha or normals.
    repeat: how often the image repeats over a texture coordinate range of one.
  """

  path: str
  color_space: str = "srgb"
  repeat: float = 1.0

  def __post_init__(self) -> None:
    path = os.fspath(self.path)
    if not os.path.isfile(path):
      raise SceneError(f"texture not found: {path} (give the path of an existing image file)")
    assign(self, path=path, color_space=choice(self.color_space, "color_space", ("srgb", "raw")),
           repeat=number(self.repeat, "repeat", above=0))


_UNIT_FACTORS = ("metallic", "specular", "transmission", "coat", "coat_roughness", "sheen", "sheen_roughness",
                 "subsurface", "anisotropy", "anisotropy_rotation")


@dataclass(frozen=True, kw_only=True, repr=False)
class PrincipledMaterial(Described):
  """Blender's Principled BSDF (Burley 2012/2015, OpenPBR layering as of Blender 4).

  Attributes:
    color: base colour, or a texture, pattern or print of it.
    metallic, roughness: factors, or a raw texture for either.
    specular: dielectric reflection relative to that of the `ior`; 0.5 leaves it as it is.
    specular_tint: colour of the reflection.
    ior: index of refraction, at least 1.
    transmission: 0 opaque, 1 glass.
    alpha: 1 opaque, 0 not there; a raw grey texture cuts holes. Labels and depth count a point as surface where alpha is
      at least 0.5 in a texture and above 0 for a single number.
    emission, emission_strength: emitted colour and its strength in W/m² per steradian.
    coat, coat_roughness: clear layer on top. sheen, sheen_roughness: fabric-like rim.
    subsurface, subsurface_radius: scattering weight, and mean free path per colour channel in metres.
    anisotropy, anisotropy_rotation: stretched highlights.
    normal_map: raw tangent-space normals; normal_strength scales them. Shading only: the normal layer keeps the mesh's.
    bump: a pattern whose ground lies lower than its features; bump_strength, in [0, 1], says how much it shows. Shading
      only, too, and not together with a normal map.
  """

  color: RGB | str | Texture | Pattern | Print = (0.8, 0.8, 0.8)
  metallic: float | Texture = 0.0
  roughness: float | Texture = 0.5
  specular: float = 0.5
  specular_tint: RGB | str = (1.0, 1.0, 1.0)
  ior: float = 1.45
  transmission: float = 0.0
  alpha: float | Texture = 1.0
  emission: RGB | str | Texture = (0.0, 0.0, 0.0)
  emission_strength: float = 1.0
  coat: float = 0.0
  coat_roughness: float = 0.03
  sheen: float = 0.0
  sheen_roughness: float = 0.5
  subsurface: float = 0.0
  subsurface_radius: RGB = (0.1, 0.02, 0.01)
  anisotropy: float = 0.0
  anisotropy_rotation: float = 0.0
  normal_map: Texture | None = None
  normal_strength: float = 1.0
  bump: Pattern | None = None
  bump_strength: float = 0.2

  def __post_init__(self) -> None:
    for name in (*_UNIT_FACTORS, "roughness", "alpha"):
      value = getattr(self, name)
      if not (isinstance(value, Texture) and name in ("metallic", "roughness", "alpha")):
        assign(self, **{name: number(value, name, minimum=0, maximum=1)})
    for name in ("color", "emission"):
      if not isinstance(getattr(self, name), (Texture, Pattern, Print) if name == "color" else Texture):
        assign(self, **{name: color(getattr(self, name), name)})
    if self.normal_map is not None and not isinstance(self.normal_map, Texture):
      raise SceneError(f"normal_map must be a Texture, got {shown(self.normal_map)}")
    for name in ("metallic", "roughness", "alpha", "normal_map"):
      value = getattr(self, name)
      if isinstance(value, Texture) and value.color_space != "raw":
        raise SceneError(f"{name} holds data, not colour: give its texture {value.path} color_space='raw'")
    assign(self, specular_tint=color(self.specular_tint, "specular_tint"), ior=number(self.ior, "ior", minimum=1),
           emission_strength=number(self.emission_strength, "emission_strength", minimum=0),
           subsurface_radius=vector3(self.subsurface_radius, "subsurface_radius"),
           normal_strength=number(self.normal_strength, "normal_strength", minimum=0),
           bump_strength=number(self.bump_strength, "bump_strength", minimum=0, maximum=1))
    if self.bump is not None and (not isinstance(self.bump, Pattern) or self.normal_map is not None):
      raise SceneError(f"bump must be a Pattern, without a normal map beside it, got {shown(self.bump)}")


@dataclass(frozen=True, kw_only=True, repr=False)
class FlatMaterial(Described):
  """One colour without shading.

  Attributes:
    color: the colour that the camera sees.
    holdout: cut a transparent hole into the image instead (the surface still hides what is behind it).
    indirect: whether the surface is seen in reflections and lights its surroundings.
  """

  color: RGB | str = (1.0, 1.0, 1.0)
  holdout: bool = False
  indirect: bool = True

  def __post_init__(self) -> None:
    assign(self, color=color(self.color), holdout=bool(self.holdout), indirect=bool(self.indirect))


@dataclass(frozen=True, kw_only=True, repr=False)
class ProjectedEnvironment(Described):
  """The scene's environment, thrown onto the surface from a point, so that a floor and the dome around it continue it.

  Where the surface looks up it is matt and lit by the scene, with such a reflectance that under the open sky it looks as in
  the picture: objects cast shadows on it. Above `blend` metres it shows the picture itself. With a plain environment the
  floor has its colour.

  Attributes:
    centre: the point, in metres; the horizon is as high as it.
    blend: height in metres at which the surface is wholly the picture.
    reflectance: of the ground where the environment does not say, and the most that a picture can ask for.
  """

  centre: Vector3 = (0.0, 0.0, 3.0)
  blend: float = 6.0
  reflectance: float = 0.9

  def __post_init__(self) -> None:
    assign(self, centre=vector3(self.centre, "centre"), blend=number(self.blend, "blend", above=0),
           reflectance=number(self.reflectance, "reflectance", minimum=0, maximum=1))


Material = PrincipledMaterial | FlatMaterial | ProjectedEnvironment
