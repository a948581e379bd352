#include "../unit/protocol/fixtures.h"
#include "shared/protocol/pool.h"
#include "shared/protocol/value.h"
#include "targets.h"

namespace joinery::fuzz {
namespace {

std::vector<pool::Message> pool_messages() {
  pool::Done done;
  done.outcomes.resize(3);
  done.outcomes[0].job = 1'000'000;
  done.outcomes[1] = {.job = 2,
                      .ok = false,
                      .result = {},
                      .failure = {Code::handler_error, "E", "m", "w", ""},
                      .retry = false,
                      .children = {}};
  done.outcomes[2] = {.job = 3,
                      .ok = true,
                      .result = "r",
                      .failure = {},
                      .retry = true,
                      .children = {protocol::full_group()}};
  return {pool::Ready{pool::version, {"a", "b"}, true},
          pool::Run{"resize", {"mail", "text/plain", 500, "trace", true}, {{{1, 2, 3}, 4, "payload"}}},
          done,
          pool::Progress{7, 0.5, "half"},
          pool::Log{7, "info", "line"},
          pool::Cancel{7, Code::cancelled},
          pool::Stop{},
          pool::Hold{7, {"host:x", 500, 1'700'000'000'000}}};
}

}  // namespace

std::vector<Buffer> pool_corpus() {
  std::vector<Buffer> all;
  for (const auto& message : pool_messages()) pool::encode(message, all.emplace_back());
  return all;
}

std::vector<Buffer> wire_corpus() {
  std::vector<Buffer> all;
  for (const auto& message : protocol::one_of_each()) protocol::encode(message, all.emplace_back());
  protocol::encode_spec(protocol::full_spec(), all.emplace_back());
  using protocol::Value;
  const Value argv = Value::array().push("sh").push("-c").push("exit 3");
  all.push_back(
      protocol::encode(Value::map().set("argv", argv).set("stdin", Value::bin("x")).set("n", -1.5)));
  return all;
}

}  // namespace joinery::fuzz
