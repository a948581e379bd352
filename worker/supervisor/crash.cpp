#include "worker/supervisor/crash.h"

#include <sys/wait.h>

#include <cstring>
#include <msgpack.hpp>

namespace joinery::worker {

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
  packer.pack_map(crash.last_progress.empty() ? 7 : 8);
  packer.pack("pid").pack(crash.pid);
  if (WIFSIGNALED(crash.status)) {
    packer.pack("signal").pack(WTERMSIG(crash.status));
  } else {
    packer.pack("status").pack(WEXITSTATUS(crash.status));
  }
  packer.pack("core_dumped").pack(WIFSIGNALED(crash.status) && WCOREDUMP(crash.status));
  packer.pack("peak_memory_bytes").pack(crash.peak_memory_bytes);
  packer.pack("out_of_memory").pack(crash.out_of_memory);
  packer.pack("stderr").pack(crash.last_lines);
  packer.pack("ran_ms").pack(std::chrono::duration_cast<std::chrono::milliseconds>(ran).count());
  if (!crash.last_progress.empty()) packer.pack("progress").pack(crash.last_progress);
  return {out.data(), out.size()};
}

}  // namespace joinery::worker
