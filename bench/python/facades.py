"""multiprocessing under the loads of bench/multiprocessing: prints "NAME NUMBER" lines. Arguments: items, calls."""
import multiprocessing
import statistics
import sys
import time


def consume(tasks):
    while tasks.get():
        tasks.task_done()
    tasks.task_done()


def echo(item):
    return item


def seconds_of(call):
    begin = time.perf_counter()
    call()
    return time.perf_counter() - begin


def median_us(times, call):
    return statistics.median(seconds_of(call) * 1e6 for _ in range(times))


def queue(items):
    tasks = multiprocessing.JoinableQueue()
    consumer = multiprocessing.Process(target=consume, args=(tasks,))
    consumer.start()
    tasks.put(b"ready")
    tasks.join()

    def work():
        for item in items:
            tasks.put(item)
        tasks.join()

    taken = seconds_of(work)
    tasks.put(b"")
    consumer.join()
    return len(items) / taken


def lock_and_unlock(lock):
    lock.acquire()
    lock.release()


if __name__ == "__main__":
    number, calls = map(int, sys.argv[1:])
    items = [b"%0100d" % i for i in range(number)]  # distinct: pickle sends an object that it has seen as a reference
    print("queue", queue(items))
    with multiprocessing.Pool(2) as pool:
        pool.map(echo, items[:100])
        print("pool_map_1", number / seconds_of(lambda: pool.map(echo, items, chunksize=1)))
        print("apply_us", median_us(calls, lambda: pool.apply(echo, (items[0],))))
    with multiprocessing.Manager() as manager:
        shared, lock = manager.dict(), manager.Lock()
        print("dict_set_us", median_us(calls, lambda: shared.__setitem__("key", items[0])))
        print("dict_get_us", median_us(calls, lambda: shared["key"]))
        print("lock_us", median_us(calls, lambda: lock_and_unlock(lock)))
