# SPDX-License-Identifier: MIT
"""Makes the portable tarball of a build, and its bill of materials: tarball.py --help; `cmake --build build --target
tarball` runs it. It runs on Debian, because it asks dpkg where the libraries come from."""

import argparse
import gzip
import io
import os
import subprocess
import tarfile
import tempfile
import time
from pathlib import Path

from components import compiled_in, packages_of, shared_libraries
from sbom import sbom

ROOT = Path(__file__).resolve().parents[2]
COMPLETIONS = ("forkmon.bash", "_forkmon", "forkmon.fish")


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", type=Path, required=True, help="the folder of the build")
    parser.add_argument("--target", required=True, help="the program's path in it")
    parser.add_argument("--version", required=True)
    parser.add_argument("--processor", required=True, help="as CMake calls it: x86_64, aarch64")
    parser.add_argument("--multiarch", required=True, help="Debian's name of the architecture in library folders")
    parser.add_argument("--strip", required=True)
    parser.add_argument("--output", type=Path, required=True, help="the folder that gets the files")
    return parser.parse_args()


def distribution():
    release = dict(line.split("=", 1) for line in Path("/etc/os-release").read_text().splitlines() if "=" in line)
    return f"{release['ID']}-{release['VERSION_ID']}".replace('"', "") if "VERSION_ID" in release else release["ID"]


def stripped(program, strip):
    with tempfile.NamedTemporaryFile() as file:
        subprocess.run([strip, "--output-file", file.name, program], check=True)
        return Path(file.name).read_bytes()


def unit():
    """The systemd unit, for a program that is linked to from /usr/local/sbin."""
    text = (ROOT / "deploy/systemd/forkmon.service.in").read_text()
    return text.replace("@CMAKE_INSTALL_FULL_SBINDIR@", "/usr/local/sbin").encode()


def licenses(packages):
    """{path in the tarball: content} of the licences of what is not ours."""
    files = {}
    for package in packages:
        files[f"licenses/{package.name}/copyright"] = package.copyright().encode()
        for text in package.common_licenses():
            files[f"licenses/common-licenses/{text.name}"] = text.read_bytes()
    return files


def own_files(build):
    files = {
        "README.md": (ROOT / "deploy/packaging/portable/README.md").read_bytes(),
        "LICENSE": (ROOT / "LICENSE").read_bytes(),
        "CHANGELOG.md": (ROOT / "CHANGELOG.md").read_bytes(),
        "forkmon.toml": (ROOT / "deploy/forkmon.toml").read_bytes(),
        "forkmon.service": unit(),
        "forkmon.8": (ROOT / "docs/forkmon.8").read_bytes(),
        "examples/demo.py": (ROOT / "deploy/demo.py").read_bytes(),
        "examples/forkmon.rules.yml": (ROOT / "deploy/prometheus/forkmon.rules.yml").read_bytes(),
        "finding.schema.json": (ROOT / "docs/finding.schema.json").read_bytes(),
    }
    for name in COMPLETIONS:
        files[f"completions/{name}"] = (build / "deploy/completions" / name).read_bytes()
    return files


def archive(folder, files, programs, epoch):
    """A .tar.gz with nothing in it of who made it, where and when."""
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name in sorted(files):
            member = tarfile.TarInfo(f"{folder}/{name}")
            member.size, member.mtime = len(files[name]), epoch
            member.mode = 0o755 if name in programs else 0o644
            member.uname = member.gname = "root"
            tar.addfile(member, io.BytesIO(files[name]))
    return gzip.compress(plain.getvalue(), mtime=epoch)


def main():
    options = arguments()
    epoch = int(os.environ.get("SOURCE_DATE_EPOCH") or time.time())
    program = options.build / options.target
    folders = [Path("/usr/lib") / options.multiarch, Path("/lib") / options.multiarch]
    libraries = shared_libraries(program, folders)
    shared = packages_of(set(libraries.values()))
    compiled = packages_of(compiled_in(options.build, options.target))

    files = own_files(options.build) | licenses(set(shared.values()) | set(compiled.values()))
    files["forkmon"] = stripped(program, options.strip)
    files |= {f"lib/{name}": path.read_bytes() for name, path in libraries.items()}
    bill = sbom(options.version, epoch, distribution(), shared, compiled).encode()
    files["sbom.cdx.json"] = bill
    linkers = [name for name in files if name.startswith("lib/ld-")]

    name = f"forkmon-{options.version}-linux-{options.processor}"
    (options.output / f"{name}.cdx.json").write_bytes(bill)
    (options.output / f"{name}.tar.gz").write_bytes(archive(name, files, ["forkmon", *linkers], epoch))


if __name__ == "__main__":
    main()
