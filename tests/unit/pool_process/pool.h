// Plays the supervisor of one real pool process.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "shared/base/unique_fd.h"
#include "shared/protocol/board.h"
#include "shared/protocol/pool.h"

namespace joinery::pool_process {

class Pool {
 public:
  // `ready`: wait for the ready message, which is then in `ready`.
  explicit Pool(int threads = 1, bool ready = true, std::vector<std::string> environment = {});
  // Another program than ours.
  explicit Pool(const std::vector<std::string>& argv);
  ~Pool();

  void send(const pool::Message& message);
  void send_bytes(Bytes bytes);
  // Gives the jobs to `handler`, with ids from `first`.
  void run(const std::string& handler, JobId first, const std::vector<Bytes>& payloads,
           pool::RunInfo info = {
               .queue = "mail", .content_type = {}, .soft_timeout_ms = 0, .trace = {}, .keep_result = true});
  // The next message; fails the test if none comes. Views in it are valid until the next call.
  pool::Message receive();
  template <typename M>
  M receive_a() {
    return std::get<M>(receive());
  }
  // The next `count` outcomes. Their results are kept here.
  std::vector<pool::Done::One> outcomes(std::size_t count);

  // The process's wait status.
  int wait();
  void close() { socket_.reset(); }
  pid_t pid() const { return pid_; }
  pool::Board& board() { return *board_; }

  pool::Ready ready;

 private:
  void open_and_start(const std::vector<std::string>& argv, const std::vector<std::string>& environment);
  void start(const std::vector<std::string>& argv, int socket, int board,
             const std::vector<std::string>& environment);
  bool fill();

  unique_fd socket_;
  pool::Board* board_ = nullptr;
  pid_t pid_ = -1;
  Buffer in_;
  std::size_t taken_ = 0;
  std::vector<std::string> kept_;
};

}  // namespace joinery::pool_process
