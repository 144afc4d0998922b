# SPDX-License-Identifier: MIT
"""A pool of worker processes made by fork() while a thread runs and logs: a common mistake."""

import logging
import multiprocessing
import os
import threading
import time

logging.basicConfig(format="%(asctime)s %(processName)s %(message)s", level=logging.INFO)
# The log lines themselves are not the point: they are written, but not shown.
logging.getLogger().handlers[0].setStream(open(os.devnull, "w", encoding="utf-8"))


def log_for_ever():
    while True:
        logging.info("the application goes on")
        time.sleep(0.001)


def work(number):
    logging.info("work on %d", number)
    return number * number


def main():
    threading.Thread(target=log_for_ever, daemon=True).start()
    pool = multiprocessing.get_context("fork").Pool(2)
    try:
        # The very mistake may leave a worker stuck on a lock: then this gives up, and says so.
        print("results:", pool.map_async(work, range(4)).get(timeout=10))
    except multiprocessing.TimeoutError:
        print("a worker is stuck: it waits for a lock that no thread of it holds")
    pool.terminate()


if __name__ == "__main__":
    main()
