// A crawl by the real program, over a server that a test scripts.
#pragma once

#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "scripted_server.h"
#include "tests/support/stack.h"

namespace joinery::testing {

using Json = nlohmann::json;

// From JOINERY_SEED, or a new one; prints it.
std::mt19937 seeded_random();

class CrawlStack {
 public:
  std::unique_ptr<Process> start(std::vector<std::string> arguments);
  // To its end; fails the test if the exit code is another.
  std::string crawl(std::vector<std::string> arguments, int code = 0);

  // Of a crawl with this name.
  std::string directory(const std::string& name = "out") const { return stack.dir() / name; }
  // pages.jsonl by address.
  std::map<std::string, Json> pages(const std::string& name = "out") const;
  // The record of a page, by its line.
  std::string warc_record(const Json& line, const std::string& name = "out") const;
  std::vector<Json> links() const;
  std::string report() const;
  // Kills the worker of a crawl that runs, one of its pool processes, the broker, or the crawl itself, and
  // starts again what does not come back by itself.
  void kill_something(std::unique_ptr<Process>& crawl, std::mt19937& random);

  Stack stack;
};

}  // namespace joinery::testing
