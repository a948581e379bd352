// Files of JSON lines that many processes write at a time, each its own, and that are read while they grow.
#pragma once

#include <functional>
#include <mutex>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace crawler {

using Json = nlohmann::json;

// Appends whole lines. Threads: any.
class LineWriter {
 public:
  explicit LineWriter(std::string path) : path_(std::move(path)) {}
  ~LineWriter();
  LineWriter(const LineWriter&) = delete;
  LineWriter& operator=(const LineWriter&) = delete;

  // Keys in the order of the alphabet. Throws std::system_error.
  void append(const Json& line);
  void append(std::string line);  // JSON, without the end of its line

 private:
  const std::string path_;
  std::mutex mutex_;
  int file_ = -1;
};

// Appends the text as a JSON string. Addresses have no need of escapes but for their backslashes.
void append_json(std::string& out, std::string_view ascii);

// Reads what has come since the last time; keeps a line without its end for the next one.
class LineTail {
 public:
  explicit LineTail(std::string path) : path_(std::move(path)) {}
  void read(const std::function<void(std::string_view line)>& call);

 private:
  const std::string path_;
  std::uint64_t offset_ = 0;
};

// The lines of a file that are JSON objects: what a killed process left half-written is passed over.
void each_line(const std::string& path, const std::function<void(Json line)>& call);

}  // namespace crawler
