# SPDX-License-Identifier: MIT
"""What a built program consists of, as Debian packages: the shared libraries that it needs, and the headers and
static libraries that were compiled into it."""

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

FIELDS = ("binary:Package", "Version", "source:Package", "source:Version", "Architecture", "Homepage")
COMMON_LICENSES = Path("/usr/share/common-licenses")


@dataclass(frozen=True, order=True)
class Package:
    name: str
    version: str
    source: str
    source_version: str
    architecture: str
    homepage: str

    def copyright(self):
        """Its licences, as Debian states them."""
        path = Path("/usr/share/doc", self.name, "copyright")
        return path.read_text(encoding="utf-8", errors="replace")

    def licenses(self):
        """The short names of its licences; none where Debian states them in prose only."""
        names = re.findall(r"(?m)^License:[ \t]*(\S.*)$", self.copyright())
        return sorted({name.strip() for name in names})

    def common_licenses(self):
        """The files of COMMON_LICENSES in which the texts of its licences are."""
        names = re.findall(rf"{COMMON_LICENSES}/([\w.+-]*[\w+])", self.copyright())
        return {COMMON_LICENSES / name for name in names if (COMMON_LICENSES / name).is_file()}


def output_of(*command):
    return subprocess.run([str(word) for word in command], capture_output=True, text=True, check=True).stdout


def names_needed(path):
    """The names of the libraries that an ELF file is linked with."""
    return re.findall(r"\(NEEDED\).*\[(.+)\]", output_of("readelf", "--wide", "--dynamic", path))


def shared_libraries(program, folders):
    """{name: path} of the libraries that it needs, and that these need. Read from the files, not told by ldd, because
    the program may be for another architecture."""
    found = {}
    wanted = names_needed(program)
    while wanted:
        name = wanted.pop()
        if name in found:
            continue
        paths = [folder / name for folder in folders if (folder / name).exists()]
        if not paths:
            raise SystemExit(f"{name} is in none of {', '.join(map(str, folders))}")
        found[name] = paths[0].resolve()
        wanted += names_needed(paths[0])
    return found


def compiled_in(build, target):
    """The files outside of the project that were compiled into a target of Ninja: headers and archives."""
    inputs = set(output_of("ninja", "-C", build, "-t", "inputs", target).splitlines())
    files = {Path(path) for path in inputs if path.startswith("/") and path.endswith(".a")}
    wanted = False
    for line in output_of("ninja", "-C", build, "-t", "deps").splitlines():
        if line and not line.startswith(" "):
            wanted = line.partition(": #deps")[0] in inputs
        elif wanted and line.startswith("    /usr/"):
            files.add(Path(line.strip()))
    # Ninja does not keep the headers of a custom command, such as that of a BPF program, in its log.
    for depfile in (Path(build, name + ".d") for name in inputs if (Path(build, name + ".d")).is_file()):
        files.update(Path(name) for name in depfile.read_text().split() if name.startswith("/usr/"))
    return {path.resolve() for path in files}


def packages_of(paths):
    """{path: Package}. A file of /usr/lib may be known as one of /lib, where it was before they became one."""
    names = {name: path for path in paths for name in (str(path), str(path).removeprefix("/usr"))}
    asked = subprocess.run(["dpkg-query", "--search", *names], capture_output=True, text=True)
    owners = {}
    for line in asked.stdout.splitlines():
        package, _, name = line.rpartition(": ")
        if name in names and not line.startswith("diversion"):
            owners[names[name]] = package.partition(",")[0]
    if strangers := sorted(map(str, set(paths) - set(owners))):
        raise SystemExit(f"of no Debian package: {', '.join(strangers)}")
    shown = "\t".join(f"${{{field}}}" for field in FIELDS) + "\n"
    lines = output_of("dpkg-query", "--show", "--showformat", shown, *set(owners.values())).splitlines()
    known = {line.split("\t")[0].partition(":")[0]: line.split("\t") for line in lines}
    return {path: described(known[owner.partition(":")[0]]) for path, owner in owners.items()}


def described(fields):
    return Package(fields[0].partition(":")[0], *fields[1:])
