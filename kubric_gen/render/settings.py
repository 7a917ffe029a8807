"""How to render, as opposed to what: samples, denoising, device. No engine is imported here."""

from __future__ import annotations

from dataclasses import dataclass

from kubric_gen.scene.validation import assign, choice, integer, number

DEVICES = ("auto", "cpu", "cuda", "optix", "hip", "metal")
DENOISERS = ("fast", "accurate", "none")


@dataclass(frozen=True)
class Preset:
  """A trade of time for noise: samples per pixel and how the denoiser prepares its guides."""

  samples: int
  denoiser: str


QUALITIES = {"draft": Preset(4, "fast"), "standard": Preset(20, "fast"), "high": Preset(64, "fast")}
"""Chosen by `make benchmark`, which prints PSNR, SSIM and time of each."""


@dataclass(frozen=True, kw_only=True)
class RenderSettings:
  """Render settings.

  Attributes:
    quality: draft, standard or high; see `QUALITIES`.
    samples_per_pixel: exactly so many samples instead of the quality's.
    adaptive_threshold: noise level at which a pixel stops early, 0 for the same number of samples everywhere.
    denoiser: OpenImageDenoise guided by albedo and normals: `fast` takes the guides as they are, `accurate` cleans them
      first, `none` does not denoise; by default the quality's.
    device: `auto` takes the first GPU that works, else the CPU.
    threads: CPU threads, 0 for all. The image does not depend on it.
  """

  quality: str = "standard"
  samples_per_pixel: int | None = None
  adaptive_threshold: float = 0.0
  denoiser: str | None = None
  device: str = "auto"
  threads: int = 0

  def __post_init__(self) -> None:
    choice(self.quality, "quality", QUALITIES)
    choice(self.device, "device", DEVICES)
    assign(self, threads=integer(self.threads, "threads", minimum=0, maximum=1024),
           adaptive_threshold=number(self.adaptive_threshold, "adaptive_threshold", minimum=0, maximum=1))
    if self.samples_per_pixel is not None:
      assign(self, samples_per_pixel=integer(self.samples_per_pixel, "samples_per_pixel", minimum=1, maximum=1 << 24))
    if self.denoiser is not None:
      choice(self.denoiser, "denoiser", DENOISERS)

  @property
  def samples(self) -> int:
    """Samples per pixel."""
    return self.samples_per_pixel or QUALITIES[self.quality].samples

  @property
  def effective_denoiser(self) -> str:
    """The denoiser that is used."""
    return self.denoiser or QUALITIES[self.quality].denoiser
