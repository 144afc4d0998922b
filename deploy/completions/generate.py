# SPDX-License-Identifier: MIT
"""Writes shell completions from `forkmon --help`: generate.py FORKMON FOLDER"""

import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

OPTION = re.compile(r"  ((?:-\w,)?--[\w-]+)(?: (\S.*?))?(?:  +(\S.*))?$")
# How descriptions name the words that an option takes: "table or json (…)", "a, b or c" after a colon
# or alone, and "auto: …; all: …; none: …".
ALTERNATIVES = re.compile(r"(?:^|: )((?:\w+, )*\w+ or \w+)(?: \(|$)")
EXPLAINED = re.compile(r"(\w+): ")
# What an option takes, by the name that --help gives to its value, or by its own name.
FILES = ("FILE", "PATH")
SPECIAL = {"--pid": "pids", "--user": "users", "--exe": "files"}


@dataclass
class Option:
    long: str
    short: str  # "" where there is none
    value: str  # what --help says of its value; "" of a flag
    help: str

    def names(self):
        return [name for name in (self.short, self.long) if name]

    def choices(self):
        """The words that it takes; none where it takes something else."""
        if not self.value:
            return []
        if found := ALTERNATIVES.search(self.help):
            return re.split(", | or ", found[1])
        explained = [EXPLAINED.match(part) for part in self.help.split("; ")]
        return [found[1] for found in explained] if all(explained) else []

    def kind(self):
        """none, words, files, pids, users, or other: a value that cannot be completed"""
        if not self.value:
            return "none"
        if self.choices():
            return "words"
        if self.value.startswith(FILES):
            return "files"
        return SPECIAL.get(self.long, "other")


def options_of(text):
    """The options that a --help text lists; a long one has its description on the next line."""
    options = []
    for line in text.splitlines():
        if match := OPTION.match(line):
            short, _, long = match[1].rpartition(",")
            options.append(Option(long, short, match[2] or "", match[3] or ""))
        elif options and not options[-1].help and line.startswith(" "):
            options[-1].help = line.strip()
    return options


def bash(options):
    words = {"files": "_filedir", "pids": "_pids", "users": "COMPREPLY=($(compgen -u -- \"$cur\"))",
             "other": ":"}
    cases = []
    for option in options:
        action = words.get(option.kind())
        if option.choices():
            action = f"COMPREPLY=($(compgen -W '{' '.join(option.choices())}' -- \"$cur\"))"
        if action:
            cases.append(f"    {' | '.join(option.names())}) {action}; return ;;")
    names = " ".join(name for option in options for name in option.names())
    return f"""# bash completion for forkmon(8), made from `forkmon --help`
_forkmon() {{
  local cur prev words cword split i
  _init_completion -s -n : || return
  for ((i = 1; i < cword; i++)); do
    if [[ ${{words[i]}} == -- ]]; then
      _command_offset $((i + 1))
      return
    fi
  done
  case $prev in
{chr(10).join(cases)}
  esac
  $split && return
  COMPREPLY=($(compgen -W '{names}' -- "$cur"))
}}
complete -F _forkmon forkmon
"""


def zsh_escape(text):
    return re.sub(r"([\[\]:\\])", r"\\\1", text).replace("'", "'\\''")


def zsh(options):
    actions = {"files": "_files", "pids": "_pids", "users": "_users", "other": " "}
    lines = []
    for option in options:
        repeat = "*" if "repeatable" in option.help else ""
        action = f"({' '.join(option.choices())})" if option.choices() else actions.get(option.kind())
        value = f":{option.long[2:]}:{action}" if option.value else ""
        rest = f"[{zsh_escape(option.help)}]{value}'"
        long = option.long + "=" if option.value else option.long
        short = option.short + "+" if option.value else option.short
        excluded = f"({option.short} {option.long})"
        lines.append(f"'{excluded}'{{{short},{long}}}'{rest}" if option.short else
                     f"'{repeat}{long}{rest}")
    return f"""#compdef forkmon
# zsh completion for forkmon(8), made from `forkmon --help`
_arguments -S \\
  {f" {chr(92)}{chr(10)}  ".join(lines)} \\
  '(-)1:command: _command_names -e' \\
  '*::arguments: _normal'
"""


def fish_quote(text):
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def fish(options):
    values = {"none": "", "other": " -x", "files": " -r -F", "pids": " -x -a '(__fish_complete_pids)'",
              "users": " -x -a '(__fish_complete_users)'"}
    lines = []
    for option in options:
        short = f" -s {option.short[1:]}" if option.short else ""
        value = f" -x -a '{' '.join(option.choices())}'" if option.choices() else values[option.kind()]
        lines.append(f"complete -c forkmon -n 'not __forkmon_command' -l {option.long[2:]}{short}"
                     f"{value} -d {fish_quote(option.help)}")
    return f"""# fish completion for forkmon(8), made from `forkmon --help`
# The completions of CMD, behind --; false where there is none.
function __forkmon_command
    set -l words (commandline -opc) (commandline -ct)
    set -l at (contains -i -- -- $words[1..-2]); or return 1
    complete -C "$words[$(math $at + 1)..-1]"
end
complete -c forkmon -f
complete -c forkmon -n '__forkmon_command >/dev/null' -a '(__forkmon_command)'
{chr(10).join(lines)}
"""


def main():
    forkmon, folder = sys.argv[1:]
    text = subprocess.run([forkmon, "--help"], capture_output=True, text=True, check=True).stdout
    options = options_of(text)
    if not options:
        sys.exit("generate.py: forkmon --help lists no options in a form that is known here")
    for name, write in {"forkmon.bash": bash, "_forkmon": zsh, "forkmon.fish": fish}.items():
        Path(folder, name).write_text(write(options), encoding="utf-8")


if __name__ == "__main__":
    main()
