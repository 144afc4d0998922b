# SPDX-License-Identifier: MIT
"""Writes Debian's changelog from CHANGELOG.md: changelog.py CHANGELOG.md OUTPUT"""

import re
import sys
from datetime import datetime, timezone
from email.utils import format_datetime
from pathlib import Path

RELEASE = re.compile(r"^## \[([\d.]+)\] - (\d{4}-\d{2}-\d{2})$", re.MULTILINE)
ENTRY = """\
forkmon ({version}-1) unstable; urgency=medium

  * CHANGELOG.md says what is new.

 -- The forkmon authors <forkmon@example.org>  {date}
"""


def entry(version, day):
    date = datetime.fromisoformat(day).replace(tzinfo=timezone.utc)
    return ENTRY.format(version=version, date=format_datetime(date))


def main():
    source, output = map(Path, sys.argv[1:])
    output.write_text("\n".join(entry(*release) for release in RELEASE.findall(source.read_text())))


if __name__ == "__main__":
    main()
