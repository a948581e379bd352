// A pool process as the supervisor sees it: descriptors, buffers in and out, its board, its last words.
// Passive: it moves bytes when it is told to and decides nothing.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "shared/base/unique_fd.h"
#include "shared/protocol/board.h"
#include "shared/protocol/pool.h"
#include "worker/supervisor/pool_plan.h"

namespace joinery::worker {

// Read-only view of the board's page.
class BoardView {
 public:
  BoardView() = default;
  explicit BoardView(int memory);  // maps it; unmapped with the object
  BoardView(BoardView&& other) noexcept : board_(std::exchange(other.board_, nullptr)) {}
  BoardView& operator=(BoardView&& other) noexcept {
    std::swap(board_, other.board_);
    return *this;
  }
  ~BoardView();
  void running(std::vector<Running>& out) const;

 private:
  const pool::Board* board_ = nullptr;
};

// What a runner hands over: see process_runner.h.
struct Spawned {
  int pid = 0;
  unique_fd alive;   // pidfd: readable when it has ended
  unique_fd socket;  // non-blocking
  unique_fd output;  // its stdout and stderr, non-blocking
  BoardView board;
};

class PoolProcess {
 public:
  explicit PoolProcess(Spawned spawned) : spawned_(std::move(spawned)) {}

  int pid() const { return spawned_.pid; }
  int alive() const { return spawned_.alive.get(); }
  int socket() const { return spawned_.socket.get(); }
  int output() const { return spawned_.output.get(); }
  const BoardView& board() const { return spawned_.board; }

  // Queue up messages; payloads are copied.
  void run(std::span<Job* const> jobs, bool one_by_one);
  void send(const pool::Message& message);
  // Writes what the socket takes. False: there is more, call again when it is writable.
  bool flush();

  // Reads what has come, at most `most` bytes. False: it closed its end.
  bool read(std::size_t most);
  // Takes what was read, in order: first as many plain successes as there are (appended to `succeeded`), else
  // one message. False: nothing complete is left; then compact() before the next read. Views in `message`
  // last until then.
  Result<bool> take(std::vector<JobId>& succeeded, pool::Message& message);
  void compact();

  // Reads what it wrote; `text` is what is new. False: closed.
  bool read_output(std::string& text);
  const std::string& last_lines() const { return last_lines_; }

 private:
  Spawned spawned_;
  Buffer out_;
  std::size_t written_ = 0;
  Buffer in_;
  std::size_t taken_ = 0;
  std::string last_lines_;
  pool::Message run_ = pool::Run{};  // its memory is used again
};

// The whole of a done frame with nothing but successes: appends its jobs and returns its size. 0: it is
// something else, or not complete. (A job costs a few nanoseconds here, and a hundred in a pool::Done.)
std::size_t take_plain_done(Bytes stream, std::vector<JobId>& jobs);

}  // namespace joinery::worker
