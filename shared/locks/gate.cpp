#include "shared/locks/gate.h"

#include <array>

#include <fmt/format.h>

#include "shared/locks/script_call.h"
#include "shared/locks/scripts.h"
#include "shared/locks/waiter.h"

namespace joinery::locks {
namespace {

using std::chrono::milliseconds;

std::string_view bare(std::string_view gate) { return gate.substr(gate.find(':') + 1); }

}  // namespace

Hold::Hold(std::string id, std::string record)
    : id_(std::move(id)), record_(std::move(record)), fence_(std::stoull(record_.substr(id_.size() + 1))) {}

bool Hold::lost() const {
  if (!lost_ && read_clocks().mono >= until_.load()) lost_ = true;
  return lost_;
}

Gate::Gate(const Manager& manager, std::string gate, std::string value, Options options)
    : manager_(manager), gate_(std::move(gate)), value_(std::move(value)), lease_(options.lease) {
  check_name(bare(gate_));
  if (lease_ < milliseconds(100) || lease_ > std::chrono::hours(1)) {
    throw ValueError("lease: expected 100 ms to an hour");
  }
}

std::string Gate::lease_text() const { return std::to_string(lease_.count()); }

redis::Value Gate::ask(const std::string& id, bool wait) {
  return call(
      manager_, acquire_script,
      {gate_, id, manager_.owner(), manager_.core().process(), lease_text(), wait ? "1" : "0", value_},
      Repeat::safe);
}

Timeout Gate::patience(bool blocking, const Timeout& timeout) {
  if (blocking) return timeout;
  if (timeout) throw ValueError("timeout: not with blocking = false, which does not wait");
  return Seconds(0);
}

std::shared_ptr<Hold> Gate::acquire(const Timeout& timeout) {
  const Mono deadline = deadline_of(timeout);
  const bool wait = deadline > read_clocks().mono;
  Waiter waiter(manager_);
  // An exception leaves its place in the line behind: that ends with its lease, as what it may be given
  // there.
  for (;;) {
    const Mono asked = read_clocks().mono;
    const redis::Value answer = ask(waiter.id(), wait);
    if (!answer.list.at(0).text.empty()) return held(waiter.id(), answer.list[0].text, asked, false);
    if (!wait) return nullptr;
    watch_owners(manager_, std::span(answer.list).subspan(2));
    if (waiter.sleep(milliseconds(answer.list.at(1).integer), deadline) == Waiter::Wake::told) {
      return held(waiter.id(), waiter.word(), read_clocks().mono, true);
    }
    if (read_clocks().mono >= deadline) return leave(waiter.id());
  }
}

// Out of time. The lock may have come at the last moment: then it is taken.
std::shared_ptr<Hold> Gate::leave(const std::string& id) {
  const redis::Value told = call(manager_, leave_script, {gate_, id}, Repeat::safe);
  return told.text.empty() ? nullptr : held(id, told.text, read_clocks().mono, true);
}

// When the lease of a lock that was handed over began is not known: its first renewal is at once.
std::shared_ptr<Hold> Gate::held(const std::string& id, const std::string& record, Mono since,
                                 bool handed_over) {
  auto hold = std::make_shared<Hold>(id, record);
  hold->until_ = since + lease_;
  const auto renew = [hold, gate = gate_, prefix = manager_.key_prefix(),
                      lease = lease_](redis::Client& redis) {
    if (hold->lost()) return true;
    const Mono now = read_clocks().mono;
    const std::string lease_ms = std::to_string(lease.count());
    const auto reply = redis.eval(renew_script, std::array<Bytes, 1>{prefix},
                                  std::array<Bytes, 3>{gate, hold->record_, lease_ms});
    if (!reply || reply->kind != redis::Value::Kind::integer) return false;
    if (reply->integer == 1) {
      hold->until_ = now + lease;
    } else {
      hold->lost_ = true;
    }
    return true;
  };
  const Duration every = lease_ / 3;
  hold->renewal_ = manager_.core().keeper().keep(every, handed_over ? Duration(0) : every, renew);
  return hold;
}

void Gate::abandon(Hold& hold) { manager_.core().keeper().forget(hold.renewal_); }

void Gate::release(Hold& hold) {
  abandon(hold);
  const bool lost = hold.lost();  // to the holder, though Redis may have seen a renewal just in time
  const auto give_back = [&](Repeat repeat) {
    return call(manager_, release_script,
                {gate_, hold.record_, hold.id_, manager_.owner(), manager_.core().process()}, repeat)
               .integer == 1;
  };
  bool held = false;
  try {
    held = give_back(Repeat::never);
  } catch (const Exception& error) {
    if (error.code() != Code::redis_unreachable) throw;
    give_back(Repeat::safe);  // a second time: what it answers may be the first one's doing
    held = true;
  }
  if (!held || lost) {
    throw LockLost(
        fmt::format("the lease of '{}' ended before it was released: its holder was stopped, or Redis "
                    "away, for longer than {} ms",
                    bare(gate_), lease_.count()));
  }
}

}  // namespace joinery::locks
