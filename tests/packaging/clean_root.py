# SPDX-License-Identifier: MIT
"""A Debian, or another system, in a folder, in which programs are run as in a container with the host's pid namespace."""

import os
import shutil

from harness import run

# A mount namespace of its own, so that nothing stays mounted, whatever happens. The root is a mount, as that of a
# container is: forkmon reads its configuration only from a file system that it knows.
ENTER = """
mount --bind "$0" "$0"
mount -t proc proc "$0/proc"
mount --rbind /sys "$0/sys"
exec chroot "$0" "$@"
"""

# As a container runtime does it: the root and sysfs read-only, but for tracefs; no more capabilities
# than those of the pod, and no way to get others.
CONTAIN = """
mount --bind "$0" "$0"
mount -t proc proc "$0/proc"
mount -t sysfs -o ro sysfs "$0/sys"
mount --bind /sys/kernel/tracing "$0/sys/kernel/tracing"
mount -t tmpfs tmpfs "$0/tmp"
mount -o remount,bind,ro "$0"
exec chroot "$0" setpriv --no-new-privs --inh-caps=-all "--bounding-set=-all,$CAPABILITIES" "$@"
"""


class Root:
    """A folder with some system in it, or with none."""

    def __init__(self, folder):
        self.folder = folder

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

    def checked(self, *arguments, **options):
        done = self.run(*arguments, **options)
        assert done.returncode == 0, done.stdout + done.stderr
        return done

    def path(self, absolute):
        return self.folder / absolute.lstrip("/")


class CleanRoot(Root):
    @classmethod
    def made(cls, folder, suite, *packages):
        """A minimal Debian with these packages, from the mirrors that apt is set up for."""
        done = run("mmdebstrap", "--quiet", "--mode=root", "--variant=minbase",
                   f"--include={','.join(packages)}", "--aptopt=Acquire::Languages \"none\"",
                   "--dpkgopt=force-unsafe-io", "--skip=cleanup/apt/lists", suite, folder, timeout=600)
        assert done.returncode == 0, done.stdout + done.stderr
        return cls(folder)

    def __init__(self, folder):
        super().__init__(folder)
        # For packages, and only there: the mirrors' names must be found.
        shutil.copy("/etc/resolv.conf", folder / "etc/resolv.conf")

    def contained(self, capabilities, *arguments):
        """The command line that runs these in here as in a pod with these capabilities."""
        names = ",".join(f"+{name.lower()}" for name in capabilities)
        return ["env", f"CAPABILITIES={names}", "unshare", "--mount", "--propagation", "private",
                "sh", "-ec", CONTAIN, self.folder, *arguments]

    def install(self, deb):
        """With what it depends on, from the mirrors; as it is, where that is there already."""
        shutil.copy(deb, self.folder / deb.name)
        self.checked("apt-get", "-qq", "install", "--no-install-recommends", f"/{deb.name}")
