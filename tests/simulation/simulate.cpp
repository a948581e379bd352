#include "tests/simulation/simulate.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <exception>

#include "shared/base/check.h"
#include "shared/base/unique_fd.h"
#include "tests/simulation/world.h"

namespace joinery::simulation {
namespace {

constexpr unsigned seconds_most = 120;

void write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(fd, text.data(), text.size());
    if (written <= 0) return;
    text.remove_prefix(static_cast<std::size_t>(written));
  }
}

// Lines go out as they are told, so that they are there whatever ends the process.
[[noreturn]] void run_here(std::uint64_t seed, const std::vector<Step>& steps, int out) {
  ::alarm(seconds_most);
  ::dup2(out, STDERR_FILENO);
  spdlog::set_level(spdlog::level::off);
  int result = 0;
  try {
    World world(seed, [&](const std::string& line) { write_all(out, line + "\n"); });
    world.run(steps);
  } catch (const std::exception& broken) {
    write_all(out, fmt::format("FAILED: {}\n", broken.what()));
    result = 1;
  }
  std::_Exit(result);
}

std::string read_all(int fd) {
  std::string text;
  std::array<char, 65536> buffer{};
  for (ssize_t got = 0; (got = ::read(fd, buffer.data(), buffer.size())) > 0;)
    text.append(buffer.data(), static_cast<std::size_t>(got));
  return text;
}

}  // namespace

Verdict simulate(std::uint64_t seed, const std::vector<Step>& steps) {
  int ends[2];
  JOINERY_CHECK(::pipe(ends) == 0);
  const unique_fd in(ends[0]);
  unique_fd out(ends[1]);
  const pid_t child = ::fork();
  JOINERY_CHECK(child >= 0);
  if (child == 0) run_here(seed, steps, out.get());
  out.reset();
  Verdict verdict{.failure = {}, .history = read_all(in.get())};
  int status = 0;
  ::waitpid(child, &status, 0);
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return verdict;
  const auto last = verdict.history.rfind('\n', verdict.history.size() - 2);
  verdict.failure = verdict.history.substr(last == std::string::npos ? 0 : last + 1);
  if (const auto failed = verdict.history.find("FAILED: "); failed != std::string::npos)
    verdict.failure = verdict.history.substr(failed);
  if (WIFSIGNALED(status)) verdict.failure += fmt::format(" (signal {})", WTERMSIG(status));
  return verdict;
}

std::vector<Step> shrink(std::uint64_t seed, std::vector<Step> steps, std::size_t tries) {
  for (std::size_t piece = std::max<std::size_t>(1, steps.size() / 2); tries != 0;) {
    bool shorter = false;
    for (std::size_t from = 0; from < steps.size() && tries != 0;) {
      std::vector<Step> fewer(steps.begin(), steps.begin() + static_cast<std::ptrdiff_t>(from));
      const std::size_t behind = std::min(steps.size(), from + piece);
      fewer.insert(fewer.end(), steps.begin() + static_cast<std::ptrdiff_t>(behind), steps.end());
      --tries;
      if (simulate(seed, fewer).failure.empty()) {
        from += piece;
      } else {
        steps = std::move(fewer);
        shorter = true;
      }
    }
    if (piece == 1 && !shorter) break;
    piece = std::max<std::size_t>(1, piece / 2);
  }
  return steps;
}

}  // namespace joinery::simulation
