// The keys and scripts of locks. A "gate" is the one thing that Lock and Semaphore are: holders, at most as
// many as its limit, and a line of those who wait. Event, Condition and Barrier use the line only. A gate's
// name begins with its kind: "lock:stock", "semaphore:doors", "event:...", "condition:...", "barrier:...".
//
// Keys, below the prefix of the namespace ("joinery:{shop}:", KEYS[1] of every script; the others follow from
// it, and share its slot in a cluster). Idle gates leave no keys, but for the value of a semaphore, the flag
// of an event, and the state of a barrier.
//
//   lock:GATE:leases     sorted set of acquisitions, each as its record (id \n token \n since \n owner \n
//                        process \n lease), by the end of its lease
//   lock:GATE:line       list: ids of those who wait, the first first
//   lock:GATE:waiters    hash: id -> until when it is believed \n owner \n process \n lease
//   lock:GATE:limit      string: permits of a semaphore now
//   lock:GATE:initial    string: ... and as its constructor named them
//   lock:GATE:state      event: "1" if set; barrier: hash of parties, arrived, broken
//   wake:ID              list: what ID is told: its record, "1", or "broken"
//   locks                sorted set, by name: OWNER \n GATE \n ID of everything that is held or waited for;
//                        and the same under the process of the owner
//   swept                string: the last of these that was looked at in search of the dead
//   fence                string: the last token
//
// Times are Unix milliseconds of the server's clock, periods milliseconds.
#pragma once

#include <string>
#include <string_view>

#include "shared/redis/redis.h"

namespace joinery::locks {

// The only keys that are named outside the scripts.
inline std::string wake_key(std::string_view prefix, std::string_view id) {
  return std::string(prefix) + "wake:" + std::string(id);
}

// What each takes and returns stands above it in scripts.cpp.
extern const redis::Script acquire_script;
extern const redis::Script leave_script;
extern const redis::Script renew_script;
extern const redis::Script release_script;
extern const redis::Script raise_script;
extern const redis::Script value_script;
extern const redis::Script release_owner_script;
extern const redis::Script enlist_script;
extern const redis::Script wake_script;
extern const redis::Script is_set_script;
extern const redis::Script arrive_script;
extern const redis::Script barrier_script;
extern const redis::Script barrier_state_script;
extern const redis::Script list_script;

}  // namespace joinery::locks
