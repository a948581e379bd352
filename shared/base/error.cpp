#include "shared/base/error.h"

namespace joinery {
namespace {

struct Row {
  Code code;
  std::string_view word;
  bool retry;
  std::string_view meaning;
};

constexpr Row rows[] = {{Code::ok, "ok", false, "no error"},
#define X(name, number, retry, meaning) {Code::name, #name, retry, meaning},
                        JOINERY_ERRORS(X)
#undef X
};

const Row* find(Code code) {
  for (const Row& row : rows) {
    if (row.code == code) return &row;
  }
  return nullptr;
}

}  // namespace

std::string_view word(Code code) {
  const Row* row = find(code);
  return row ? row->word : "unknown_code";
}

std::string_view meaning(Code code) {
  const Row* row = find(code);
  return row ? row->meaning : "a code that this version does not know";
}

bool may_retry(Code code) {
  const Row* row = find(code);
  return row && row->retry;
}

Code code_from_number(std::uint64_t number) {
  if (number > 0xffff) return Code::internal;
  const Row* row = find(static_cast<Code>(number));
  return row ? row->code : Code::internal;
}

}  // namespace joinery
