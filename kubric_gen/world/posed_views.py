"""What worlds of posed views share: how many views there are, for what, and which of them are wanted."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from kubric_gen.errors import KubricGenError, shown
from kubric_gen.limits import MAX_FRAMES
from kubric_gen.scene.posed_views import PosedView
from kubric_gen.world.config import StaticWorldConfig, setting
from kubric_gen.world.splits import Split

VIEW_SPLITS = {"train": "views for training", "validation": "views for choosing models", "test": "views for testing"}


@dataclass(frozen=True, kw_only=True)
class PosedViewsConfig(StaticWorldConfig):
  """A scene that stays as it is, seen from many places. Views are named by their split and a number, such as `train_007`."""

  num_train_views: int = setting(100, "views for training", minimum=1, maximum=MAX_FRAMES)
  num_validation_views: int = setting(20, "views for choosing models", minimum=0, maximum=MAX_FRAMES)
  num_test_views: int = setting(40, "views for testing", minimum=0, maximum=MAX_FRAMES)
  views: str = setting("", "only these views, comma-separated, as train_000,test_003; all of them where empty. Their images are "
                       "those of the whole scene, but ids go by what these views show")

  def __post_init__(self) -> None:
    super().__post_init__()
    wanted = {name.strip() for name in self.views.split(",")} - {""}
    if sum(self.counts().values()) > MAX_FRAMES:
      raise KubricGenError(f"a scene has at most {MAX_FRAMES} views, got {sum(self.counts().values())}: give fewer of a split")
    names = [name for name, _ in self._names()]
    unknown = sorted(wanted - set(names)) if wanted or not self.views else [self.views]
    if unknown:
      ranges = [f"{split}_000" + (f" … {split}_{count - 1:03d}" if count > 1 else "")
                for split, count in self.counts().items() if count]
      raise KubricGenError(f"there is no view {shown(unknown[0])} (--views): choose from {', '.join(ranges)}")
    chosen = [name for name in names if name in wanted]
    object.__setattr__(self, "views", "" if len(chosen) == len(names) else ",".join(chosen))  # the same views, the same text

  def counts(self) -> dict[str, int]:
    """How many views each split has."""
    return {split: getattr(self, f"num_{split}_views") for split in VIEW_SPLITS}

  def all_views(self) -> tuple[PosedView, ...]:
    """All views that there are, wanted or not, in order."""
    return tuple(PosedView(name, split) for name, split in self._names())

  def _names(self) -> Iterator[tuple[str, str]]:
    """The name and the split of each view."""
    return ((f"{split}_{number:03d}", split) for split, count in self.counts().items() for number in range(count))

  @property
  def wanted(self) -> tuple[int, ...]:
    """Which of `all_views` are to be made, in order."""
    names = set(self.views.split(",")) if self.views else None
    return tuple(number for number, (name, _) in enumerate(self._names()) if names is None or name in names)


def view_splits(config: PosedViewsConfig, **descriptions: str) -> tuple[Split, ...]:
  """The splits of a dataset of posed views: those that have any.

  Args:
    config: says how many views each has.
    descriptions: by split, where something else is to be said of it than usual.
  """
  counts = config.counts()
  return tuple(Split(name, description=descriptions.get(name, text), of_records=True) for name, text in VIEW_SPLITS.items()
               if counts[name])
