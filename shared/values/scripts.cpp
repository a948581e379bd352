// The scripts of values: each is one change, whole or not at all.
#include "shared/values/scripts.h"

namespace joinery::values {

// Sets one element if it is what the caller believes.
// KEYS[1] container
// ARGV[1] "hash", "list" or "string"   [2] field or index; "" for a string
// ARGV[3] "1": it is there and looks like [4]; "0": it is not there   [5] its new bytes
// Returns 1, or 0: it is something else.
constinit const redis::Script compare_and_set_script(R"lua(
local kind, field = ARGV[1], ARGV[2]
local old
if kind == 'hash' then
  old = redis.call('HGET', KEYS[1], field)
elseif kind == 'list' then
  old = redis.call('LINDEX', KEYS[1], field)
else
  old = redis.call('GET', KEYS[1])
end
if ARGV[3] == '1' and old ~= ARGV[4] or ARGV[3] == '0' and old then return 0 end
if kind == 'hash' then
  redis.call('HSET', KEYS[1], field, ARGV[5])
elseif kind == 'list' then
  redis.call('LSET', KEYS[1], field, ARGV[5])
else
  redis.call('SET', KEYS[1], ARGV[5], 'KEEPTTL')
end
return 1
)lua");

// Adds to a number; one that is not there counts as 0. Nothing is written unless the sum is one.
// KEYS[1] container
// ARGV[1] "hash", "list" or "string"   [2] field or index   [3] what is added: an element
// ARGV[4] the least integer that the caller can hold   [5] the greatest; "": he takes floats as well
// Returns the sum as an element; nil: no such index; an error "WRONGVALUE": what is there is no such number;
// "OVERFLOW" and what is there: the sum is beyond those bounds, or 64 bits.
//
// Lua's numbers are doubles: what has more than 15 digits is added by Redis, and compared as text.
constinit const redis::Script add_script(R"lua(
local kind, field, by, least, greatest = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local old
if kind == 'hash' then
  old = redis.call('HGET', KEYS[1], field)
elseif kind == 'list' then
  old = redis.call('LINDEX', KEYS[1], field)
  if not old then return false end
else
  old = redis.call('GET', KEYS[1])
end
local function is_integer(text) return string.match(text, '^%-?%d+$') end
local function is_float(text) return #text == 9 and string.byte(text) == 0xcb end
local function to_number(text)
  if is_integer(text) then return tonumber(text) end
  return (struct.unpack('>d', text, 2))
end
local function is_less(one, other)
  local negative = string.sub(one, 1, 1) == '-'
  if one == other then return false end
  if negative ~= (string.sub(other, 1, 1) == '-') then return negative end
  if #one ~= #other then return (#one < #other) ~= negative end
  return (one < other) ~= negative
end
local function add_integers(one, other)
  if #one <= 15 and #other <= 15 then return string.format('%.0f', tonumber(one) + tonumber(other)) end
  local scratch = KEYS[1] .. ':scratch'
  redis.call('SET', scratch, one)
  local answer = redis.pcall('INCRBY', scratch, other)
  local sum = redis.call('GET', scratch)
  redis.call('DEL', scratch)
  return type(answer) ~= 'table' and sum
end
if old and not is_integer(old) and (least ~= '' or not is_float(old)) then
  return redis.error_reply('WRONGVALUE no such number')
end
local sum
if is_integer(by) and (not old or is_integer(old)) then
  sum = add_integers(old or '0', by)
  if not sum or least ~= '' and (is_less(sum, least) or is_less(greatest, sum)) then
    return redis.error_reply('OVERFLOW ' .. (old or '0'))
  end
else
  sum = '\203' .. struct.pack('>d', (old and to_number(old) or 0) + to_number(by))
end
if kind == 'hash' then
  redis.call('HSET', KEYS[1], field, sum)
elseif kind == 'list' then
  redis.call('LSET', KEYS[1], field, sum)
else
  redis.call('SET', KEYS[1], sum, 'KEEPTTL')
end
return sum
)lua");

// Writes unless a greater fence was seen.
// KEYS[1] container   [2] its fence
// ARGV[1] fence, 20 digits   [2] "hset" or "hdel" or "set"   [3...] their arguments
// Returns {"1", what the command answered} or {"0", the greater fence}.
//
// Lua's numbers are doubles: the fence is compared in two halves.
constinit const redis::Script fenced_script(R"lua(
local seen = redis.call('GET', KEYS[2])
if seen then
  local old_high, old_low = tonumber(string.sub(seen, 1, 10)), tonumber(string.sub(seen, 11))
  local high, low = tonumber(string.sub(ARGV[1], 1, 10)), tonumber(string.sub(ARGV[1], 11))
  if high < old_high or (high == old_high and low < old_low) then return {'0', seen} end
end
redis.call('SET', KEYS[2], ARGV[1])
local answer
if ARGV[2] == 'set' then
  redis.call('SET', KEYS[1], ARGV[3], 'KEEPTTL')
  answer = 1
else
  answer = redis.call(ARGV[2], KEYS[1], unpack(ARGV, 3))
end
local ttl = redis.call('PTTL', KEYS[1])
if ttl > 0 then redis.call('PEXPIRE', KEYS[2], ttl) end
return {'1', answer}
)lua");

// KEYS[1] hash   ARGV[1] field   [2] element
// Returns what the field holds now: what it held, else the element.
constinit const redis::Script set_default_script(R"lua(
redis.call('HSETNX', KEYS[1], ARGV[1], ARGV[2])
return redis.call('HGET', KEYS[1], ARGV[1])
)lua");

// KEYS[1] hash   ARGV[1] field   Returns what it held, or nil.
constinit const redis::Script pop_field_script(R"lua(
local old = redis.call('HGET', KEYS[1], ARGV[1])
redis.call('HDEL', KEYS[1], ARGV[1])
return old
)lua");

// KEYS[1] hash   Returns {field, element} of one that is taken out, or {}.
constinit const redis::Script pop_any_script(R"lua(
local field = redis.call('HRANDFIELD', KEYS[1])
if not field then return {} end
local value = redis.call('HGET', KEYS[1], field)
redis.call('HDEL', KEYS[1], field)
return {field, value}
)lua");

// Inserts before an index, as Python: beyond an end is at that end.
// KEYS[1] list   ARGV[1] index   [2] element
// Returns the new length. The marker (0xc1 is never msgpack) stands for the element that is moved.
constinit const redis::Script insert_at_script(R"lua(
local size = redis.call('LLEN', KEYS[1])
local index = tonumber(ARGV[1])
if index < 0 then index = math.max(0, size + index) end
if index >= size then return redis.call('RPUSH', KEYS[1], ARGV[2]) end
if index == 0 then return redis.call('LPUSH', KEYS[1], ARGV[2]) end
local moved = redis.call('LINDEX', KEYS[1], index)
redis.call('LSET', KEYS[1], index, '\193')
redis.call('LINSERT', KEYS[1], 'BEFORE', '\193', ARGV[2])
redis.call('LSET', KEYS[1], index + 1, moved)
return size + 1
)lua");

// KEYS[1] list   ARGV[1] index   Returns the element that was there, or nil.
constinit const redis::Script pop_at_script(R"lua(
local old = redis.call('LINDEX', KEYS[1], ARGV[1])
if not old then return false end
redis.call('LSET', KEYS[1], ARGV[1], '\193')
redis.call('LREM', KEYS[1], 1, '\193')
return old
)lua");

// Makes a list of a number of equal elements, if it is not there.
// KEYS[1] list   ARGV[1] number   [2] element
// Returns its length.
constinit const redis::Script make_list_script(R"lua(
if redis.call('EXISTS', KEYS[1]) == 0 then
  local some = {}
  for i = 1, tonumber(ARGV[1]) do
    some[#some + 1] = ARGV[2]
    if #some == 1000 or i == tonumber(ARGV[1]) then
      redis.call('RPUSH', KEYS[1], unpack(some))
      some = {}
    end
  end
end
return redis.call('LLEN', KEYS[1])
)lua");

// Replaces a whole list if it is what the caller believes.
// KEYS[1] list   ARGV[1] how many elements it has   [2...] these, then the new ones
// Returns 1, or 0: it is something else.
constinit const redis::Script replace_list_script(R"lua(
local number = tonumber(ARGV[1])
local old = redis.call('LRANGE', KEYS[1], 0, -1)
if #old ~= number then return 0 end
for i = 1, number do
  if old[i] ~= ARGV[i + 1] then return 0 end
end
local ttl = redis.call('PTTL', KEYS[1])
redis.call('DEL', KEYS[1])
for first = number + 2, #ARGV, 1000 do
  redis.call('RPUSH', KEYS[1], unpack(ARGV, first, math.min(#ARGV, first + 999)))
end
if ttl > 0 then redis.call('PEXPIRE', KEYS[1], ttl) end
return 1
)lua");

// Says that the owner of an anonymous container lives, and deletes those whose owners do not.
// KEYS[1] anonymous   [2] container   [3] its fence
// ARGV[1] its name   [2] for how many milliseconds it is believed   [3] prefix of the keys of containers
// Returns how many were deleted.
constinit const redis::Script keep_anonymous_script(R"lua(
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
redis.call('ZADD', KEYS[1], now + ARGV[2], ARGV[1])
redis.call('PEXPIRE', KEYS[2], ARGV[2])
redis.call('PEXPIRE', KEYS[3], ARGV[2])
local dead = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now, 'LIMIT', 0, 100)
for _, name in ipairs(dead) do
  redis.call('UNLINK', ARGV[3] .. name, ARGV[3] .. name .. ':fence')
  redis.call('ZREM', KEYS[1], name)
end
return #dead
)lua");

}  // namespace joinery::values
