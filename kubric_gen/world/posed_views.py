"""What worlds of posed views share: how many views there are, for what, and which of them are wanted."""

from __future__ import annotations

from dataclasses import dataclass

from kubric_gen.errors import KubricGenError
from kubric_gen.scene.posed_views import PosedView
from kubric_gen.world.config import StaticWorldConfig, setting
from kubric_gen.world.splits import Split

MOST_VIEWS = 100_000
VIEW_SPLITS = {"train": "views for training", "validation": "views for choosing models", "test": "views for testing"}


@dataclass(frozen=True, kw_only=True)
class PosedViewsConfig(StaticWorldConfig):
  """A scene that stays as it is, seen from many places. Views are named by their split and a number, such as `train_007`."""

  num_train_views: int = setting(100, "views for training", minimum=1, maximum=MOST_VIEWS)
  num_validation_views: int = setting(20, "views for choosing models", minimum=0, maximum=MOST_VIEWS)
  num_test_views: int = setting(40, "views for testing", minimum=0, maximum=MOST_VIEWS)
  views: str = setting("", "only these views, comma-separated, as train_000,test_003; all of them where empty")

  def __post_init__(self) -> None:
    super().__post_init__()
    wanted = {name.strip() for name in self.views.split(",")} - {""}
    names = [view.name for view in self.all_views()]
    unknown = sorted(wanted - set(names))
    if unknown:
      ranges = [f"{split}_000 … {split}_{count - 1:03d}" for split, count in self._counts().items() if count]
      raise KubricGenError(f"there is no view {unknown[0][:80]!r} (--views): choose from {', '.join(ranges)}")
    chosen = [name for name in names if name in wanted]
    object.__setattr__(self, "views", "" if len(chosen) == len(names) else ",".join(chosen))  # the same views, the same text

  def _counts(self) -> dict[str, int]:
    return {split: getattr(self, f"num_{split}_views") for split in VIEW_SPLITS}

  def all_views(self) -> tuple[PosedView, ...]:
    """All views that there are, wanted or not, in order."""
    return tuple(PosedView(f"{split}_{number:03d}", split) for split, count in self._counts().items() for number in range(count))

  @property
  def wanted(self) -> tuple[int, ...]:
    """Which of `all_views` are to be made, in order."""
    names = set(self.views.split(",")) if self.views else None
    return tuple(number for number, view in enumerate(self.all_views()) if names is None or view.name in names)


def view_splits(**descriptions: str) -> tuple[Split, ...]:
  """The splits of a dataset of posed views.

  Args:
    descriptions: by split, where something else is to be said of it than usual.
  """
  return tuple(Split(name, description=descriptions.get(name, text), of_records=True) for name, text in VIEW_SPLITS.items())
