#!/usr/bin/env node
// A pool process in Node: started by joinery-worker (see worker.toml), needs nothing but Node.
//
// The same messages as in count_words.py. Handlers may be async; jobs run one after the other all the same, since without a
// board the worker takes the oldest job without an outcome for the one that runs.
'use strict';

const fs = require('node:fs/promises');
const net = require('node:net');
const msgpack = require('./msgpack.js');

async function longestWord(path) {
  const words = (await fs.readFile(path, 'utf8')).split(/\s+/);
  return words.reduce((longest, word) => (word.length > longest.length ? word : longest), '');
}

const HANDLERS = { longest_word: longestWord };
const worker = new net.Socket({ fd: 3, readable: true, writable: true });

function send(...message) {
  return new Promise((sent) => worker.write(msgpack.encode(message), sent));
}

async function outcome(handler, info, job, payload) {
  try {
    const { value } = msgpack.decode(payload);
    if (value.length !== HANDLERS[handler].length) throw new TypeError(`${handler} takes ${HANDLERS[handler].length} arguments`);
    const result = await HANDLERS[handler](...value);
    return info.keep_result ? [job, 0, msgpack.encode(result)] : job;
  } catch (error) {
    return [job, 1, { type: error.code ?? error.name, message: error.message, retry: !(error instanceof TypeError) }];
  }
}

async function main() {
  await send(1, 1, Object.keys(HANDLERS), false);
  let unread = Buffer.alloc(0);
  for await (const chunk of worker) {
    unread = Buffer.concat([unread, chunk]);
    for (let message; (message = msgpack.decode(unread)) !== undefined; unread = unread.subarray(message.end)) {
      const [type, ...rest] = message.value;
      if (type === 2) {
        const [handler, info, jobs] = rest;
        for (const [job, , , , payload] of jobs) await send(3, [await outcome(handler, info, job, payload)]);
      } else if (type === 7) {
        return;
      }
    }
  }
}

main().then(() => process.exit(0));
