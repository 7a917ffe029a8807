"""Manifests of asset collections in Kubric's format, and the files of their assets, treated as hostile input.

    {"name": "KuBasic", "data_dir": "gs://kubric-public/assets/KuBasic",
     "assets": {"cone": {"id": "cone", "asset_type": "FileBasedObject", "license": "CC BY-SA 4.0",
                         "kwargs": {"render_filename": "{asset_dir}/visual_geometry.obj", ...}, "metadata": {...}}}}

An asset's files are in the archive `<id>.tar.gz` of the folder `data_dir`, or what `path` names instead; with `"path": null`
they lie in the folder itself. Archives are unpacked into a cache that all processes of a user share.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import stat
from pathlib import Path
from typing import Any

from kubric_gen.assets.collections.manifest_entries import Entry, get_typed, load_json, read_entry
from kubric_gen.assets.fetching.archives import unpack
from kubric_gen.assets.fetching.cache import cache_folder
from kubric_gen.assets.fetching.files import download, join, parent, read
from kubric_gen.assets.fetching.sharing import shared_file, shared_folder
from kubric_gen.errors import AssetError, shown
from kubric_gen.system.paths import is_local, relative_file

MAX_DATA = 1 << 24
"""Bytes of an asset's own `data.json`."""


class Manifest:
  """A manifest that was read; nothing else of the collection has been.

  Attributes:
    name: of the collection. url: where the manifest is. entries: by id, in the order of the ids.
    digest: SHA-256 of the manifest, in hexadecimal.
  """

  def __init__(self, path: str | os.PathLike[str], data_dir: str | os.PathLike[str] | None = None) -> None:
    """Reads a manifest.

    Args:
      path: of the file, or its address with http, https, gs or s3. data_dir: where the archives are, instead of what the
        manifest says.

    Raises:
      AssetError: it cannot be read or fetched, or is no manifest.
    """
    self.url = os.fspath(path)
    raw = read(self.url)
    self.digest = hashlib.sha256(raw).hexdigest()
    content = load_json(raw, self.url)
    if not isinstance(content, dict) or not isinstance(content.get("assets"), dict):
      raise AssetError(f"{self.url} is no manifest of assets: it must be an object with an object `assets` of entries by id")
    self.entries: dict[str, Entry] = {}
    for asset_id in sorted(content["assets"]):
      try:
        self.entries[asset_id] = read_entry(asset_id, content["assets"][asset_id])
      except ValueError as error:
        raise AssetError(f"{self.url}: asset {shown(asset_id)} is broken ({error}): correct the manifest") from None
    try:
      stem = os.path.basename(self.url.rstrip("/")).removesuffix(".json")
      self.name: str = get_typed(content, "name", str, "") or stem
      self._data_dir = self._folder(os.fspath(data_dir) if data_dir is not None else get_typed(content, "data_dir", str, ""),
                                    given=data_dir is not None)
    except ValueError as error:
      raise AssetError(f"{self.url} is broken ({error}): correct the manifest") from None

  def _folder(self, named: str, given: bool) -> str:
    """The folder of the archives: what is named, from the manifest's own folder."""
    home = parent(self.url)
    if given:
      return os.path.abspath(os.path.expanduser(named)) if is_local(named) else named
    if named in ("", ".", "./"):
      return home
    if not is_local(named):
      return named
    if os.path.isabs(named):
      if not is_local(self.url):
        raise ValueError(f"data_dir {shown(named)} is a folder of another machine")
      return named
    return os.path.normpath(os.path.join(home, named)) if is_local(home) else join(home, named)

  def file(self, entry: Entry, name: str) -> Path:
    """One of an asset's files, on disk; what is not there yet is fetched.

    Args:
      entry: of the asset. name: relative to the asset's folder, also with Kubric's prefix `{asset_dir}/`.

    Raises:
      AssetError: there is no such file, its archive is none, or either cannot be fetched.
    """
    try:
      name = relative_file(name.removeprefix("{asset_dir}/"))
      if self.is_fetched_file_by_file(entry):
        return self._fetch_single(name)
      folder = Path(self._data_dir) if entry.path is None else self._unpacked(entry, relative_file(entry.path))
    except ValueError as error:
      raise AssetError(f"asset {shown(entry.id)} of {self.name} cannot be used ({error}): correct the manifest") from None
    if not (folder / name).is_file():
      where = "its folder" if entry.path is None else "its archive"
      raise AssetError(f"asset {shown(entry.id)} of {self.name} cannot be used (its file {name} is not in {where}): "
                       "fetch the collection again")
    return folder / name

  def has(self, entry: Entry, name: str) -> bool:
    """Whether an asset has a file, as far as one can tell without fetching it by itself."""
    if entry.path is None:
      return is_local(self._data_dir) and (Path(self._data_dir) / name).is_file()
    return (self._unpacked(entry, relative_file(entry.path)) / name).is_file()

  def is_fetched_file_by_file(self, entry: Entry) -> bool:
    """Whether an asset's files are fetched one by one, so that only those that are named come."""
    return entry.path is None and not is_local(self._data_dir)

  def _fetch_single(self, name: str) -> Path:
    """A remote file without archive, in the cache; those of one folder are together."""
    def fill(file: Path) -> None:
      download(join(self._data_dir, name), file)

    return shared_file(self._cache(self._data_dir) / name, fill)

  def _cache(self, *parts: Any) -> Path:
    key = hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]
    safe = re.sub(r"[^A-Za-z0-9_.-]", "_", self.name)[:64].lstrip(".") or "assets"
    return cache_folder("assets", safe) / key

  def _unpacked(self, entry: Entry, path: str) -> Path:
    """The folder with the unpacked files of an asset."""
    url = join(self._data_dir, path)
    if is_local(self.url):  # a collection that was downloaded still names the place it came from
      beside = join(parent(self.url), path)
      url = beside if os.path.isfile(beside) else url
    stamp: tuple[int, ...] = ()
    if is_local(url):
      try:
        status = os.stat(url)
        if not stat.S_ISREG(status.st_mode):
          raise OSError(errno.EINVAL, "it is no file")
        stamp = (status.st_mtime_ns, status.st_size)
      except OSError as error:
        raise AssetError(f"archive {url} of asset {shown(entry.id)} cannot be read ({error.strerror}): put it there, or give the "
                         "collection's folder as data_dir") from None
    folder = shared_folder(self._cache(url, entry.sha256, *stamp),
                           lambda staging: _fetch_archive(url, entry, self.name, staging)) / "content"
    return _asset_folder(folder, entry.id)


def _fetch_archive(url: str, entry: Entry, collection: str, staging: Path) -> None:
  """Fetches, checks and unpacks an archive."""
  archive, content = Path(url), staging / "content"
  if not is_local(url):
    archive = staging / "archive"
    digest = download(url, archive)
  elif entry.sha256:
    try:
      with open(archive, "rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
      raise AssetError(f"archive {url} cannot be read ({error.strerror}): make it readable, or fetch it again") from None
  if entry.sha256 and digest != entry.sha256:
    raise AssetError(f"archive {url} is not the one that the manifest of {collection} was made for (its SHA-256 differs): "
                     "fetch both again")
  content.mkdir()
  try:
    unpack(archive, content)
  except AssetError as error:
    raise AssetError(str(error).replace(str(archive), url)) from None
  if archive != Path(url):
    archive.unlink()
  data = _asset_folder(content, entry.id) / "data.json"
  if data.is_file():
    with open(data, "rb") as file:
      said = load_json(file.read(MAX_DATA), f"data.json of archive {url}")
    name = said.get("id") if isinstance(said, dict) else None
    if name is not None and name != entry.id and not (isinstance(name, str) and entry.id.endswith(f"/{name}")):
      raise AssetError(f"archive {url} holds the asset {shown(name)} instead of {shown(entry.id)}: fetch it again")


def _asset_folder(content: Path, asset_id: str) -> Path:
  """Where an asset's files are: in the archive's root, or in a folder with the asset's name."""
  inner = content / asset_id.rsplit("/", 1)[-1]
  return inner if not (content / "data.json").is_file() and inner.is_dir() else content

