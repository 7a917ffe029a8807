"""How to render, as opposed to what: samples, denoising, device. No engine is imported here."""

from __future__ import annotations

from dataclasses import dataclass

from kubric_gen.limits import MAX_SAMPLES, MAX_THREADS
from kubric_gen.scene.validation import assign, choice, integer, number

DEVICES = ("auto", "cpu", "cuda", "optix", "hip", "metal")
DENOISERS = ("fast", "accurate", "none")


@dataclass(frozen=True)
class Preset:
  """A trade of time for noise.

  Attributes:
    samples: per pixel; where pixels stop early, the most that one can get.
    denoiser: how the denoiser prepares its guides.
    adaptive_threshold: noise level at which a pixel stops early, 0 for all samples everywhere.
    adaptive_min_samples: samples before a pixel may stop, 0 for as many as Cycles thinks right.
  """

  samples: int
  denoiser: str
  adaptive_threshold: float = 0.0
  adaptive_min_samples: int = 0


QUALITIES = {"draft": Preset(4, "fast"), "standard": Preset(32, "fast", 0.1, 12), "high": Preset(128, "fast", 0.05, 32)}
"""Chosen by `make benchmark`, which prints PSNR, SSIM and time of each."""


@dataclass(frozen=True, kw_only=True)
class RenderSettings:
  """Render settings. What is None is taken from the quality.

  Attributes:
    quality: draft, standard or high; see `QUALITIES`.
    samples_per_pixel: exactly so many samples in every pixel, unless `adaptive_threshold` is given too.
    adaptive_threshold: noise level at which a pixel stops early, 0 for the same number of samples everywhere.
    denoiser: OpenImageDenoise guided by albedo and normals: `fast` takes the guides as they are, `accurate` cleans them
      first, `none` does not denoise.
    device: `auto` takes the first GPU that works, else the CPU.
    threads: CPU threads, 0 for all. The image does not depend on it.
  """

  quality: str = "standard"
  samples_per_pixel: int | None = None
  adaptive_threshold: float | None = None
  denoiser: str | None = None
  device: str = "auto"
  threads: int = 0

  def __post_init__(self) -> None:
    choice(self.quality, "quality", QUALITIES)
    choice(self.device, "device", DEVICES)
    assign(self, threads=integer(self.threads, "threads", minimum=0, maximum=MAX_THREADS))
    if self.adaptive_threshold is not None:
      assign(self, adaptive_threshold=number(self.adaptive_threshold, "adaptive_threshold", minimum=0, maximum=1))
    if self.samples_per_pixel is not None:
      assign(self, samples_per_pixel=integer(self.samples_per_pixel, "samples_per_pixel", minimum=1, maximum=MAX_SAMPLES))
    if self.denoiser is not None:
      choice(self.denoiser, "denoiser", DENOISERS)

  @property
  def effective(self) -> Preset:
    """What is done in the end."""
    preset = QUALITIES[self.quality]
    samples, denoiser = self.samples_per_pixel or preset.samples, self.denoiser or preset.denoiser
    if self.adaptive_threshold is not None:
      return Preset(samples, denoiser, self.adaptive_threshold)
    if self.samples_per_pixel is not None:
      return Preset(samples, denoiser)
    return Preset(samples, denoiser, preset.adaptive_threshold, preset.adaptive_min_samples)
