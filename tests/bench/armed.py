# SPDX-License-Identifier: MIT
"""What a probed malloc and free costs: armed by forkmon, and with plain system-wide probes."""

from loads import Load
from stats import ratios, row, spread
from watchers import TraceOf, bare_calls, plain_probes

PAIRS_OF_CALLS_WITHOUT = 2_000_000
PAIRS_OF_CALLS_ARMED = 150_000
PAIRS_OF_CALLS_PLAIN = 15_000  # a thousand times as slow as without


def run(quick):
    without, bare, armed, plain = [], [], [], []
    with Load("alloc") as load:
        def pair_ns(count):
            load.run(count / 10)
            return load.run(count) / count

        for _ in range(2 if quick else 7):
            without.append(pair_ns(PAIRS_OF_CALLS_WITHOUT))
            with bare_calls(load.pid):
                bare.append(pair_ns(PAIRS_OF_CALLS_ARMED))
            with TraceOf(load.pid):
                armed.append(pair_ns(PAIRS_OF_CALLS_ARMED))
            with plain_probes():
                plain.append(pair_ns(PAIRS_OF_CALLS_PLAIN))
    rows = [
        row("an armed parent, malloc and free", armed, "ns", 1300,
            f"an empty program at the same instructions: {spread(bare)['median']:,.0f} ns"),
        row("the same, as a share of plain probes' cost", ratios(armed, plain), "armed / plain",
            0.25, "plain: bpftrace on malloc and free of all processes"),
    ]
    table = [{"what": what, "ns": spread(values), "ratio": spread(ratios(values, without))}
             for what, values in (("nothing", without),
                                  ("an empty program at the same instructions", bare),
                                  ("forkmon, process armed", armed),
                                  ("bpftrace, malloc and free system-wide", plain))]
    return rows, table
