"""Flags that follow from a world's config, and those of rendering."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Container
from typing import Any, get_type_hints

from absl import flags

from kubric_gen.cli.numbers import FiniteParser, WholeParser
from kubric_gen.errors import KubricGenError
from kubric_gen.render.settings import RenderSettings
from kubric_gen.world.config import Config, parse_resolution


class _TupleParser(flags.ArgumentParser[tuple[Any, ...]]):
  """Comma-separated numbers of a fixed count."""

  def __init__(self, example: tuple[Any, ...]) -> None:
    self._number = WholeParser() if isinstance(example[0], int) else FiniteParser()
    self._length = len(example)
    self.syntactic_help = f"{self._length} comma-separated values"

  def parse(self, argument: Any) -> tuple[Any, ...]:
    if isinstance(argument, tuple):
      return argument
    parts = str(argument).strip("()").split(",")
    if len(parts) != self._length:
      raise ValueError(f"expected {self._length} comma-separated values")
    return tuple(self._number.parse(part.strip()) for part in parts)

  def flag_type(self) -> str:
    return "tuple"


class _TupleSerializer(flags.ArgumentSerializer[tuple[Any, ...]]):

  def serialize(self, value: tuple[Any, ...]) -> str:
    return ",".join(map(str, value))


class _ResolutionParser(flags.ArgumentParser[tuple[int, int]]):
  syntactic_help = "HEIGHTxWIDTH, or one number"

  def parse(self, argument: Any) -> tuple[int, int]:
    try:
      return parse_resolution(argument)
    except KubricGenError as error:
      raise ValueError(str(error)) from None

  def flag_type(self) -> str:
    return "resolution"


class _ResolutionSerializer(flags.ArgumentSerializer[tuple[int, int]]):

  def serialize(self, value: tuple[int, int]) -> str:
    return "x".join(map(str, value))


def define(name: str, default: Any, text: str, parser: flags.ArgumentParser[Any],
           serializer: flags.ArgumentSerializer[Any] | None = None) -> None:
  """A flag that `--help` lists."""
  flags.DEFINE(parser, name, default, text, serializer=serializer, module_name=sys.argv[0])


def define_config_flags(config: type[Config], without: Container[str] = ()) -> None:
  """One flag per field of a world's config, but for those named; `--helpfull` documents every number."""
  hints = get_type_hints(config)
  for field in dataclasses.fields(config):
    if field.name in without:
      continue
    default: Any = field.default
    if "help" not in field.metadata or default == ():
      raise KubricGenError(f"{config.__name__}.{field.name} must be a setting(default, \"what it is, with its unit\")")
    if field.name in flags.FLAGS:
      raise KubricGenError(f"{config.__name__}.{field.name} has the name of a flag that every command has: choose another")
    text, kind = field.metadata["help"], hints[field.name]
    if field.name == "resolution":
      define(field.name, default, text, _ResolutionParser(), _ResolutionSerializer())
    elif isinstance(default, tuple):
      define(field.name, default, text, _TupleParser(default), _TupleSerializer())
    elif kind is bool:
      flags.DEFINE_boolean(field.name, default, text, module_name=sys.argv[0])
    elif kind is int:
      define(field.name, default, text, WholeParser())
    elif kind is float:
      define(field.name, default, text, FiniteParser())
    else:
      choices = field.metadata["choices"]
      define(field.name, default, f"{text}: {', '.join(choices)}" if choices else text, flags.ArgumentParser())


def define_render_flags() -> None:
  """How to render; `render_settings` reads them."""
  string, whole = flags.ArgumentParser[str](), WholeParser()
  define("quality", "standard", "draft, standard or high: samples and denoiser", string)
  define("samples_per_pixel", None, "exactly so many samples instead of the quality's", whole)
  define("denoiser", None, "fast, accurate or none instead of the quality's", string)
  define("adaptive_threshold", None, "noise level at which a pixel stops early, 0 for the same samples everywhere, "
         "instead of the quality's", FiniteParser())
  define("device", "auto", "auto, cpu, cuda, optix, hip or metal", string)


def render_settings(threads: int) -> RenderSettings:
  """What the flags of `define_render_flags` say.

  Raises:
    KubricGenError: a value that makes no sense.
  """
  values = flags.FLAGS
  return RenderSettings(quality=values.quality, samples_per_pixel=values.samples_per_pixel, denoiser=values.denoiser,
                        adaptive_threshold=values.adaptive_threshold, device=values.device, threads=threads)


def config_from_flags(config: type[Config], **other: Any) -> Config:
  """A world's config as the flags say, and with the given fields."""
  return config(**{field.name: getattr(flags.FLAGS, field.name) for field in dataclasses.fields(config)
                   if field.name not in other}, **other)
