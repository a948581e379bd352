"""Has a Pool of two processes map a function that does nothing over N payloads, in chunks."""

from __future__ import annotations

import json
import multiprocessing
import sys
import time

CHUNK = 1024
# Each payload of a chunk is an object of its own: of the same one, pickle would send only the first.
PAYLOADS = [b"%0100d" % number for number in range(CHUNK)]


def nothing(_payload: bytes) -> None:
    pass


def main() -> None:
    chunks = -(-int(sys.argv[1]) // CHUNK)
    payloads = PAYLOADS * chunks
    with multiprocessing.Pool(2) as pool:
        pool.map(nothing, PAYLOADS)  # both have started
        start = time.monotonic()
        pool.map(nothing, payloads, chunksize=CHUNK)
        print(json.dumps({"jobs": len(payloads), "seconds": time.monotonic() - start}))


if __name__ == "__main__":
    main()
