# SPDX-License-Identifier: MIT
"""render.py RESULTS DOCUMENT: puts the results into the document, between its markers
`<!-- results: NAME -->` and `<!-- end -->`, and a plot of each table beside it."""

import json
import re
import sys
from pathlib import Path

import plot

VERDICT = {True: "reached", False: "**missed**", None: ""}


def table(head, rows):
    aligned = ["---"] + ["---:"] * (len(head) - 1)
    return "\n".join("| " + " | ".join(cells) + " |" for cells in [head, aligned, *rows])


def between(value, scale=1.0):
    """Median and spread."""
    middle, low, high = (plot.number(value[key] * scale) for key in ("median", "low", "high"))
    return middle if low == high else f"{middle} ({low} – {high})"


def fine(value):
    """Ratios near 1: three decimals."""
    middle, low, high = (f"{value[key]:.3f}" for key in ("median", "low", "high"))
    return f"{middle} ({low} – {high})"


def is_ratio(row):
    return row["unit"] == "with / without"


def machine(results):
    lines = [f"- {name}: {value}" for name, value in results["machine"].items()]
    lines += [f"- Command: `sudo {results['command']}`, {results['seconds'] / 60:.0f} minutes",
              f"- Other load of the machine: {results['busy_before']:.0f} % of its CPUs before the "
              f"run, {results['busy_after']:.0f} % after it"]
    if results["quick"]:
        lines.append("- **A quick run: too short for its numbers to be relied on.**")
    return "\n".join(lines)


def bars(results):
    rows = []
    for row in results["rows"]:
        value = fine(row) if is_ratio(row) else between(row)
        limit = f"≤ {row['limit']:g}" if row["limit"] is not None else ""
        rows.append([row["what"], f"{value} {row['unit']}", str(row["n"]), limit,
                     VERDICT[row["reached"]], row["note"]])
    return table(["what", "median (least – greatest)", "n", "bar", "", "how"], rows)


def plot_bars(results):
    """Each result as a share of what its bar allows; of a ratio, what is above 1."""
    items = []
    for row in results["rows"]:
        if row["limit"]:
            base = 1 if is_ratio(row) else 0
            items.append((row["what"], *(100 * (row[key] - base) / (row["limit"] - base)
                                         for key in ("median", "low", "high"))))
    return plot.bars("Results as a share of what their bars allow", "% of the bar, cut at 200",
                     items, (100, "the bar"), most=200)


def watchers(results):
    return table(["load", "watcher", "ns per operation", "with / without", "by CPU time"],
                 [[line["what"], line["watcher"], between(line["ns"]), fine(line["ratio"]),
                   fine(line["cpu_ratio"])]
                  for line in results["pairs"]])


def plot_watchers(results):
    items = [(f"{line['load']}: {line['watcher']}",
              *(100 * (line["ratio"][key] - 1) for key in ("median", "low", "high")))
             for line in results["pairs"] if line["watcher"] != "nothing"]
    return plot.bars("What a load takes longer beside each watcher", "% longer; less is drawn as 0",
                     items)


def armed(results):
    return table(["malloc and free, beside", "ns", "with / without"],
                 [[line["what"], between(line["ns"]), between(line["ratio"])]
                  for line in results["armed"]])


def plot_armed(results):
    return plot.bars("A pair of malloc and free", "ns, logarithmic",
                     [(line["what"], *point(line["ns"])) for line in results["armed"]],
                     logarithmic=True)


def kernel(results):
    return table(["program", "runs per fork+exec", "ns per fork+exec"],
                 [[f"`{line['program']}`", between(line["runs"]), between(line["ns"])]
                  for line in results["kernel"]])


def plot_kernel(results):
    return plot.bars("BPF programs, per tainted fork+exec", "ns",
                     [(line["program"], *point(line["ns"])) for line in results["kernel"]])


def peers(results):
    return table(["watcher", "% of a core", "MiB RSS", "s to start"],
                 [[line["watcher"], plot.number(line["cpu"]), plot.number(line["rss"]),
                   plot.number(line["start_s"])] for line in results["sustained"]])


def plot_peers(results):
    return plot.bars("CPU used at 500 tainted fork+execs a second", "% of a core",
                     [(line["watcher"], *[line["cpu"]] * 3) for line in results["sustained"]])


def threads(results):
    return table(["threads of the parent", "fork+exit without, µs", "with the agent, µs",
                  "with / without", "arming the process, ms"],
                 [[str(line["x"]), between(line["without"]), between(line["with"]),
                   fine(line["ratio"]), between(line["arm_ms"])]
                  for line in results["growth"]["threads"]])


def bystanders(results):
    return table(["bystanders", "start to ready, s", "agent at rest, % of a core", "MiB RSS",
                  "fork+exec, with / without"],
                 [[str(line["x"]), between(line["start_s"]), between(line["rest_cpu"]),
                   between(line["rss"]), fine(line["ratio"])]
                  for line in results["growth"]["bystanders"]])


def rates(results):
    return table(["tainted forks a second", "agent, % of a core", "MiB RSS", "events lost"],
                 [[f"{line['x']:,}", plot.number(line["cpu"]), plot.number(line["rss"]),
                   f"{line['lost']:.0f}"] for line in results["growth"]["rates"]])


def sites(results):
    return table(["sites", "defining them, ms", "arming a process, ms", "fork+exit, µs",
                  "fork+exec, µs"],
                 [[str(line["x"]), between(line["define_ms"]), between(line["arm_ms"]),
                   between(line["exit_us"]), between(line["exec_us"])]
                  for line in results["growth"]["sites"]])


def strangers(results):
    return table(["threads that carry probes", "fork+exec of a stranger, µs", "with / without"],
                 [[str(line["x"]), between(line["exec_us"]), fine(line["ratio"])]
                  for line in results["growth"]["strangers"]])


def armed_execs(results):
    return table(["processes that map libc", "fork+exec, not armed, µs", "armed, µs",
                  "armed / not armed"],
                 [[f"{line['x']:,}", between(line["without"]), between(line["armed"]),
                   between(line["ratio"])] for line in results["growth"]["armed_execs"]])


def micro(results):
    return table(["benchmark", "ns"],
                 [[f"`{line['name']}`", between(line["ns"])] for line in results["micro"]])


def point(value, scale=1.0):
    return tuple(value[key] * scale for key in ("median", "low", "high"))


def series(lines, key, scale=1.0):
    """A curve; a result without spread is a point."""
    return [(line["x"], *(point(line[key], scale) if isinstance(line[key], dict)
                          else [line[key]] * 3)) for line in lines if line["x"] > 0]


def plot_threads(results):
    lines = results["growth"]["threads"]
    return plot.lines("Fork and exit, and threads of the parent", "threads", "µs; arming in ms", {
        "without, µs": series(lines, "without"), "with the agent, µs": series(lines, "with"),
        "arming, ms": series(lines, "arm_ms")}, logarithmic_y=True)


def plot_bystanders(results):
    lines = results["growth"]["bystanders"]
    return plot.lines("The agent among sleeping processes", "processes", "see the legend", {
        "start, ms": series(lines, "start_s", 1000), "at rest, ‰ of a core":
        series(lines, "rest_cpu", 10), "MiB RSS": series(lines, "rss")})


def plot_rates(results):
    return plot.lines("The agent's CPU, and tainted forks", "tainted forks a second",
                      "% of a core", {"agent": series(results["growth"]["rates"], "cpu")})


def plot_sites(results):
    lines = results["growth"]["sites"]
    return plot.lines("Sites in an armed process", "sites", "see the legend", {
        "fork+exit, µs": series(lines, "exit_us"), "fork+exec, µs": series(lines, "exec_us"),
        "defining, ms": series(lines, "define_ms"), "arming, µs": series(lines, "arm_ms", 1000)},
        logarithmic_y=True)


def plot_strangers(results):
    return plot.lines("fork+exec of strangers beside an armed process", "threads that carry probes",
                      "µs", {"fork+exec": series(results["growth"]["strangers"], "exec_us")})


def plot_armed_execs(results):
    lines = results["growth"]["armed_execs"]
    return plot.lines("fork+exec of an armed process", "processes that map libc", "µs", {
        "armed": series(lines, "armed"), "not armed": series(lines, "without")},
        logarithmic_y=True)


def plot_micro(results):
    return plot.bars("Decode, correlate, sinks", "ns, logarithmic",
                     [(line["name"], *point(line["ns"])) for line in results["micro"]],
                     logarithmic=True)


# Marker in the document: what it is made of, its table, its plot.
BLOCKS = {
    "machine": ("machine", machine, None),
    "bars": ("rows", bars, plot_bars),
    "watchers": ("pairs", watchers, plot_watchers),
    "armed": ("armed", armed, plot_armed),
    "kernel": ("kernel", kernel, plot_kernel),
    "peers": ("sustained", peers, plot_peers),
    "threads": ("growth", threads, plot_threads),
    "bystanders": ("growth", bystanders, plot_bystanders),
    "rates": ("growth", rates, plot_rates),
    "sites": ("growth", sites, plot_sites),
    "strangers": ("growth", strangers, plot_strangers),
    "armed_execs": ("growth", armed_execs, plot_armed_execs),
    "micro": ("micro", micro, plot_micro),
}


def render(results, document):
    words = document.read_text(encoding="utf-8")
    for name, (group, make_table, make_plot) in BLOCKS.items():
        if not results.get(group):
            continue
        block = make_table(results)
        if make_plot:
            image = f"performance-{name}.svg"
            (document.parent / image).write_text(make_plot(results), encoding="utf-8")
            block += f"\n\n![The table above as a plot]({image})"
        marked = re.compile(rf"(<!-- results: {name} -->\n).*?(<!-- end -->)", re.DOTALL)
        if not marked.search(words):
            sys.exit(f"{document}: no marker for {name}")
        words = marked.sub(lambda found: f"{found[1]}{block}\n{found[2]}", words)
    document.write_text(words, encoding="utf-8")


if __name__ == "__main__":
    render(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")), Path(sys.argv[2]))
