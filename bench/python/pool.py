"""multiprocessing.Pool under the loads of bench/pool/pool.cpp: prints "NAME NUMBER" lines. Arguments: processes, calls, items."""
import multiprocessing
import statistics
import sys
import time


def echo(item):
    return item


def microseconds_of(call, times):
    taken = []
    for _ in range(times):
        begin = time.perf_counter()
        call()
        taken.append((time.perf_counter() - begin) * 1e6)
    return statistics.median(taken)


def rate_of(call, items):
    begin = time.perf_counter()
    call()
    return items / (time.perf_counter() - begin)


if __name__ == "__main__":
    processes, calls, number = map(int, sys.argv[1:])
    items = [b"%0100d" % i for i in range(number)]  # distinct: pickle sends an object that it has seen as a reference
    with multiprocessing.Pool(processes) as pool:
        pool.map(echo, items[:100])
        print("apply_us", microseconds_of(lambda: pool.apply(echo, (items[0],)), calls))
        print("map_1", rate_of(lambda: pool.map(echo, items, chunksize=1), number))
        print("map", rate_of(lambda: pool.map(echo, items), number))
        print("imap_1", rate_of(lambda: sum(1 for _ in pool.imap(echo, items)), number))
