"""What makes the stores the same each time that they are made: a clock that ticks, names that count."""

import itertools
import os
import sys
import time as real


class Clock:
    """Ticks by a sixty-fourth of a second each time that it is asked; stands in `time`'s place in what writes."""

    def __init__(self, now=1_700_000_000.0):
        self.now = now

    def time(self):
        self.now += 1 / 64
        return self.now

    def monotonic(self):
        return self.time()

    def __getattr__(self, name):
        return getattr(real, name)

    def install(self):
        """In the modules that are there now, and under the name of a machine that does not exist."""
        for name, module in list(sys.modules.items()):
            parts = name.split(".")
            if parts[0] == "journeyman" and parts[1:2] in (["flow"], ["store"], ["worker"]):
                if getattr(module, "time", None) is real:
                    module.time = self
        own = os.uname()
        os.uname = lambda: os.uname_result((own.sysname, "golden", own.release, own.version, own.machine))
        os.getpid = lambda: 4242


def tokens():
    """In the place of `secrets.token_hex`."""
    count = itertools.count(1)
    return lambda size=8: f"{next(count) * 2654435761 % 2 ** (8 * size):0{2 * size}x}"
