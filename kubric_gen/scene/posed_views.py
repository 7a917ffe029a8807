"""Posed views: the frames of one camera's path from which a scene that stays as it is is seen, each with a name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from kubric_gen.errors import SceneError, shown
from kubric_gen.scene.validation import Described, assign, file_name, labels

OWN_NAMES = ("name", "split")


@dataclass(frozen=True, repr=False)
class PosedView(Described):
  """A frame of a scene of posed views.

  Attributes:
    name: unique in the scene and fit for a file name, such as `train_007`.
    split: of the dataset, to which the view belongs, such as `train`.
    labels: what else the world says of it.
  """

  name: str
  split: str = "train"
  labels: Mapping[str, Any] = field(default_factory=dict)

  def __post_init__(self) -> None:
    assign(self, name=file_name(self.name, "name of a posed view"), split=file_name(self.split, "split of a posed view"),
           labels=labels(self.labels, "labels"))
    taken = sorted(set(self.labels) & set(OWN_NAMES))
    if taken:
      raise SceneError(f"the posed view {self.name} has a label {shown(taken[0])}, which says something else of every view: "
                       "choose another name")

  def plain(self) -> dict[str, Any]:
    """As `metadata.views` has it: the labels beside `name` and `split`."""
    return {"name": self.name, "split": self.split, **self.labels}

  @classmethod
  def from_plain(cls, value: Mapping[str, Any]) -> PosedView:
    """The inverse of `plain`.

    Raises:
      SceneError: it is none.
    """
    missing = [name for name in OWN_NAMES if name not in value]
    if missing:
      raise SceneError(f"a posed view has no {missing[0]}: {str(dict(value))[:80]}")
    return cls(value["name"], value["split"], {name: item for name, item in value.items() if name not in OWN_NAMES})
