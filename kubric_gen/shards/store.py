"""The scene store: one file per finished scene, the unit of durability of everything that makes many scenes.

    <root>/<dataset>/store.json                            what its scenes are made from; another recipe is refused
    <root>/<dataset>/<config hash>/<2 digits>/<seed>.zip   a scene under its key (world, config hash, seed); where splits are
                                                           explicit, <root>/<dataset>/<split>/<config hash>/…

A scene is a zip archive (stored, not deflated: its parts are compressed already) whose checksums are verified whenever
it is read: those of the archive against accidents, and those in its info, each over a part and the scene that it is of, against
parts that were put into another scene's file. The two digits are of a hash of the seed, which spreads the files evenly over
256 folders, or prefixes of an object store. Any path that `etils.epath` knows will do, `gs://` included.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import struct
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from kubric_gen.errors import KubricGenError
from kubric_gen.scene.serialization import to_plain
from kubric_gen.shards.recipe import Recipe, SceneKey, resolution_name
from kubric_gen.shards.scene import EncodedScene
from kubric_gen.system.files import in_one_line, read_json
from kubric_gen.system.whole import write_whole
from kubric_gen.versions import versions

if TYPE_CHECKING:
  from etils import epath

FORMAT = 4
"""Of the store: 1 had one record per scene and resolution, 2 one split of all records of a scene, 3 no checksums of the scene's
own."""
_EPOCH = (1980, 1, 1, 0, 0, 0)
_INFO, _THUMBNAIL, _RECORD, _DIGESTS = "scene.json", "thumbnail.png", "record-%s-%05d.pb", "digests"
_AGAIN = "run again to have it made again"
MAX_INFO = 1 << 24
_DAMAGE = (zipfile.BadZipFile, EOFError, OSError, NotImplementedError, RuntimeError, OverflowError, ValueError, struct.error)
"""What reading a damaged archive raises: too new, encrypted, cut short, names that are no text, places beyond the end, ..."""


class CorruptSceneError(KubricGenError):
  """A stored scene whose checksums do not match, or that is no scene."""


def _add(archive: zipfile.ZipFile, name: str, data: bytes) -> None:
  archive.writestr(zipfile.ZipInfo(name, _EPOCH), data, zipfile.ZIP_STORED)


def _owner(key: SceneKey, config_hash: str) -> str:
  """What a scene's checksums are bound to."""
  return f"{config_hash}/{key}"


def _digest(owner: str, member: str, key: str, size: int, checksum: int) -> str:
  """SHA-256 of what is known of a part: the scene that it belongs to, its name there, its size and its CRC-32.

  The archive has the CRC-32 anyway and checks it whenever the part is read, which costs a tenth of a SHA-256 of its bytes.

  Args:
    key: of a record.
  """
  return hashlib.sha256(json.dumps([owner, member, key, size, checksum]).encode()).hexdigest()


def _digest_of(owner: str, member: str, key: str, data: bytes) -> str:
  return _digest(owner, member, key, len(data), zlib.crc32(data))


def _info_digest(owner: str, info: Mapping[str, Any]) -> str:
  rest = {name: value for name, value in info.items() if name != _DIGESTS}
  return _digest_of(owner, _INFO, "", json.dumps(rest, sort_keys=True).encode())


def stored_info(scene: EncodedScene) -> dict[str, Any]:
  """What a scene's file says of it: its info, and which records it has, with checksums of all parts."""
  told = {"records": {name: list(records) for name, records in scene.records.items()}, "splits": scene.splits}
  info: dict[str, Any] = json.loads(json.dumps(to_plain({**scene.info, **told})))
  owner = _owner(SceneKey(info["split"], info["seed"]), info["config_hash"])
  digests = {_THUMBNAIL: _digest_of(owner, _THUMBNAIL, "", scene.thumbnail)}
  for name, records in scene.records.items():
    for number, (key, record) in enumerate(records.items()):
      member = _RECORD % (name, number)
      digests[member] = _digest_of(owner, member, key, record)
  return {**info, _DIGESTS: {**digests, _INFO: _info_digest(owner, info)}}


def pack(scene: EncodedScene) -> bytes:
  """The file of a scene."""
  buffer = io.BytesIO()
  with zipfile.ZipFile(buffer, "w") as archive:
    _add(archive, _INFO, json.dumps(stored_info(scene), sort_keys=True).encode())
    _add(archive, _THUMBNAIL, scene.thumbnail)
    for name, records in scene.records.items():
      for number, record in enumerate(records.values()):
        _add(archive, _RECORD % (name, number), record)
  return buffer.getvalue()


class StoredScene:
  """A scene in the store, open for reading; what is read is verified.

  Args:
    name: of its file, for errors.
    key: of the scene that it must be. config_hash: of that one's config.

  Raises:
    CorruptSceneError: it is none, or another one.
  """

  def __init__(self, archive: zipfile.ZipFile, name: str, key: SceneKey, config_hash: str) -> None:
    self._archive, self.name, self._owner = archive, name, _owner(key, config_hash)
    if [self.info.get(field) for field in ("seed", "split", "config_hash")] != [key.seed, key.split, config_hash]:
      raise CorruptSceneError(f"{name} is of another seed or config: {_AGAIN}")
    self._check(_INFO, _info_digest(self._owner, self.info))

  def _read(self, member: str, limit: int | None = None) -> bytes:
    try:
      entry = self._archive.getinfo(member)
      if entry.compress_type != zipfile.ZIP_STORED or (limit is not None and entry.file_size > limit):
        raise CorruptSceneError(f"{self.name} is no stored scene: {_AGAIN}")
      return self._archive.read(entry)  # checks the CRC
    except (KeyError, *_DAMAGE) as error:
      raise CorruptSceneError(f"{self.name} is damaged ({in_one_line(error)}): {_AGAIN}") from None

  def _part(self, member: str, key: str = "") -> bytes:
    """The data of a part, after making sure that it belongs to this scene."""
    data = self._read(member)
    entry = self._archive.getinfo(member)
    self._check(member, _digest(self._owner, member, key, entry.file_size, entry.CRC))
    return data

  def _check(self, member: str, found: str) -> None:
    """Makes sure that a part belongs to this scene."""
    digests = self.info.get(_DIGESTS)
    if not isinstance(digests, dict) or digests.get(member) != found:
      raise CorruptSceneError(f"{self.name} has the part {member} of another scene, or a changed one: {_AGAIN}")

  @cached_property
  def info(self) -> dict[str, Any]:
    """What is known of it."""
    try:
      value = json.loads(self._read(_INFO, MAX_INFO))
      if not isinstance(value, dict):
        raise ValueError("no object")
      return value
    except (ValueError, RecursionError) as error:
      raise CorruptSceneError(f"{self.name} is damaged ({in_one_line(error)}): {_AGAIN}") from None

  @property
  def thumbnail(self) -> bytes:
    """A small PNG."""
    return self._part(_THUMBNAIL)

  def records(self, resolution: str, split: str | None = None) -> Iterator[tuple[str, bytes]]:
    """The keys and serialised `tf.train.Example`s of a resolution, in order; only those of a split if one is given."""
    keys, splits = self.info.get("records"), self.info.get("splits")
    names = keys.get(resolution) if isinstance(keys, dict) else None
    if (not isinstance(names, list) or not all(isinstance(name, str) for name in names) or not isinstance(splits, dict)
        or not all(isinstance(part, str) for part in splits.values())):
      raise CorruptSceneError(f"{self.name} does not say which records it has: {_AGAIN}")
    for number, name in enumerate(names):
      if split in (None, splits.get(name, self.info.get("split"))):
        yield name, self._part(_RECORD % (resolution, number), name)


class SceneStore:
  """The stored scenes of a recipe.

  Args:
    root: of the store; several datasets may share it.
    recipe: what the scenes are made from.
  """

  def __init__(self, root: str | os.PathLike[str], recipe: Recipe) -> None:
    from etils import epath
    self.root, self.recipe = epath.Path(root), recipe
    self.folder = self.root / recipe.dataset.name
    self._hashes = {split.name: recipe.hash(split) for split in recipe.dataset.scene_splits}

  def describe(self) -> dict[str, Any]:
    """What store.json says."""
    return {"format": FORMAT, "world": self.recipe.world_name, "versions": versions(),
            "splits": json.loads(json.dumps(to_plain(self.recipe.plain())))}

  def open(self) -> None:
    """Makes the store, or makes sure that it holds scenes of this recipe.

    Raises:
      KubricGenError: it was made from something else or by other versions, or cannot be written.
    """
    wanted, file = self.describe(), self.folder / "store.json"
    try:
      found = read_json(file, way_out="choose another --store_dir")
    except FileNotFoundError:
      write_whole(file, (json.dumps(wanted, indent=1) + "\n").encode())
      return
    if found != wanted:
      raise KubricGenError(f"the store {self.folder} was made with another {first_difference(found, wanted)}: ask for the "
                           "same, or choose another --store_dir")

  def path(self, key: SceneKey) -> epath.Path:
    """Where a scene lies."""
    spread = hashlib.sha256(str(key.seed).encode()).hexdigest()[:2]
    folder = self.folder / key.split if self.recipe.dataset.explicit else self.folder
    return folder / self._hashes[key.split][:16] / spread / f"{key.seed}.zip"

  def write(self, scene: EncodedScene) -> int:
    """Stores a scene, whole or not at all. Returns its size in bytes.

    Raises:
      KubricGenError: it cannot be written.
    """
    data = pack(scene)
    write_whole(self.path(SceneKey(scene.info["split"], scene.info["seed"])), data)
    return len(data)

  @contextlib.contextmanager
  def read(self, key: SceneKey) -> Iterator[StoredScene]:
    """A stored scene.

    Raises:
      FileNotFoundError: it has not been stored.
      CorruptSceneError: the file is no scene of this key and recipe.
      KubricGenError: it may not be read.
    """
    path = self.path(key)
    with contextlib.ExitStack() as stack:
      try:
        archive = stack.enter_context(zipfile.ZipFile(stack.enter_context(path.open("rb"))))
      except FileNotFoundError:
        raise
      except PermissionError as error:  # it may be sound
        raise KubricGenError(f"{path} cannot be read ({error.strerror or in_one_line(error)}): make it readable, or choose "
                             "another --store_dir") from None
      except _DAMAGE as error:
        raise CorruptSceneError(f"{path} is damaged ({in_one_line(error)}): {_AGAIN}") from None
      yield StoredScene(archive, os.fspath(path), key, self._hashes[key.split])

  def verified(self, key: SceneKey) -> StoredSummary | None:
    """Sizes of a stored scene that is wholly sound; None where there is none.

    Raises:
      CorruptSceneError: it is damaged, or of another seed or config.
    """
    try:
      with self.read(key) as scene:
        scene.thumbnail  # noqa: B018
        splits = self.recipe.dataset.record_splits(key.split)
        return StoredSummary(scene.info, {
            name: {split: sum(len(data) for _, data in scene.records(name, split)) for split in splits}
            for name in map(resolution_name, self.recipe.resolutions)})
    except FileNotFoundError:
      return None


@dataclass(frozen=True)
class StoredSummary:
  """What is told of a stored scene: its info and the size of its records in bytes, by resolution and split."""

  info: Mapping[str, Any]
  sizes: Mapping[str, Mapping[str, int]]


def first_difference(found: Any, wanted: Any, name: str = "") -> str:
  """Where two nested descriptions differ first, in words."""
  if isinstance(found, dict) and isinstance(wanted, dict):
    for key in sorted(set(found) | set(wanted)):
      if found.get(key) != wanted.get(key):
        return first_difference(found.get(key), wanted.get(key), f"{name}.{key}" if name else str(key))
  return name or "recipe" if isinstance(found, dict) or isinstance(wanted, dict) else f"{name} ({found}, not {wanted})"
