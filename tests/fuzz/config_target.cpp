// The fuzzed reader of configuration files.
#include <sys/mman.h>
#include <unistd.h>

#include "shared/base/check.h"
#include "shared/base/unique_fd.h"
#include "shared/config/config.h"
#include "shared/config/toml_file.h"
#include "targets.h"

namespace joinery::fuzz {

void feed_config(Bytes bytes) {
  const unique_fd file(::memfd_create("config", MFD_CLOEXEC));
  JOINERY_CHECK(::write(file.get(), bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()));
  const auto entries = config::read_toml("/proc/self/fd/" + std::to_string(file.get()));
  if (!entries) {
    JOINERY_CHECK(entries.error().code == Code::invalid_config);
    JOINERY_CHECK(!entries.error().message.empty());
    return;
  }
  for (const config::FileEntry& entry : *entries) {
    JOINERY_CHECK(!entry.path.empty() && entry.line > 0);
    for (const std::string& value : entry.values) {
      if (const auto time = config::parse_duration(value))
        JOINERY_CHECK(config::parse_duration(config::format_duration(*time)) == *time);
      if (const auto size = config::parse_size(value))
        JOINERY_CHECK(config::parse_size(config::format_size(*size)) == *size);
      static_cast<void>(config::parse_rate(value));
    }
  }
}

std::vector<Buffer> config_corpus() {
  return {"endpoint = \"tcp://*:7733\"\n[journal]\nsegment_size = \"64MiB\" # why\ninterval = \"1h30m\"\n",
          "[queue.mail]\nmode = \"priority\"\nmaxsize = 10\n[limit.\"host:*\"]\nrate = \"5/250ms\"\n",
          "queues = [\"a\", 'b', 3, 1.5, true]\n[handler.resize]\ncommand = [\"python3\", \"x.py\"]\n"
          "env.A = \"\\u00e9\"\n",
          // Was undefined in the parser: a letter that it takes for a space, and then for none.
          "\xef\xbb\xb1"};
}

}  // namespace joinery::fuzz
