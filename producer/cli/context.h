// What every command is given: the settings, the output, and a connection that is made when it is first
// needed.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "producer/cli/option_names.h"
#include "producer/cli/output.h"
#include "producer/client/joinery/client.h"
#include "shared/base/exit_code.h"
#include "shared/config/config.h"

namespace joinery::cli {

// config/producer.toml lists them.
struct Settings {
  std::string endpoint = "tcp://127.0.0.1:7733";
  config::Milliseconds timeout{std::chrono::seconds(10)};
  bool retry = false;
  bool json = false;
  std::string queue = "default";
  config::Milliseconds keep_result{std::chrono::hours(24)};
};

// The command line is wrong, which no option alone could tell: exit code 64. The field is the option that the
// message begins with, unless it is said: "--jitter: ...".
class UsageError : public ClientError {
 public:
  explicit UsageError(const std::string& message, std::string field = {})
      : ClientError({Code::invalid_argument, message, field.empty() ? field_of(message) : std::move(field)}) {
  }
};

class Context {
 public:
  Context(Settings with, std::vector<std::string> rest)
      : settings(std::move(with)), out(settings.json), tail(std::move(rest)) {}

  // Connected. Throws ClientError broker_unreachable, which says what to try; with --retry never.
  Client& client();
  // A verb of docs/protocol.md.
  Json request(const std::string& verb, const Json& arguments = Json::object());
  // A verb that lists what has names: all of `list`, a page at a time, so that no answer is too large.
  Json all_of(const std::string& verb, const char* list);
  // A verb that lists jobs, slice by slice: the first `most` of all slices.
  Json jobs(const std::string& verb, Json arguments, std::size_t most);
  // A verb that does something to a number of jobs; says how many were `done`.
  ExitCode act(const std::string& verb, const Json& arguments, std::string_view done);

  const Settings settings;
  Output out;
  // What followed the first "--" of the command line, or began with ":::".
  const std::vector<std::string> tail;

 private:
  std::unique_ptr<Client> client_;
};

}  // namespace joinery::cli
