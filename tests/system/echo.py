"""A child for the tests: answers each line with what it is asked to do."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time


def answer(line: object) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main() -> None:
    for line in sys.stdin:
        word = line.strip()
        if word == "hang":
            time.sleep(60)
        elif word == "die":
            os._exit(3)
        elif word == "environment":
            answer(json.dumps(dict(os.environ)))
        elif word == "grandchild":
            grandchild = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
            answer(grandchild.pid)
        else:
            answer(word)


if __name__ == "__main__":
    main()
