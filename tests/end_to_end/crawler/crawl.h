// A crawl by the real program, over a server that a test scripts.
#pragma once

#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "scripted_server.h"
#include "tests/support/stack.h"

namespace joinery::testing {

using Json = nlohmann::json;

class CrawlStack {
 public:
  std::unique_ptr<Process> start(std::vector<std::string> arguments);
  // To its end; fails the test if the exit code is another.
  std::string crawl(std::vector<std::string> arguments, int code = 0);

  std::string directory() const { return stack.dir() / "out"; }
  // pages.jsonl by address.
  std::map<std::string, Json> pages() const;
  std::vector<Json> links() const;
  std::string report() const;

  Stack stack;
};

}  // namespace joinery::testing
