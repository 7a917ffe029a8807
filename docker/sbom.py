"""Prints what the image holds, Python and Debian packages alike, as SPDX 2.3 (JSON): its software bill of materials.

Run in the image while it is built; CREATED is its date (ISO 8601), which stands in the document. Nothing else in it
depends on when or where it is built.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from typing import Any
from urllib.parse import quote

UNPACKED = Path("/usr/share/kubric-gen/unpacked-packages.txt")
"""Debian packages of which only the files are there, `name version` a line."""


def package(kind: str, name: str, version: str, location: str, license_name: str = "") -> dict[str, Any]:
  """A package as SPDX tells it. Licences are quoted as their authors wrote them, which is seldom an SPDX expression."""
  spdx_id = f"SPDXRef-{kind}-" + "".join(character if character.isalnum() or character in ".-" else "-" for character in name)
  result = {"SPDXID": spdx_id, "name": name, "versionInfo": version, "downloadLocation": "NOASSERTION", "filesAnalyzed": False,
            "licenseConcluded": "NOASSERTION", "licenseDeclared": "NOASSERTION", "copyrightText": "NOASSERTION",
            "externalRefs": [{"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl", "referenceLocator": location}]}
  if license_name:
    result["licenseComments"] = license_name
  return result


def python_packages() -> list[dict[str, Any]]:
  found = []
  for item in metadata.distributions():
    name, fields = item.metadata["Name"], item.metadata
    stated = fields.get("License-Expression") or "; ".join(
        entry for entry in fields.get_all("Classifier") or [] if entry.startswith("License ::")) or fields.get("License") or ""
    location = f"pkg:pypi/{quote(name.lower().replace('_', '-'))}@{quote(item.version)}"
    found.append(package("Python", name, item.version, location, stated.splitlines()[0] if stated else ""))
  return found


def debian_packages() -> list[dict[str, Any]]:
  lines = subprocess.run(["dpkg-query", "--show", "--showformat", "${Package} ${Version}\n"], check=True, text=True,
                         stdout=subprocess.PIPE).stdout.splitlines()
  if UNPACKED.exists():
    lines += UNPACKED.read_text().splitlines()
  return [package("Debian", name, version, f"pkg:deb/debian/{quote(name)}@{quote(version)}")
          for name, version in (line.split(" ") for line in lines)]


def beam_boot() -> list[dict[str, Any]]:
  """The boot program of Beam's SDK containers, a Go program, where it is in the image."""
  if not Path("/opt/apache/beam/boot").exists():
    return []
  version = metadata.version("apache-beam")
  return [package("Go", "beam-boot", version, f"pkg:golang/github.com/apache/beam/sdks/v2@v{version}", "Apache-2.0")]


def document() -> dict[str, Any]:
  packages = sorted(python_packages() + debian_packages() + beam_boot(), key=lambda item: item["SPDXID"])
  digest = hashlib.sha256(json.dumps(packages).encode()).hexdigest()
  return {
      "spdxVersion": "SPDX-2.3", "dataLicense": "CC0-1.0", "SPDXID": "SPDXRef-DOCUMENT", "name": "kubric-gen",
      "documentNamespace": f"urn:sha256:{digest}",
      "creationInfo": {"created": os.environ.get("CREATED", "1970-01-01T00:00:00Z"), "creators": ["Tool: kubric-gen-sbom"]},
      "packages": packages,
      "relationships": [{"spdxElementId": "SPDXRef-DOCUMENT", "relationshipType": "DESCRIBES",
                         "relatedSpdxElement": item["SPDXID"]} for item in packages]}


if __name__ == "__main__":
  json.dump(document(), sys.stdout, indent=1)
  print()
