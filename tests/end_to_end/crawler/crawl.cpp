#include "crawl.h"

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

namespace joinery::testing {
namespace {

std::vector<Json> lines_of(const std::string& path) {
  std::vector<Json> out;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) out.push_back(Json::parse(line));
  return out;
}

}  // namespace

std::unique_ptr<Process> CrawlStack::start(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), program("joinery-crawl"));
  return std::make_unique<Process>(arguments,
                                   Process::Options{.environment = {{"JOINERY_ENDPOINT", stack.endpoint()}},
                                                    .directory = {},
                                                    .input = {},
                                                    .ready = false});
}

std::string CrawlStack::crawl(std::vector<std::string> arguments, int code) {
  const auto process = start(std::move(arguments));
  EXPECT_EQ(process->wait(std::chrono::seconds(100)), code) << process->out() << process->err();
  return process->out();
}

std::map<std::string, Json> CrawlStack::pages() const {
  std::map<std::string, Json> out;
  for (Json& line : lines_of(directory() + "/pages.jsonl")) {
    EXPECT_FALSE(out.contains(line.at("url"))) << line << " stands there twice";
    out[line.at("url")] = line;
  }
  return out;
}

std::vector<Json> CrawlStack::links() const { return lines_of(directory() + "/links.jsonl"); }

std::string CrawlStack::report() const {
  std::ostringstream text;
  text << std::ifstream(directory() + "/report.html").rdbuf();
  return text.str();
}

}  // namespace joinery::testing
