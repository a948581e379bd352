#include "shared/locks/script_call.h"

#include <algorithm>
#include <array>

#include "shared/base/exceptions.h"

namespace joinery::locks {

redis::Value call(const Manager& manager, const redis::Script& script, std::initializer_list<Bytes> arguments,
                  Repeat repeat) {
  const std::array<Bytes, 1> keys{manager.key_prefix()};
  auto reply = manager.core().eval(script, keys, {arguments.begin(), arguments.size()}, repeat);
  if (reply.kind == redis::Value::Kind::error)
    throw Exception(Code::internal, "Redis answers: " + reply.text);
  return reply;
}

void check_name(std::string_view name) {
  const bool sound = std::ranges::none_of(name, [](unsigned char c) { return c < ' ' || c == 0x7f; });
  if (name.empty() || name.size() > 255 || !sound) {
    throw ValueError("name: expected 1 to 255 bytes without control characters");
  }
}

}  // namespace joinery::locks
