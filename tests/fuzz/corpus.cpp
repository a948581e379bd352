#include "../unit/protocol/pool_fixtures.h"
#include "shared/protocol/value.h"
#include "targets.h"

namespace joinery::fuzz {

std::vector<Buffer> pool_corpus() {
  std::vector<Buffer> all;
  for (const auto& message : pool::one_of_each()) pool::encode(message, all.emplace_back());
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
