#include "crawl.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <zlib.h>

#include <cstdlib>
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

std::string gunzipped(const std::string& file, std::uint64_t offset, std::uint64_t length) {
  std::ifstream in(file, std::ios::binary);
  in.seekg(static_cast<std::streamoff>(offset));
  std::string packed(length, '\0');
  in.read(packed.data(), static_cast<std::streamsize>(length));
  z_stream stream{};
  inflateInit2(&stream, 31);
  std::string out(1 << 20, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_in = static_cast<uInt>(packed.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(inflate(&stream, Z_FINISH), Z_STREAM_END);
  EXPECT_EQ(stream.avail_in, 0U) << "a record is one member";
  out.resize(stream.total_out);
  inflateEnd(&stream);
  return out;
}

}  // namespace

std::mt19937 seeded_random() {
  const char* given = std::getenv("JOINERY_SEED");
  const unsigned seed = given != nullptr ? static_cast<unsigned>(std::atol(given)) : std::random_device()();
  std::printf("JOINERY_SEED=%u\n", seed);
  return std::mt19937(seed);
}

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

std::map<std::string, Json> CrawlStack::pages(const std::string& name) const {
  std::map<std::string, Json> out;
  for (Json& line : lines_of(directory(name) + "/pages.jsonl")) {
    EXPECT_FALSE(out.contains(line.at("url"))) << line << " stands there twice";
    out[line.at("url")] = line;
  }
  return out;
}

std::vector<Json> CrawlStack::links() const { return lines_of(directory() + "/links.jsonl"); }

std::string CrawlStack::warc_record(const Json& line, const std::string& name) const {
  const Json& place = line.at("warc");
  return gunzipped(directory(name) + "/warc/" + std::string(place.at("file")), place.at("offset"),
                   place.at("length"));
}

void CrawlStack::kill_something(std::unique_ptr<Process>& crawl, std::mt19937& random) {
  const auto workers = children_of(crawl->pid());
  const auto pools = workers.empty() ? workers : children_of(workers.front());
  switch (random() % 4) {
    case 0:
      if (!workers.empty()) kill(workers.front(), SIGKILL);
      break;
    case 1:
      stack.broker().signal(SIGKILL);
      stack.broker().wait();
      stack.start_broker();
      break;
    case 2:
      crawl->signal(SIGKILL);
      crawl->wait();
      crawl = start({"resume", directory(), "--processes", "2", "--threads", "4"});
      break;
    default:
      if (!pools.empty()) kill(pools[random() % pools.size()], SIGKILL);
  }
}

std::string CrawlStack::report() const {
  std::ostringstream text;
  text << std::ifstream(directory() + "/report.html").rdbuf();
  return text.str();
}

}  // namespace joinery::testing
