#!/usr/bin/env python3
"""A pool process in Python: started by joinery-worker (see worker.toml), needs only msgpack.

Descriptor 3 is a socket to the worker, and every message on it a msgpack array. Ours are [1, version, names, board]
once, when we are ready, and [3, outcomes] after each job. Theirs are [2, handler, info, jobs], [6, job, code] to
cancel one (which a process with one thread may ignore), and [7]: finish and exit.
"""
import socket

import msgpack


def count_words(path):
    with open(path, encoding="utf-8") as file:
        return len(file.read().split())


HANDLERS = {"count_words": count_words}
worker = socket.socket(fileno=3)


def send(*message):
    worker.sendall(msgpack.packb(message))


def outcome(handler, info, job, payload):
    try:
        result = HANDLERS[handler](*msgpack.unpackb(payload))
        return [job, 0, msgpack.packb(result)] if info.get("keep_result") else job
    except Exception as error:
        return [job, 1, {"type": type(error).__name__, "message": str(error), "retry": not isinstance(error, TypeError)}]


def main():
    send(1, 1, list(HANDLERS), False)
    messages = msgpack.Unpacker(max_buffer_size=64 << 20)
    while data := worker.recv(65536):
        messages.feed(data)
        for kind, *rest in messages:
            if kind == 2:
                handler, info, jobs = rest
                for job, _attempt, _epoch, _batch, payload in jobs:
                    send(3, [outcome(handler, info, job, payload)])
            elif kind == 7:
                return


main()
