#include "producer/cli/bench/flags.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "producer/cli/context.h"

namespace joinery::cli::bench {
namespace {

using Asked = std::optional<std::uint64_t>;

template <std::optional<std::uint64_t> Flags::*flag>
Asked of(const Flags& flags) {
  return flags.*flag;
}
// Of a flag that has one default for all: said, if it is another.
template <std::uint64_t Flags::*flag>
Asked of(const Flags& flags) {
  return flags.*flag == Flags{}.*flag ? std::nullopt : Asked(flags.*flag);
}

struct Flag {
  const char* name;
  Asked (*asked)(const Flags&);
  const char* users;  // scenarios, each with a blank around
};
constexpr Flag table[] = {
    {"--jobs", of<&Flags::jobs>,
     " flood single put drain idle results payloads queues keys clients backlog restart "},
    {"--payload", of<&Flags::payload>,
     " flood single put drain idle load results payloads queues keys limits clients backlog restart "},
    {"--batch", of<&Flags::batch>, " flood put drain results payloads queues clients backlog restart "},
    {"--window", of<&Flags::window>,
     " flood single put drain load results payloads queues keys limits clients backlog restart "},
    {"--clients", of<&Flags::clients>, " flood single put drain results payloads clients "},
    {"--workers", of<&Flags::workers>,
     " flood single drain idle load rest results payloads keys limits clients backlog "},
    {"--processes", of<&Flags::processes>,
     " flood single drain idle load rest results payloads queues keys limits clients backlog "},
    {"--queues", of<&Flags::queues>, " flood single put queues "},
    {"--keys", of<&Flags::keys>, " flood single put drain results payloads keys limits "},
    {"--rate", of<&Flags::rate>, " load "},
    {"--seconds", of<&Flags::seconds>, " load rest "},
};

// What the targets are about: a smaller run says little of them.
struct Size {
  std::string_view scenario;
  std::string_view flag;
  std::uint64_t least;
};
constexpr Size sizes[] = {
    {"flood", "--jobs", 1'000'000},    {"flood", "--payload", 100},       {"single", "--jobs", 300'000},
    {"single", "--payload", 100},      {"idle", "--jobs", 500},           {"load", "--seconds", 10},
    {"rest", "--seconds", 10},         {"payloads", "--jobs", 500},       {"queues", "--queues", 100'000},
    {"queues", "--jobs", 800'000},     {"keys", "--keys", 1'000'000},     {"keys", "--jobs", 1'000'000},
    {"limits", "--keys", 1'000'000},   {"clients", "--clients", 10'000},  {"clients", "--jobs", 1'000'000},
    {"backlog", "--jobs", 10'000'000}, {"restart", "--jobs", 10'000'000},
};

Asked asked(const Flags& flags, std::string_view name) {
  const auto names = [](const Flag& flag) { return std::string_view(flag.name); };
  return std::ranges::find(table, name, names)->asked(flags);
}

bool uses(const Flag& flag, std::string_view scenario) {
  return std::string_view(flag.users).find(fmt::format(" {} ", scenario)) != std::string_view::npos;
}

}  // namespace

void check_used(const Flags& flags, std::span<const std::string_view> scenarios) {
  for (const Flag& flag : table) {
    const auto used = [&flag](std::string_view scenario) { return uses(flag, scenario); };
    if (!flag.asked(flags) || std::ranges::any_of(scenarios, used)) continue;
    throw UsageError(fmt::format("{}: {} {} not use it", flag.name, fmt::join(scenarios, ", "),
                                 scenarios.size() == 1 ? "does" : "do"));
  }
}

void check_dir(const Flags& flags) {
  struct stat dir {};
  if (::stat(flags.dir.c_str(), &dir) != 0)
    throw UsageError(fmt::format("--dir: {}: {}", flags.dir, std::strerror(errno)));
  if (!S_ISDIR(dir.st_mode)) throw UsageError(fmt::format("--dir: {} is no directory", flags.dir));
  if (::access(flags.dir.c_str(), W_OK | X_OK) != 0)
    throw UsageError(fmt::format("--dir: {} cannot be written: {}", flags.dir, std::strerror(errno)));
  constexpr std::size_t most = sizeof sockaddr_un{}.sun_path - sizeof "/joinery-bench-run-XXXXXX/broker";
  if (flags.dir.size() > most)
    throw UsageError(fmt::format("--dir: has {} bytes; expected at most {}, as unix sockets are below it",
                                 flags.dir.size(), most));
}

bool full_size(const Flags& flags, std::string_view scenario) {
  return std::ranges::all_of(sizes, [&](const Size& size) {
    return size.scenario != scenario || asked(flags, size.flag).value_or(size.least) >= size.least;
  });
}

}  // namespace joinery::cli::bench
