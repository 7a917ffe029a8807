"""Collections from the command line: `python -m kubric_gen.assets import FOLDER --output DIR`."""

import importlib

if __name__ == "__main__":
  importlib.import_module("kubric_gen.cli.assets").main()  # by name: a program lies above the packages that it uses
