"""Names of a package that are imported on first use, each stated once, in plain import statements that type checkers read.

As `etils.epy.lazy_api_imports`, whose own import takes 12 ms, many times as long as all else that `import kubric_gen` does.
"""

from __future__ import annotations

import builtins
import contextlib
import importlib
from collections.abc import Iterator
from typing import Any


class _Pending:
  """A name that has not been imported yet."""

  def __init__(self, module: str, name: str) -> None:
    self.module, self.name = module, name


class _Module:
  """Stands for a module in an import statement."""

  def __init__(self, name: str) -> None:
    self._name = name

  def __getattr__(self, name: str) -> _Pending:
    return _Pending(self._name, name)


@contextlib.contextmanager
def lazy_names(namespace: dict[str, Any]) -> Iterator[None]:
  """Makes the names of all `from … import …` statements in the block attributes that are imported when they are asked for.

      with lazy_names(globals()):
        from package.module import Name

  Args:
    namespace: `globals()` of the package, which gets a `__getattr__` and a `__dir__`.
  """
  plain = builtins.__import__

  def record(name: str, globals: Any = None, locals: Any = None, fromlist: Any = (), level: int = 0) -> Any:
    if globals is not namespace:  # of another module, in another thread
      return plain(name, globals, locals, fromlist, level)
    return _Module(name)

  builtins.__import__ = record
  try:
    yield
  finally:
    builtins.__import__ = plain
  pending = {name: value for name, value in namespace.items() if isinstance(value, _Pending)}
  for name in pending:
    del namespace[name]  # so that `__getattr__` is asked

  def get(name: str) -> Any:
    if name not in pending:
      raise AttributeError(f"module {namespace['__name__']!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(pending[name].module), pending[name].name)
    namespace[name] = value
    return value

  namespace["__getattr__"] = get
  namespace["__dir__"] = lambda: sorted({*namespace, *pending})
