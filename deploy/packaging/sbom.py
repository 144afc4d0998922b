# SPDX-License-Identifier: MIT
"""The software bill of materials of a built forkmon, in CycloneDX JSON (https://cyclonedx.org/docs/1.5/json/)."""

import hashlib
import json
from datetime import datetime, timezone
from urllib.parse import quote


def purl(package, distribution):
    version = quote(package.version, safe="")
    return f"pkg:deb/debian/{quote(package.name)}@{version}?arch={package.architecture}&distro={distribution}"


def component(package, distribution, kind, files):
    """`kind`: shared, or compiled-in. `files`: those of the package that are linked at run time."""
    listed = {
        "type": "library",
        "bom-ref": purl(package, distribution),
        "name": package.name,
        "version": package.version,
        "purl": purl(package, distribution),
        "licenses": [{"license": {"name": name}} for name in package.licenses()],
        "properties": [
            {"name": "forkmon:linkage", "value": kind},
            {"name": "forkmon:source", "value": f"{package.source} {package.source_version}"},
        ],
    }
    if not listed["licenses"]:
        listed["licenses"] = [{"license": {"name": f"see /usr/share/doc/{package.name}/copyright"}}]
    if package.homepage:
        listed["externalReferences"] = [{"type": "website", "url": package.homepage}]
    if files:
        listed["components"] = [file_component(file) for file in sorted(files)]
    return listed


def file_component(path):
    return {"type": "file", "name": path.name,
            "hashes": [{"alg": "SHA-256", "content": hashlib.sha256(path.read_bytes()).hexdigest()}]}


def sbom(version, epoch, distribution, shared, compiled):
    """`shared`, `compiled`: {path: Package}, of the libraries that are linked at run time, and of what was
    compiled in."""
    components = []
    for kind, owners in (("shared", shared), ("compiled-in", compiled)):
        for package in sorted(set(owners.values())):
            files = [path for path, owner in owners.items() if owner == package and kind == "shared"]
            components.append(component(package, distribution, kind, files))
    reference = f"forkmon@{version}"
    document = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {
            "timestamp": datetime.fromtimestamp(epoch, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "component": {"type": "application", "bom-ref": reference, "name": "forkmon", "version": version,
                          "licenses": [{"license": {"id": "MIT"}}]},
        },
        "components": components,
        "dependencies": [{"ref": reference, "dependsOn": [listed["bom-ref"] for listed in components]}],
    }
    return json.dumps(document, indent=1) + "\n"
