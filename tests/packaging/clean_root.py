# SPDX-License-Identifier: MIT
"""A Debian in a folder, in which programs are run as in a container with the host's pid namespace."""

import os
import shutil

from harness import run

# A mount namespace of its own, so that nothing stays mounted, whatever happens.
ENTER = """
mount -t proc proc "$0/proc"
mount --rbind /sys "$0/sys"
exec chroot "$0" "$@"
"""


class CleanRoot:
    def __init__(self, folder):
        self.folder = folder
        # For packages, and only there: the mirrors' names must be found.
        shutil.copy("/etc/resolv.conf", folder / "etc/resolv.conf")

    def command(self, *arguments):
        """The command line that runs these in here."""
        return ["unshare", "--mount", "--propagation", "private", "sh", "-ec", ENTER, self.folder,
                *arguments]

    def run(self, *arguments, timeout=300):
        environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8",
                       "DEBIAN_FRONTEND": "noninteractive"}
        environment.update({name: value for name, value in os.environ.items()
                            if name.lower().endswith("_proxy")})
        return run(*self.command(*arguments), timeout=timeout, env=environment)

    def checked(self, *arguments):
        done = self.run(*arguments)
        assert done.returncode == 0, done.stdout + done.stderr
        return done

    def install(self, deb):
        """With what it depends on, from the mirrors; as it is, where that is there already."""
        shutil.copy(deb, self.folder / deb.name)
        self.checked("apt-get", "-qq", "install", "--no-install-recommends", f"/{deb.name}")

    def path(self, absolute):
        return self.folder / absolute.lstrip("/")
