#include "tests/support/exec_payload.h"

#include "shared/base/check.h"

namespace joinery::testing {

Buffer exec_payload(const std::vector<std::string>& argv) {
  JOINERY_CHECK(argv.size() < 16);
  Buffer out =
      "\x81\xa4"
      "argv";
  out += static_cast<char>(0x90U | argv.size());
  for (const std::string& word : argv) {
    out += '\xdb';
    for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>(word.size() >> shift & 0xffU);
    out += word;
  }
  return out;
}

}  // namespace joinery::testing
