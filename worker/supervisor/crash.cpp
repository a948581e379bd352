#include "worker/supervisor/crash.h"

#include <sys/wait.h>

#include <cstring>
#include <fstream>
#include <msgpack.hpp>

namespace joinery::worker {
namespace {

// Where the kernel put it: a path (one that is relative is in the directory of the process), or "|program".
std::string core_file(int pid) {
  std::ifstream file("/proc/sys/kernel/core_pattern");
  std::string pattern;
  std::getline(file, pattern);
  if (const auto at = pattern.find("%p"); at != std::string::npos)
    pattern.replace(at, 2, std::to_string(pid));
  return pattern;
}

}  // namespace

std::string kind_word(const Crash& crash) { return WIFSIGNALED(crash.status) ? "signal" : "exit status"; }

std::string describe(const Crash& crash) {
  if (!WIFSIGNALED(crash.status)) return "exit status " + std::to_string(WEXITSTATUS(crash.status));
  const int signal = WTERMSIG(crash.status);
  std::string text = "killed by signal " + std::to_string(signal) + " (" + ::strsignal(signal) + ")";
  if (WCOREDUMP(crash.status)) text += ", core dumped";
  if (crash.out_of_memory) text += ", probably for lack of memory";
  return text;
}

Buffer dossier(const Crash& crash, Duration ran) {
  msgpack::sbuffer out;
  msgpack::packer<msgpack::sbuffer> packer(out);
  const bool core = WIFSIGNALED(crash.status) && WCOREDUMP(crash.status);
  packer.pack_map(7 + (core ? 1U : 0U) + (crash.last_progress.empty() ? 0U : 1U));
  packer.pack("pid").pack(crash.pid);
  if (WIFSIGNALED(crash.status)) {
    packer.pack("signal").pack(WTERMSIG(crash.status));
  } else {
    packer.pack("status").pack(WEXITSTATUS(crash.status));
  }
  packer.pack("core_dumped").pack(core);
  if (core) packer.pack("core").pack(core_file(crash.pid));
  packer.pack("peak_memory_bytes").pack(crash.peak_memory_bytes);
  packer.pack("out_of_memory").pack(crash.out_of_memory);
  packer.pack("stderr").pack(crash.last_lines);
  packer.pack("ran_ms").pack(std::chrono::duration_cast<std::chrono::milliseconds>(ran).count());
  if (!crash.last_progress.empty()) packer.pack("progress").pack(crash.last_progress);
  return {out.data(), out.size()};
}

}  // namespace joinery::worker
