"""Prints all families and their parameters as Markdown: `python -m kubric_gen.assets.solids > docs/families.md`."""

from __future__ import annotations

from kubric_gen.assets.solids import families


def table() -> str:
  """The text of docs/families.md."""
  lines = ["# Families of solids", "",
           "`python -m kubric_gen.assets.solids > docs/families.md` made this list. A solid is written",
           '`Solid("mug", {"height": 0.1})`, an asset of the catalogue `mug:height=0.1`; what is not given has its default.', ""]
  for family in families().values():
    note = f", kin of `{family.kin}`" if family.kin else ""
    lines += [f"## {family.name}", "", f"Category: {family.category or 'none, for morphing'}{note}.", ""]
    if family.parameters:
      lines += ["| parameter | from | to | default | unit | meaning |", "| --- | --- | --- | --- | --- | --- |"]
      lines += [f"| `{name}` | {p.low:g} | {p.high:g} | {p.default:g} | {p.unit or ('count' if p.whole else '')} | {p.help} |"
                for name, p in family.parameters.items()] + [""]
  return "\n".join(lines)


if __name__ == "__main__":
  print(table(), end="")
