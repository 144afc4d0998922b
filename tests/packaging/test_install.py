# SPDX-License-Identifier: MIT
"""`cmake --install`, for those who want no package."""

import os
import re

import pytest

from harness import BUILD, run

UNIT = "lib/systemd/system/forkmon.service"


@pytest.fixture
def install(package, tmp_path):
    """Installs below a folder; `package` has seen to it that all is built."""
    def install(*options):
        environment = dict(os.environ, DESTDIR=str(tmp_path))
        done = run("cmake", "--install", BUILD, *options, env=environment)
        assert done.returncode == 0, done.stderr
        return tmp_path
    return install


@pytest.mark.parametrize("options, prefix", [((), "/usr/local"), (("--prefix", "/opt/f"), "/opt/f")])
def test_unit_starts_what_was_installed(install, options, prefix):
    root = install(*options)
    unit = (root / prefix.lstrip("/") / UNIT).read_text()
    (program,) = re.findall(r"^ExecStart=(\S+)", unit, re.MULTILINE)
    assert program == f"{prefix}/sbin/forkmon"
    assert os.access(root / program.lstrip("/"), os.X_OK)


def test_configuration_that_is_there_stays(install):
    config = install() / "etc/forkmon/forkmon.toml"
    assert config.is_file()
    config.write_text("# mine\n")
    install()
    assert config.read_text() == "# mine\n"


def test_nothing_of_debian_is_installed(install):
    assert not [path for path in install().rglob("*") if re.search("changelog|copyright|lintian",
                                                                   str(path.name))]
