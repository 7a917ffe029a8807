"""Errors are one short line, whatever they quote."""

from __future__ import annotations

import pytest

from kubric_gen.errors import cut_words, print_error, printable, shown
from kubric_gen.limits import MAX_MESSAGE, MAX_SHOWN


@pytest.mark.parametrize(("value", "text"), [
    ("name", "'name'"), ("it's", '"it\'s"'), (3, "3"), (0.1, "0.1"), (None, "None"), ((1, "a"), "(1, 'a')"), (b"\0", "b'\\x00'"),
    ("a\nb\x1b[2J", "'a\\nb\\x1b[2J'"), ("\ud800\u202e", "'\\ud800\\u202e'"), ("é…", "'é…'"),
    (10 ** 5000, "a huge number"), ([10 ** 5000], "a list")], ids=lambda value: type(value).__name__)
def test_values_as_python_writes_them(value: object, text: str) -> None:
  assert shown(value) == text


@pytest.mark.parametrize("value", ["x" * 100_000, "\0" * 100_000, "'\"" * 79, 10 ** 400, list(range(1000)), {"a": "b" * 1000},
                                   b"\xff" * 1000, "x" * 79], ids=lambda value: type(value).__name__)
def test_long_values_are_cut_off(value: object) -> None:
  text = shown(value)
  assert len(text) == MAX_SHOWN and text.endswith("…") and text.isprintable() and repr(value).startswith(text[:20])


def test_a_value_that_fits_stays_whole() -> None:
  assert shown("x" * 78) == repr("x" * 78) and len(shown("x" * 78)) == MAX_SHOWN


def test_long_words_are_cut_off() -> None:
  assert cut_words(f"flag --seed={'9' * 1000}: no number") == f"flag --seed={'9' * 72}… no number"
  assert cut_words("x" * 80) == "x" * 80 and cut_words("short words " * 100) == "short words " * 100


def test_the_line_of_an_error(capsys: pytest.CaptureFixture[str]) -> None:
  print_error(ValueError("a  line\nwith\ta \x1b[31mcolour\0"))
  assert capsys.readouterr().err == "error: a line with a \\x1b[31mcolour\\x00\n"
  assert printable("plain é") == "plain é"


@pytest.mark.parametrize("text", ["x" * 100_000, "many words " * 10_000, "\0" * 5000, f"{'y' * 9000} is wrong"], ids=range(4))
def test_a_long_line_keeps_its_beginning_and_its_end(text: str, capsys: pytest.CaptureFixture[str]) -> None:
  print_error(f"it cannot be read: {text}: choose another one")
  line = capsys.readouterr().err
  assert line.startswith("error: it cannot be read: ") and line.endswith("choose another one\n") or "x" * 79 + "…" in line
  assert len(line) < MAX_MESSAGE + 20 and line.count("\n") == 1


def test_a_line_that_is_not_too_long_stays_whole(capsys: pytest.CaptureFixture[str]) -> None:
  path = "/a" * 400
  print_error(f"cannot write {path}")
  assert capsys.readouterr().err == f"error: cannot write {path}\n"
