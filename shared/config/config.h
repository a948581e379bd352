// One table of options per program, from which flags, environment variables, the TOML file, --help and
// --print-config follow. Precedence: flag, environment (JOINERY_*), file, default.
//
//   struct BrokerConfig { std::string endpoint = "tcp://127.0.0.1:7733"; ... };
//   BrokerConfig config;
//   config::Options options("joinery-broker", "Accepts, keeps and hands out jobs", "broker.toml");
//   options.add("endpoint", config.endpoint, "ZeroMQ endpoint to listen on");
//   options.add("journal.segment_size", config.segment_bytes, "size of a segment", config::bytes);
//   if (auto done = options.parse(argc, argv)) return *done;  // --help, --version, --print-config, or an
//                                                             // error that was told
//
// Names are dotted: "journal.segment_size" is the flag --journal-segment-size, the variable
// JOINERY_JOURNAL_SEGMENT_SIZE, and key segment_size in table [journal] of the file. Durations take "250ms",
// "5s", "2m", "1h", "7d"; sizes take "64KiB", "16MiB", "1GB", or plain numbers with the unit named in the
// help. A key or flag that is not known is an error that names it, the file and line, and the nearest known
// one. A variable JOINERY_* that is not known but near a known one is named in a warning only, as the
// environment is shared with the other programs. An empty variable is as good as none; lists take commas.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "shared/base/error.h"

namespace CLI {
class App;
}

namespace joinery::config {

// Parses "1.5s", "250ms", "2m", "1h30m", "7d", "0". Error: invalid_config with what was expected.
Result<std::chrono::milliseconds> parse_duration(std::string_view text);
std::string format_duration(std::chrono::milliseconds value);
// Parses "10/s", "1000/h", "5/250ms": so many per time; neither is 0.
struct Rate {
  std::uint32_t number = 0;
  std::chrono::milliseconds period{0};
};
Result<Rate> parse_rate(std::string_view text);
// Parses "16MiB", "64KiB", "1GB", "4096".
Result<std::uint64_t> parse_size(std::string_view text);
std::string format_size(std::uint64_t value);
// The known word nearest to `text` by edit distance, if it is near enough to be meant.
std::optional<std::string> nearest(std::string_view text, const std::vector<std::string>& known);

// The words of log.level in every program; "warning" is taken as warn.
extern const std::vector<std::string> log_levels;

// Tags for how a number is written.
struct Bytes {
  std::uint64_t value = 0;
};
struct Milliseconds {
  std::chrono::milliseconds value{0};
};

class Options {
 public:
  // `file_name`: looked for as --config FILE, $JOINERY_CONFIG_DIR/file_name, /etc/joinery/file_name; none is
  // no error unless named.
  Options(std::string program, std::string description, std::string file_name);
  ~Options();

  void add(const std::string& name, std::string& value, const std::string& help);
  void add(const std::string& name, bool& value, const std::string& help);
  void add(const std::string& name, std::uint32_t& value, const std::string& help, std::uint32_t least = 0,
           std::uint32_t most = UINT32_MAX);
  void add(const std::string& name, Bytes& value, const std::string& help);
  void add(const std::string& name, Milliseconds& value, const std::string& help);
  void add(const std::string& name, std::vector<std::string>& value, const std::string& help);
  // One of a few words.
  void add(const std::string& name, std::string& value, const std::string& help,
           const std::vector<std::string>& words);
  // --print-config shows what `show` makes of the value: it has a secret in it.
  void show_as(const std::string& name, std::function<std::string(const std::string&)> show);
  // reload() gives it the value of the file, or its default, unless a flag or a variable sets it.
  void reloadable(const std::string& name);
  // Tables of the file with names of the user's choice ("queue.mail", "handler.resize"): called for each,
  // with the table's name and its keys and values; an error it returns is told with file and line. `keys` are
  // those known; "env.*" knows every key of an inner table.
  using Table = std::vector<std::pair<std::string, std::vector<std::string>>>;
  void tables(const std::string& prefix, const std::vector<std::string>& keys,
              std::function<Result<>(const std::string& name, const Table& entries)> take);
  // Shown at the end of --help.
  void examples(const std::string& text);
  // For what only the program knows: positionals, subcommands.
  CLI::App& app();

  // Tells a mistake in another way than as a line on stderr: invalid_argument for the command line,
  // invalid_config for file and environment.
  void on_mistake(std::function<void(const Error&)> tell);

  // nullopt: go on. Else the exit code: help, version and print-config are 0; mistakes were told on stderr.
  std::optional<int> parse(int argc, const char* const* argv);
  // Reads the file again (SIGHUP), checks all of it, and calls the table callbacks again; options that are
  // not reloadable keep their values.
  Result<> reload();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace joinery::config
