"""Exports from the command line: `python -m kubric_gen.export FORMAT SCENE… --output=DIR`."""

import importlib

if __name__ == "__main__":
  importlib.import_module("kubric_gen.cli.export").main()  # by name: a program lies above the packages that it uses
