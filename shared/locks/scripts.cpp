// The scripts of locks: each is one change, whole or not at all.
#include "shared/locks/scripts.h"

#include <algorithm>
#include <array>

namespace joinery::locks {
namespace {

// Functions that every script begins with: first the names of keys, then what is done with them.
constexpr char functions[] = R"lua(
local P = KEYS[1]
local function part(gate, name) return P .. 'lock:' .. gate .. ':' .. name end
local function wake_key(id) return P .. 'wake:' .. id end
local function owner_key(owner) return P .. 'owner:' .. owner end
local index_key, fence_key = P .. 'locks', P .. 'fence'

local day = 86400000
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)

local function fields(record)
  local list = {}
  for field in string.gmatch(record, '[^\n]+') do list[#list + 1] = field end
  return list
end

-- Outside of a job the process itself is the owner.
local function enter(gate, id, owner, process)
  redis.call('SADD', owner_key(owner), gate .. '\n' .. id)
  redis.call('PEXPIRE', owner_key(owner), day)
  if process ~= owner then
    redis.call('SADD', owner_key(process), gate .. '\n' .. id)
    redis.call('PEXPIRE', owner_key(process), day)
  end
  redis.call('SADD', index_key, gate)
end
local function strike_out(gate, id, owner, process)
  redis.call('SREM', owner_key(owner), gate .. '\n' .. id)
  if process ~= owner then redis.call('SREM', owner_key(process), gate .. '\n' .. id) end
end
-- Nobody holds or waits.
local function is_free(gate)
  return redis.call('EXISTS', part(gate, 'leases'), part(gate, 'line')) == 0
end
-- True if so: it is no longer listed.
local function tidy(gate)
  local free = is_free(gate)
  if free then redis.call('SREM', index_key, gate) end
  return free
end

local function tell(id, word)
  redis.call('RPUSH', wake_key(id), word)
  redis.call('PEXPIRE', wake_key(id), 3600000)
end

local function hold(gate, id, owner, process, lease)
  local token = redis.call('INCR', fence_key)
  local record = table.concat({token, now, owner, process, lease}, '\n')
  redis.call('HSET', part(gate, 'holders'), id, record)
  redis.call('ZADD', part(gate, 'leases'), now + lease, id)
  redis.call('PEXPIRE', part(gate, 'holders'), day)
  redis.call('PEXPIRE', part(gate, 'leases'), day)
  enter(gate, id, owner, process)
  return token
end
-- 1: it was held.
local function let_go(gate, id)
  local record = redis.call('HGET', part(gate, 'holders'), id)
  if not record then return 0 end
  redis.call('HDEL', part(gate, 'holders'), id)
  redis.call('ZREM', part(gate, 'leases'), id)
  local holder = fields(record)
  strike_out(gate, id, holder[3], holder[4])
  return 1
end

local function stand_in_line(gate, id, owner, process, lease)
  redis.call('HSET', part(gate, 'waiters'), id, table.concat({now + lease, owner, process, lease}, '\n'))
  redis.call('PEXPIRE', part(gate, 'waiters'), day)
  redis.call('PEXPIRE', part(gate, 'line'), day)
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
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', part(gate, 'leases'), '-inf', now)) do let_go(gate, id) end
  local most = limit(gate)
  while redis.call('ZCARD', part(gate, 'leases')) < most do
    local id, waiter = next_in_line(gate)
    if not id then break end
    tell(id, hold(gate, id, waiter[2], waiter[3], waiter[4]))
  end
end
local function token_of(gate, id)
  local record = redis.call('HGET', part(gate, 'holders'), id)
  return record and fields(record)[1]
end
)lua";

// The functions and a script, as one text.
template <std::size_t size>
consteval auto with_functions(const char (&script)[size]) {
  std::array<char, sizeof functions - 1 + size - 1> text{};
  const auto end = std::copy_n(functions, sizeof functions - 1, text.begin());
  std::copy_n(script, size - 1, end);
  return text;
}
constexpr std::string_view view(const auto& text) { return {text.data(), text.size()}; }

// Takes a gate or stands in its line; asked again with the same id it renews the place, or tells that it was
// given.
// KEYS[1] prefix
// ARGV[1] gate   [2] id   [3] owner   [4] process   [5] lease   [6] "1": wait in line
// ARGV[7] value of a semaphore, else ""
// Returns {token}: it is held; or {"", period after which to ask again, process of each holder and of those
// before it in the line (at most 32 of each)}.
constexpr auto acquire_source = with_functions(R"lua(
local gate, id, owner, process, lease = ARGV[1], ARGV[2], ARGV[3], ARGV[4], tonumber(ARGV[5])
if ARGV[7] ~= '' and redis.call('EXISTS', part(gate, 'limit')) == 0 then
  redis.call('MSET', part(gate, 'limit'), ARGV[7], part(gate, 'initial'), ARGV[7])
end
if is_free(gate) and limit(gate) > 0 then return {tostring(hold(gate, id, owner, process, lease))} end
settle(gate)
local token = token_of(gate, id)
if token then
  redis.call('DEL', wake_key(id))
  return {token}
end
local waits = redis.call('HEXISTS', part(gate, 'waiters'), id) == 1
if not waits and redis.call('ZCARD', part(gate, 'leases')) < limit(gate) then
  return {tostring(hold(gate, id, owner, process, lease))}
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
  answer[#answer + 1] = fields(redis.call('HGET', part(gate, 'holders'), holder))[4]
end
for _, other in ipairs(redis.call('LRANGE', part(gate, 'line'), 0, 31)) do
  if other == id then break end
  local record = redis.call('HGET', part(gate, 'waiters'), other)
  if record then answer[#answer + 1] = fields(record)[3] end
end
return answer
)lua");

// Stops waiting.
// KEYS[1] prefix   ARGV[1] gate   [2] id
// Returns what it had been told meanwhile (its token: it holds; "1"; "broken"), or "".
constexpr auto leave_source = with_functions(R"lua(
local gate, id = ARGV[1], ARGV[2]
leave_line(gate, id)
settle(gate)
tidy(gate)
local told = redis.call('LPOP', wake_key(id))
return token_of(gate, id) or told or ''
)lua");

// Extends a lease.
// KEYS[1] prefix   ARGV[1] gate   [2] id   [3] lease
// Returns 1, or 0: it had ended.
constexpr auto renew_source = with_functions(R"lua(
local gate, id, lease = ARGV[1], ARGV[2], tonumber(ARGV[3])
settle(gate)
local record = redis.call('HGET', part(gate, 'holders'), id)
if not record then
  tidy(gate)
  return 0
end
redis.call('ZADD', part(gate, 'leases'), now + lease, id)
redis.call('PEXPIRE', part(gate, 'holders'), day)
redis.call('PEXPIRE', part(gate, 'leases'), day)
local holder = fields(record)
redis.call('PEXPIRE', owner_key(holder[3]), day)
redis.call('PEXPIRE', owner_key(holder[4]), day)
return 1
)lua");

// Gives back; the first in line holds from now.
// KEYS[1] prefix   ARGV[1] gate   [2] id
// Returns 1, or 0: its lease had ended.
constexpr auto release_source = with_functions(R"lua(
local gate, id = ARGV[1], ARGV[2]
local ends = redis.call('ZSCORE', part(gate, 'leases'), id)
local held = ends and tonumber(ends) > now and 1 or 0
let_go(gate, id)
if tidy(gate) then return held end
settle(gate)
tidy(gate)
return held
)lua");

// Raises the value of a semaphore.
// KEYS[1] prefix   ARGV[1] gate   [2] by how much
// Returns the permits there are, held or free.
constexpr auto raise_source = with_functions(R"lua(
local permits = redis.call('INCRBY', part(ARGV[1], 'limit'), ARGV[2])
settle(ARGV[1])
tidy(ARGV[1])
return permits
)lua");

// How many permits are free; makes a semaphore that does not exist.
// KEYS[1] prefix   ARGV[1] gate   [2] value; "" asks only
// Returns {free, value with which it was made}.
constexpr auto value_source = with_functions(R"lua(
local gate = ARGV[1]
if ARGV[2] ~= '' and redis.call('EXISTS', part(gate, 'limit')) == 0 then
  redis.call('MSET', part(gate, 'limit'), ARGV[2], part(gate, 'initial'), ARGV[2])
end
settle(gate)
tidy(gate)
return {limit(gate) - redis.call('ZCARD', part(gate, 'leases')),
        tonumber(redis.call('GET', part(gate, 'initial')) or limit(gate))}
)lua");

// Gives back all that an owner holds and waits for. A barrier at which it waits is broken.
// KEYS[1] prefix   ARGV[1] owner
// Returns how many acquisitions were given back.
constexpr auto release_owner_source = with_functions(R"lua(
local released, gates = 0, {}
for _, entry in ipairs(redis.call('SMEMBERS', owner_key(ARGV[1]))) do
  local gate, id = string.match(entry, '^(.*)\n(.*)$')
  released = released + let_go(gate, id)
  if leave_line(gate, id) == 1 and string.match(gate, '^barrier:') then
    redis.call('HSET', part(gate, 'state'), 'broken', '1', 'arrived', '0')
    for other in next_in_line, gate do tell(other, 'broken') end
  end
  gates[gate] = true
end
for gate in pairs(gates) do
  settle(gate)
  tidy(gate)
end
redis.call('DEL', owner_key(ARGV[1]))
return released
)lua");

// Stands in the line of an event or a condition, or renews the place.
// KEYS[1] prefix   ARGV[1] gate   [2] id   [3] owner   [4] process   [5] lease
// Returns 1: the event is set (and it does not wait); 0: it waits; 2: it was woken already.
constexpr auto enlist_source = with_functions(R"lua(
local gate, id, owner, process, lease = ARGV[1], ARGV[2], ARGV[3], ARGV[4], tonumber(ARGV[5])
if redis.call('EXISTS', wake_key(id)) == 1 then return 2 end
if string.match(gate, '^event:') and redis.call('EXISTS', part(gate, 'state')) == 1 then
  leave_line(gate, id)
  tidy(gate)
  return 1
end
if redis.call('HEXISTS', part(gate, 'waiters'), id) == 0 then
  redis.call('RPUSH', part(gate, 'line'), id)
  enter(gate, id, owner, process)
end
stand_in_line(gate, id, owner, process, lease)
return 0
)lua");

// Wakes the first in line.
// KEYS[1] prefix   ARGV[1] gate   [2] how many; -1: all   [3] "1": sets the event; "0": only clears it
// Returns how many were woken.
constexpr auto wake_source = with_functions(R"lua(
local gate, most, woken = ARGV[1], tonumber(ARGV[2]), 0
if ARGV[3] == '1' then redis.call('SET', part(gate, 'state'), '1') end
if ARGV[3] == '0' then redis.call('DEL', part(gate, 'state')) end
while woken ~= most do
  local id = next_in_line(gate)
  if not id then break end
  tell(id, '1')
  woken = woken + 1
end
tidy(gate)
return woken
)lua");

// The flag of an event.   KEYS[1] prefix   ARGV[1] gate   Returns 1 or 0.
constexpr auto is_set_source = with_functions(R"lua(
return redis.call('EXISTS', part(ARGV[1], 'state'))
)lua");

// Arrives at a barrier, or renews the place of one who has.
// KEYS[1] prefix   ARGV[1] gate   [2] id   [3] owner   [4] process   [5] lease   [6] parties
// Returns {order of arrival, parties}; the last (order parties - 1) does not wait: it opens the barrier.
// {-1, parties}: the barrier is broken. {-2, parties}: it has another number of parties. {-3, parties}: it
// still waits, or has been told.
constexpr auto arrive_source = with_functions(R"lua(
local gate, id, owner, process, lease = ARGV[1], ARGV[2], ARGV[3], ARGV[4], tonumber(ARGV[5])
local state, parties = part(gate, 'state'), tonumber(ARGV[6])
redis.call('HSETNX', state, 'parties', parties)
local theirs = tonumber(redis.call('HGET', state, 'parties'))
if theirs ~= parties then return {-2, theirs} end
if redis.call('EXISTS', wake_key(id)) == 1 then return {-3, parties} end
if redis.call('HEXISTS', part(gate, 'waiters'), id) == 1 then
  stand_in_line(gate, id, owner, process, lease)
  return {-3, parties}
end
if redis.call('HGET', state, 'broken') == '1' then return {-1, parties} end
local order = (redis.call('HINCRBY', state, 'arrived', 1) - 1) % parties
if order < parties - 1 then
  redis.call('RPUSH', part(gate, 'line'), id)
  enter(gate, id, owner, process)
  stand_in_line(gate, id, owner, process, lease)
end
return {order, parties}
)lua");

// Changes a barrier.
// KEYS[1] prefix   ARGV[1] gate   [2] "open": those who have arrived go on; "abort"; "reset";
// "late": breaks it unless [3], an id, was told already
// Returns what that id was told, else "".
constexpr auto barrier_source = with_functions(R"lua(
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
  tidy(gate)
  return ''
end
if verb == 'late' then
  local told = redis.call('LPOP', wake_key(ARGV[3]))
  if told then return told end
end
redis.call('HSET', state, 'broken', verb == 'reset' and '0' or '1', 'arrived', '0')
for id in next_in_line, gate do tell(id, 'broken') end
if verb == 'late' then redis.call('DEL', wake_key(ARGV[3])) end
tidy(gate)
return ''
)lua");

// KEYS[1] prefix   ARGV[1] gate   Returns {how many wait, 1 if broken else 0}.
constexpr auto barrier_state_source = with_functions(R"lua(
local state = part(ARGV[1], 'state')
local parties = tonumber(redis.call('HGET', state, 'parties') or 1)
return {tonumber(redis.call('HGET', state, 'arrived') or 0) % parties, tonumber(redis.call('HGET', state, 'broken') or 0)}
)lua");

// What is held and waited for.
// KEYS[1] prefix
// Returns for each gate {gate, now, permits, {record of each holder, when its lease ends, ...},
// {record of each who waits, the first first}}.
constexpr auto list_source = with_functions(R"lua(
local answer = {}
for _, gate in ipairs(redis.call('SMEMBERS', index_key)) do
  settle(gate)
  tidy(gate)
  local holders, waiters = {}, {}
  local leases = redis.call('ZRANGE', part(gate, 'leases'), 0, -1, 'WITHSCORES')
  for i = 1, #leases, 2 do
    holders[#holders + 1] = redis.call('HGET', part(gate, 'holders'), leases[i])
    holders[#holders + 1] = leases[i + 1]
  end
  for _, id in ipairs(redis.call('LRANGE', part(gate, 'line'), 0, -1)) do
    waiters[#waiters + 1] = redis.call('HGET', part(gate, 'waiters'), id) or nil
  end
  if #holders + #waiters > 0 then answer[#answer + 1] = {gate, now, limit(gate), holders, waiters} end
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
