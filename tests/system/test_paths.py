"""Names of files, from strangers."""

from __future__ import annotations

import pytest

from kubric_gen.system.paths import relative_file


@pytest.mark.parametrize("name", ["a.obj", "b/a.obj", "./a.obj", "a b.obj", "..a.obj", "a\xa0b.obj", "é/\u200b.png"])
def test_names_below_the_folder(name: str) -> None:
  assert relative_file(name) == name.removeprefix("./")


@pytest.mark.parametrize("name", ["", ".", "..", "a/../../b", "/a", "a\\b", "file:///a", "a\nb", "a\0b", "a\x1b[31mb", "a\x7fb",
                                  "a\x9bb", "a\u2028b", "x" * 2000])
def test_names_that_leave_the_folder(name: str) -> None:
  with pytest.raises(ValueError) as error:
    relative_file(name)
  assert str(error.value).isprintable()
