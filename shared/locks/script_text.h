// What the scripts of locks are put together from. Making a function costs Redis as much as calling a
// command: so the common case, a lock that is free and wanted by nobody else, comes before the functions in
// its scripts, and is made of bare commands.
#pragma once

#include <algorithm>
#include <array>
#include <string_view>

namespace joinery::locks {

// KEYS[1] and what follows from it.
constexpr char names[] = R"lua(
local P = KEYS[1]
local locks_key, fence_key = P .. 'locks', P .. 'fence'
)lua";

// Need names.
constexpr char functions[] = R"lua(
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)

local function part(gate, name) return P .. 'lock:' .. gate .. ':' .. name end
local function wake_key(id) return P .. 'wake:' .. id end
local function fields(record)
  local list = {}
  for field in string.gmatch(record, '[^\n]+') do list[#list + 1] = field end
  return list
end

-- Outside of a job the process itself is the owner, and the two entries are one.
local function enter(gate, id, owner, process)
  local what = '\n' .. gate .. '\n' .. id
  redis.call('ZADD', locks_key, '0', owner .. what, '0', process .. what)
end
local function strike_out(gate, id, owner, process)
  local what = '\n' .. gate .. '\n' .. id
  redis.call('ZREM', locks_key, owner .. what, process .. what)
end

-- Returns the record.
local function hold(gate, id, owner, process, lease)
  local token = redis.call('INCR', fence_key)
  local record = table.concat({id, token, now, owner, process, lease}, '\n')
  redis.call('ZADD', part(gate, 'leases'), now + lease, record)
  enter(gate, id, owner, process)
  return record
end
local function tell(id, word)
  redis.call('RPUSH', wake_key(id), word)
  redis.call('PEXPIRE', wake_key(id), 3600000)
end

-- 1: it was held.
local function let_go(gate, record)
  if redis.call('ZREM', part(gate, 'leases'), record) == 0 then return 0 end
  local holder = fields(record)
  strike_out(gate, holder[1], holder[4], holder[5])
  return 1
end
-- Of the acquisition `id`; nil: it does not hold.
local function record_of(gate, id)
  for _, record in ipairs(redis.call('ZRANGE', part(gate, 'leases'), 0, -1)) do
    if string.sub(record, 1, #id + 1) == id .. '\n' then return record end
  end
end

local function stand_in_line(gate, id, owner, process, lease)
  redis.call('HSET', part(gate, 'waiters'), id, table.concat({now + lease, owner, process, lease}, '\n'))
  redis.call('PEXPIRE', part(gate, 'waiters'), 86400000)
  redis.call('PEXPIRE', part(gate, 'line'), 86400000)
end
-- 1: it was waiting.
local function leave_line(gate, id)
  local record = redis.call('HGET', part(gate, 'waiters'), id)
  if not record then return 0 end
  redis.call('HDEL', part(gate, 'waiters'), id)
  redis.call('LREM', part(gate, 'line'), 1, id)
  local waiter = fields(record)
  strike_out(gate, id, waiter[2], waiter[3])
  return 1
end
-- Appends to `list` the process of each who stands in line before `id`, of the first 32.
local function add_those_before(list, gate, id)
  for _, other in ipairs(redis.call('LRANGE', part(gate, 'line'), 0, 31)) do
    if other == id then break end
    local record = redis.call('HGET', part(gate, 'waiters'), other)
    if record then list[#list + 1] = fields(record)[3] end
  end
end
-- The first in line that is believed to live, as id and fields; it has left the line.
local function next_in_line(gate)
  while true do
    local id = redis.call('LPOP', part(gate, 'line'))
    if not id then return nil end
    local record = redis.call('HGET', part(gate, 'waiters'), id)
    if record then
      redis.call('HDEL', part(gate, 'waiters'), id)
      local waiter = fields(record)
      strike_out(gate, id, waiter[2], waiter[3])
      if tonumber(waiter[1]) > now then return id, waiter end
    end
  end
end

local function limit(gate)
  local kind = string.match(gate, '^%a+')
  if kind == 'lock' then return 1 end
  if kind ~= 'semaphore' then return 0 end
  return tonumber(redis.call('GET', part(gate, 'limit')) or 0)
end
-- Leases that have ended are over; whoever is next holds.
local function settle(gate)
  for _, record in ipairs(redis.call('ZRANGEBYSCORE', part(gate, 'leases'), '-inf', now)) do
    let_go(gate, record)
  end
  local most = limit(gate)
  while redis.call('ZCARD', part(gate, 'leases')) < most do
    local id, waiter = next_in_line(gate)
    if not id then break end
    tell(id, hold(gate, id, waiter[2], waiter[3], waiter[4]))
  end
end

-- Looks at the next few of the list, round and round: what the dead held or waited for goes, though nobody
-- asks for it. (At a barrier they stay, for whoever arrives next to find.)
local function sweep()
  local from = redis.call('GET', P .. 'swept')
  local entries = redis.call('ZRANGEBYLEX', locks_key, from and '(' .. from or '-', '+', 'LIMIT', 0, 8)
  for _, entry in ipairs(entries) do
    local gate, id = string.match(entry, '^.*\n(.*)\n(.*)$')
    settle(gate)
    local waiter = redis.call('HGET', part(gate, 'waiters'), id)
    if waiter then
      local late = tonumber(fields(waiter)[1]) <= now
      if late and not string.match(gate, '^barrier:') then leave_line(gate, id) end
    elseif not record_of(gate, id) then
      redis.call('ZREM', locks_key, entry)
    end
  end
  if #entries == 8 then
    redis.call('SET', P .. 'swept', entries[8])
  else
    redis.call('DEL', P .. 'swept')
  end
end
)lua";

// Needs functions.
constexpr char breaking[] = R"lua(
local function break_barrier(gate)
  redis.call('HSET', part(gate, 'state'), 'broken', '1', 'arrived', '0')
  -- Whose lease is over is told, too: it may only have been stopped.
  while true do
    local id = redis.call('LPOP', part(gate, 'line'))
    if not id then break end
    if leave_line(gate, id) == 1 then tell(id, 'broken') end
  end
end
)lua";

// Its arguments as one text.
template <std::size_t... sizes>
consteval auto joined(const char (&... pieces)[sizes]) {
  std::array<char, ((sizes - 1) + ...)> text{};
  auto end = text.begin();
  ((end = std::copy_n(pieces, sizes - 1, end)), ...);
  return text;
}
constexpr std::string_view view(const auto& text) { return {text.data(), text.size()}; }

}  // namespace joinery::locks
