// The scripts of locks: each is one change, whole or not at all.
#include "shared/locks/scripts.h"

#include "shared/locks/script_text.h"

namespace joinery::locks {
namespace {

// Takes a gate or stands in its line; asked again with the same id it renews the place, or tells that it was
// given.
// KEYS[1] prefix
// ARGV[1] gate   [2] id   [3] owner   [4] process   [5] lease   [6] "1": wait in line
// ARGV[7] value of a semaphore, else ""
// Returns {record}: it is held; or {"", period after which to ask again, process of each holder and of those
// before it in the line (at most 32 of each)}.
constexpr auto acquire_source = joined(names, R"lua(
local gate, id, owner, process, lease = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local record
if ARGV[7] == '' then
  local at = P .. 'lock:' .. gate
  local leases = at .. ':leases'
  if redis.call('EXISTS', leases, at .. ':line') == 0 then
    local clock = redis.call('TIME')
    local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
    local token = redis.call('INCR', fence_key)
    record = id .. '\n' .. token .. '\n' .. now .. '\n' .. owner .. '\n' .. process .. '\n' .. lease
    redis.call('ZADD', leases, now + lease, record)
    local what = '\n' .. gate .. '\n' .. id
    redis.call('ZADD', locks_key, '0', owner .. what, '0', process .. what)
    if token % 128 ~= 0 then return {record} end
  end
end
)lua",
                                       functions, R"lua(
if record then
  sweep()
  return {record}
end
if ARGV[7] ~= '' and redis.call('EXISTS', part(gate, 'limit')) == 0 then
  redis.call('MSET', part(gate, 'limit'), ARGV[7], part(gate, 'initial'), ARGV[7])
end
settle(gate)
local listed = redis.call('ZSCORE', locks_key, owner .. '\n' .. gate .. '\n' .. id)
local waits = listed and redis.call('HEXISTS', part(gate, 'waiters'), id) == 1
if listed and not waits then
  record = record_of(gate, id)
  if record then
    redis.call('DEL', wake_key(id))
    return {record}
  end
end
if not waits and redis.call('ZCARD', part(gate, 'leases')) < limit(gate) then
  return {hold(gate, id, owner, process, lease)}
end
local answer = {'', math.max(1, math.floor(lease / 2))}
local first = redis.call('ZRANGE', part(gate, 'leases'), 0, 0, 'WITHSCORES')[2]
if first then answer[2] = math.min(answer[2], math.max(1, first - now + 1)) end
if ARGV[6] == '1' then
  if not waits then
    redis.call('RPUSH', part(gate, 'line'), id)
    enter(gate, id, owner, process)
  end
  stand_in_line(gate, id, owner, process, lease)
end
for _, holder in ipairs(redis.call('ZRANGE', part(gate, 'leases'), 0, 31)) do
  answer[#answer + 1] = fields(holder)[5]
end
add_those_before(answer, gate, id)
return answer
)lua");

// Stops waiting.
// KEYS[1] prefix   ARGV[1] gate   [2] id
// Returns what it had been told meanwhile (its record: it holds; "1"; "broken"), or "".
constexpr auto leave_source = joined(names, functions, R"lua(
local gate, id = ARGV[1], ARGV[2]
local waited = leave_line(gate, id) == 1
settle(gate)
if waited then return '' end
local told = redis.call('LPOP', wake_key(id))
return record_of(gate, id) or told or ''
)lua");

// Extends a lease.
// KEYS[1] prefix   ARGV[1] gate   [2] record   [3] lease
// Returns 1, or 0: it had ended.
constexpr auto renew_source = joined(names, functions, R"lua(
local gate, record, lease = ARGV[1], ARGV[2], tonumber(ARGV[3])
settle(gate)
if now % 16 == 0 then sweep() end
if not redis.call('ZSCORE', part(gate, 'leases'), record) then return 0 end
redis.call('ZADD', part(gate, 'leases'), now + lease, record)
return 1
)lua");

// Gives back; the first in line holds from now.
// KEYS[1] prefix   ARGV[1] gate   [2] record   [3] id   [4] owner   [5] process, as in the record
// Returns 1, or 0: its lease had ended, and somebody else may have held it since.
constexpr auto release_source = joined(names, R"lua(
local gate = ARGV[1]
local at = P .. 'lock:' .. gate
local leases = at .. ':leases'
local held = redis.call('ZREM', leases, ARGV[2])
if held == 1 then
  local what = '\n' .. gate .. '\n' .. ARGV[3]
  redis.call('ZREM', locks_key, ARGV[4] .. what, ARGV[5] .. what)
end
if redis.call('EXISTS', leases, at .. ':line') == 0 then return held end
)lua",
                                       functions, R"lua(
settle(gate)
return held
)lua");

// Raises the value of a semaphore.
// KEYS[1] prefix   ARGV[1] gate   [2] by how much
// Returns the permits there are, held or free.
constexpr auto raise_source = joined(names, functions, R"lua(
local permits = redis.call('INCRBY', part(ARGV[1], 'limit'), ARGV[2])
settle(ARGV[1])
return permits
)lua");

// How many permits are free; makes a semaphore that does not exist.
// KEYS[1] prefix   ARGV[1] gate   [2] value; "" asks only
// Returns {free, value with which it was made}.
constexpr auto value_source = joined(names, functions, R"lua(
local gate = ARGV[1]
if ARGV[2] ~= '' and redis.call('EXISTS', part(gate, 'limit')) == 0 then
  redis.call('MSET', part(gate, 'limit'), ARGV[2], part(gate, 'initial'), ARGV[2])
end
settle(gate)
return {limit(gate) - redis.call('ZCARD', part(gate, 'leases')),
        tonumber(redis.call('GET', part(gate, 'initial')) or limit(gate))}
)lua");

// Gives back all that an owner holds and waits for. A barrier at which it waits is broken.
// KEYS[1] prefix   ARGV[1] owner
// Returns how many acquisitions were given back.
constexpr auto release_owner_source = joined(names, functions, breaking, R"lua(
local released, gates = 0, {}
local entries = redis.call('ZRANGEBYLEX', locks_key, '[' .. ARGV[1] .. '\n', '(' .. ARGV[1] .. '\11')
for _, entry in ipairs(entries) do
  local gate, id = string.match(entry, '^.*\n(.*)\n(.*)$')
  local record = record_of(gate, id)
  if record then released = released + let_go(gate, record) end
  if leave_line(gate, id) == 1 and string.match(gate, '^barrier:') then break_barrier(gate) end
  gates[gate] = true
end
for gate in pairs(gates) do settle(gate) end
return released
)lua");

// Stands in the line of an event or a condition, or renews the place.
// KEYS[1] prefix   ARGV[1] gate   [2] id   [3] owner   [4] process   [5] lease
// Returns {1}: the event is set (and it does not wait); {2}: it was woken already; {0, process of each before
// it in the line of a condition (at most 32)}: it waits.
constexpr auto enlist_source = joined(names, functions, R"lua(
local gate, id, owner, process, lease = ARGV[1], ARGV[2], ARGV[3], ARGV[4], tonumber(ARGV[5])
if redis.call('EXISTS', wake_key(id)) == 1 then return {2} end
if string.match(gate, '^event:') and redis.call('EXISTS', part(gate, 'state')) == 1 then
  leave_line(gate, id)
  return {1}
end
if redis.call('HEXISTS', part(gate, 'waiters'), id) == 0 then
  redis.call('RPUSH', part(gate, 'line'), id)
  enter(gate, id, owner, process)
end
stand_in_line(gate, id, owner, process, lease)
local answer = {0}
if string.match(gate, '^condition:') then add_those_before(answer, gate, id) end
return answer
)lua");

// Wakes the first in line.
// KEYS[1] prefix   ARGV[1] gate   [2] how many; -1: all   [3] "1": sets the event; "0": only clears it
// Returns the process of each who was woken; nothing if all were.
constexpr auto wake_source = joined(names, functions, R"lua(
local gate, most, woken = ARGV[1], tonumber(ARGV[2]), {}
if ARGV[3] == '1' then redis.call('SET', part(gate, 'state'), '1') end
if ARGV[3] == '0' then redis.call('DEL', part(gate, 'state')) end
while #woken ~= most do
  local id, waiter = next_in_line(gate)
  if not id then break end
  tell(id, '1')
  woken[#woken + 1] = waiter[3]
end
return most < 0 and {} or woken
)lua");

// The flag of an event.   KEYS[1] prefix   ARGV[1] gate   Returns 1 or 0.
constexpr auto is_set_source = joined(names, R"lua(
return redis.call('EXISTS', P .. 'lock:' .. ARGV[1] .. ':state')
)lua");

// Arrives at a barrier, or renews the place of one who has. If somebody there has not renewed his in time,
// it is broken.
// KEYS[1] prefix
// ARGV[1] gate   [2] id   [3] owner   [4] process   [5] lease   [6] parties   [7] "1": renews; "0": arrives
// Returns {order of arrival, parties, process of each other who waits (at most 32)}; the last (order
// parties - 1) does not wait: it opens the barrier. The order is -1: the barrier is broken, or the place that
// it renews is gone; -2: it has another number of parties; -3: it still waits, or has been told.
constexpr auto arrive_source = joined(names, functions, breaking, R"lua(
local gate, id, owner, process, lease = ARGV[1], ARGV[2], ARGV[3], ARGV[4], tonumber(ARGV[5])
local state, parties, renews = part(gate, 'state'), tonumber(ARGV[6]), ARGV[7] == '1'
if renews then
  if redis.call('EXISTS', wake_key(id)) == 1 then return {-3, parties} end
  if redis.call('HEXISTS', part(gate, 'waiters'), id) == 0 then return {-1, parties} end
  stand_in_line(gate, id, owner, process, lease)
else
  redis.call('HSETNX', state, 'parties', parties)
  local theirs = tonumber(redis.call('HGET', state, 'parties'))
  if theirs ~= parties then return {-2, theirs} end
end
local answer, others = {-3, parties}, redis.call('HGETALL', part(gate, 'waiters'))
for i = 2, #others, 2 do
  if tonumber(string.match(others[i], '^%d+')) <= now then
    break_barrier(gate)
    break
  end
  if others[i - 1] ~= id and #answer < 34 then answer[#answer + 1] = fields(others[i])[3] end
end
if renews then return answer end
if redis.call('HGET', state, 'broken') == '1' then return {-1, parties} end
answer[1] = (redis.call('HINCRBY', state, 'arrived', 1) - 1) % parties
if answer[1] < parties - 1 then
  redis.call('RPUSH', part(gate, 'line'), id)
  enter(gate, id, owner, process)
  stand_in_line(gate, id, owner, process, lease)
end
return answer
)lua");

// Changes a barrier.
// KEYS[1] prefix   ARGV[1] gate   [2] "open": those who have arrived go on; "abort"; "reset";
// "late": breaks it unless [3], an id, was told already
// Returns what that id was told, else "".
constexpr auto barrier_source = joined(names, functions, breaking, R"lua(
local gate, verb = ARGV[1], ARGV[2]
local state = part(gate, 'state')
if verb == 'open' then
  local parties = tonumber(redis.call('HGET', state, 'parties') or 1)
  if redis.call('HGET', state, 'broken') == '1' then return 'broken' end
  if redis.call('HINCRBY', state, 'arrived', -parties) < 0 then redis.call('HSET', state, 'arrived', 0) end
  for _ = 2, parties do
    local id = redis.call('LPOP', part(gate, 'line'))
    if not id then break end
    leave_line(gate, id)
    tell(id, '1')
  end
  return ''
end
if verb == 'late' then
  local told = redis.call('LPOP', wake_key(ARGV[3]))
  if told then return told end
end
break_barrier(gate)
if verb == 'reset' then redis.call('HSET', state, 'broken', '0') end
if verb == 'late' then redis.call('DEL', wake_key(ARGV[3])) end
return ''
)lua");

// KEYS[1] prefix   ARGV[1] gate   Returns {how many wait, 1 if broken else 0}.
constexpr auto barrier_state_source = joined(names, R"lua(
local state = P .. 'lock:' .. ARGV[1] .. ':state'
local parties = tonumber(redis.call('HGET', state, 'parties') or 1)
return {tonumber(redis.call('HGET', state, 'arrived') or 0) % parties, tonumber(redis.call('HGET', state, 'broken') or 0)}
)lua");

// What is held and waited for.
// KEYS[1] prefix
// Returns for each gate {gate, now, permits, {record of each holder, when its lease ends, ...},
// {record of each who waits, the first first}}.
constexpr auto list_source = joined(names, functions, R"lua(
local answer, seen = {}, {}
for _, entry in ipairs(redis.call('ZRANGE', locks_key, 0, -1)) do
  local gate = string.match(entry, '^.*\n(.*)\n.*$')
  if not seen[gate] then
    seen[gate] = true
    settle(gate)
    local holders, waiters = redis.call('ZRANGE', part(gate, 'leases'), 0, -1, 'WITHSCORES'), {}
    for _, id in ipairs(redis.call('LRANGE', part(gate, 'line'), 0, -1)) do
      waiters[#waiters + 1] = redis.call('HGET', part(gate, 'waiters'), id) or nil
    end
    if #holders + #waiters > 0 then answer[#answer + 1] = {gate, now, limit(gate), holders, waiters} end
  end
end
return answer
)lua");

}  // namespace

constinit const redis::Script acquire_script(view(acquire_source));
constinit const redis::Script leave_script(view(leave_source));
constinit const redis::Script renew_script(view(renew_source));
constinit const redis::Script release_script(view(release_source));
constinit const redis::Script raise_script(view(raise_source));
constinit const redis::Script value_script(view(value_source));
constinit const redis::Script release_owner_script(view(release_owner_source));
constinit const redis::Script enlist_script(view(enlist_source));
constinit const redis::Script wake_script(view(wake_source));
constinit const redis::Script is_set_script(view(is_set_source));
constinit const redis::Script arrive_script(view(arrive_source));
constinit const redis::Script barrier_script(view(barrier_source));
constinit const redis::Script barrier_state_script(view(barrier_state_source));
constinit const redis::Script list_script(view(list_source));

}  // namespace joinery::locks
