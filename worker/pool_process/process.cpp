#include "worker/pool_process/process.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace joinery::pool_process {

[[noreturn]] void end_with_supervisor() {
  if (getpgrp() == getpid()) kill(0, SIGKILL);
  _exit(1);
}

Result<> take_over_process(int socket, int board) {
  struct stat status {};
  if (fstat(socket, &status) != 0 || !S_ISSOCK(status.st_mode)) {
    return fail(Code::invalid_argument,
                "--pool-process is for the supervisor, which starts the process with its socket");
  }
  // Commands that handlers start must not hold them.
  fcntl(socket, F_SETFD, FD_CLOEXEC);
  fcntl(board, F_SETFD, FD_CLOEXEC);

  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  for (const int number : {SIGINT, SIGTERM, SIGPIPE}) signal(number, SIG_IGN);
  // The end of the socket already tells of the supervisor's death; this tells it even to a process whose
  // threads are all stuck.
  signal(SIGHUP, [](int) { end_with_supervisor(); });
  prctl(PR_SET_PDEATHSIG, SIGHUP);

  const int nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);
  if (nothing > STDIN_FILENO) {
    dup2(nothing, STDIN_FILENO);
    close(nothing);
  }
  return {};
}

pool::Board& map_board(int descriptor, bool& shared) {
  static pool::Board own;
  struct stat status {};
  shared = false;
  if (fstat(descriptor, &status) != 0 || status.st_size < static_cast<off_t>(sizeof(pool::Board))) return own;
  void* memory = mmap(nullptr, sizeof(pool::Board), PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
  if (memory == MAP_FAILED) return own;
  shared = true;
  return *static_cast<pool::Board*>(memory);
}

}  // namespace joinery::pool_process
