// msgpack for a pool process: Node's own library has none. Whole numbers beyond 2^53 lose their last digits, as all numbers of
// JavaScript do; job ids do not get there.
'use strict';

// What the bytes begin with, as {value, end}; undefined if its end has not come yet.
function decode(bytes, at = 0) {
  try {
    return read(bytes, at);
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

function read(bytes, at) {
  const tag = bytes.readUInt8(at++);
  const whole = (size) => (size === 8 ? Number(bytes.readBigUInt64BE(at)) : bytes.readUIntBE(at, size));
  const signed = (size) => (size === 8 ? Number(bytes.readBigInt64BE(at)) : bytes.readIntBE(at, size));
  const sized = (size, make) => make(whole(size), at + size);
  const slice = (length, from) => {
    if (from + length > bytes.length) throw new RangeError();
    return { value: bytes.subarray(from, from + length), end: from + length };
  };
  const text = (length, from) => {
    const { value, end } = slice(length, from);
    return { value: value.toString(), end };
  };
  const list = (length, from) => {
    const value = [];
    let end = from;
    for (let i = 0; i < length; ++i) {
      const item = read(bytes, end);
      value.push(item.value);
      end = item.end;
    }
    return { value, end };
  };
  const map = (length, from) => {
    const { value: pairs, end } = list(2 * length, from);
    const value = {};
    for (let i = 0; i < pairs.length; i += 2) value[pairs[i]] = pairs[i + 1];
    return { value, end };
  };

  if (tag < 0x80) return { value: tag, end: at };
  if (tag < 0x90) return map(tag & 0x0f, at);
  if (tag < 0xa0) return list(tag & 0x0f, at);
  if (tag < 0xc0) return text(tag & 0x1f, at);
  if (tag >= 0xe0) return { value: tag - 0x100, end: at };
  switch (tag) {
    case 0xc0: return { value: null, end: at };
    case 0xc2: return { value: false, end: at };
    case 0xc3: return { value: true, end: at };
    case 0xc4: case 0xc5: case 0xc6: return sized(1 << (tag - 0xc4), slice);
    case 0xca: return { value: bytes.readFloatBE(at), end: at + 4 };
    case 0xcb: return { value: bytes.readDoubleBE(at), end: at + 8 };
    case 0xcc: case 0xcd: case 0xce: case 0xcf: return { value: whole(1 << (tag - 0xcc)), end: at + (1 << (tag - 0xcc)) };
    case 0xd0: case 0xd1: case 0xd2: case 0xd3: return { value: signed(1 << (tag - 0xd0)), end: at + (1 << (tag - 0xd0)) };
    case 0xd9: case 0xda: case 0xdb: return sized(1 << (tag - 0xd9), text);
    case 0xdc: case 0xdd: return sized(2 << (tag - 0xdc), list);
    case 0xde: case 0xdf: return sized(2 << (tag - 0xde), map);
    default: throw new TypeError(`msgpack: type 0x${tag.toString(16)} is not known here`);
  }
}

// null, booleans, numbers, strings, Buffers (as bin), arrays, and plain objects (as maps).
function encode(value) {
  if (value === null || value === undefined) return Buffer.from([0xc0]);
  if (typeof value === 'boolean') return Buffer.from([value ? 0xc3 : 0xc2]);
  if (typeof value === 'number') return number(value);
  if (Buffer.isBuffer(value)) return Buffer.concat([head(0xc6, value.length), value]);
  if (typeof value === 'string') return Buffer.concat([head(0xdb, Buffer.byteLength(value)), Buffer.from(value)]);
  if (Array.isArray(value)) return Buffer.concat([head(0xdd, value.length), ...value.map(encode)]);
  if (typeof value === 'object') {
    const pairs = Object.entries(value);
    return Buffer.concat([head(0xdf, pairs.length), ...pairs.flat().map(encode)]);
  }
  throw new TypeError(`msgpack: a ${typeof value} cannot be packed`);
}

// Lengths are written as 32 bits, which any reader takes.
function head(tag, length) {
  const bytes = Buffer.alloc(5);
  bytes.writeUInt8(tag);
  bytes.writeUInt32BE(length, 1);
  return bytes;
}

function number(value) {
  const bytes = Buffer.alloc(9);
  if (!Number.isSafeInteger(value)) {
    bytes.writeUInt8(0xcb);
    bytes.writeDoubleBE(value, 1);
  } else if (value < 0) {
    bytes.writeUInt8(0xd3);
    bytes.writeBigInt64BE(BigInt(value), 1);
  } else {
    bytes.writeUInt8(0xcf);
    bytes.writeBigUInt64BE(BigInt(value), 1);
  }
  return bytes;
}

module.exports = { decode, encode };
