// Where callers leave their jobs, and where the client's thread takes them from, as frames: coalescing
// without a timer, and the window that makes submit wait.
//
// A frame holds jobs of one queue only, because a put to a full queue is answered when there is room, and
// nobody else shall wait for that. Per queue a few frames are under way at a time (so that throughput is not
// bound by the time of one sync); what comes meanwhile gathers in the next frame, which leaves when one of
// those is answered, or when it is full. The order of a queue's jobs stays that of the submits.
//
// Threads: any.
#pragma once

#include <condition_variable>
#include <functional>
#include <future>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <unordered_map>
#include <variant>
#include <vector>

#include "producer/client/joinery/client.h"
#include "shared/protocol/messages.h"

namespace joinery::client {

// Tells a caller what became of a submit. Called once.
class Completion {
 public:
  explicit Completion(std::promise<JobId> promise) : to_(std::move(promise)) {}
  explicit Completion(std::function<void(Result<JobId>)> call) : to_(std::move(call)) {}
  void operator()(const Result<JobId>& first);

 private:
  std::variant<std::promise<JobId>, std::function<void(Result<JobId>)>> to_;
};

// Jobs that share everything that a Group shares.
struct Draft {
  std::string handler;
  Spec spec;  // as the caller gave it: its handler is not the job's
  BatchId batch = 0;
  bool alone = false;  // takes no further submit: what is refused or accepted as a whole is one caller's
  Buffer payloads;     // one after the other
  std::vector<std::uint32_t> sizes;
  Columns columns;
  struct Submit {
    std::uint32_t jobs;
    Completion done;
  };
  std::vector<Submit> submits;  // in the order of their jobs
};

struct Frame {
  std::string queue;
  bool park = true;
  std::optional<std::uint64_t> timeout_ms;
  bool watch = false;
  std::vector<Draft> drafts;
  std::size_t jobs = 0;
  std::size_t bytes = 0;

  // The message, once: its payloads point into the drafts, their columns go with it.
  protocol::Submit message();
  void drop_payloads();
};

// What a submit of its own asks for.
Result<Group> group_of(const std::string& handler, std::span<const Bytes> payloads,
                       const SubmitOptions& options);

class Outbox {
 public:
  // `wake` is called, from any thread, when a frame may leave.
  Outbox(const ClientOptions& options, std::function<void()> wake);

  // Waits while the window is full, except in the client's own thread. `done` gets the first of consecutive
  // ids, or why not; if the arguments are wrong, before this returns.
  void submit(std::string handler, std::span<const Bytes> payloads, const SubmitOptions& options,
              Completion done);

  // For the client's thread.
  void owned_by(std::thread::id thread);
  // Takes the frames that may leave; with `all`, every one.
  std::vector<Frame> take(bool all);
  // A frame taken before was answered, one way or the other, and its callers were told.
  void settled(const Frame& frame, const std::optional<Error>& first_error);
  void set_payload_max(std::size_t bytes);
  // From now on every submit gets this error.
  void close(Error why);

  // The first error since it was asked last.
  std::optional<Error> take_error();

 private:
  // The frames of a queue, in order.
  struct Line {
    std::list<Frame> unsent;  // the last one is open: it takes further submits
    std::size_t unanswered = 0;
    bool listed = false;  // in waiting_
  };

  Result<> check(const Line& line, const std::string& handler, std::span<const Bytes> payloads,
                 const SubmitOptions& options) const;
  Result<> check_all(const std::string& handler, std::span<const Bytes> payloads,
                     const SubmitOptions& options) const;
  void wait_for_room(std::unique_lock<std::mutex>& lock, std::size_t jobs, std::size_t bytes);
  Line& line(const std::string& queue);
  Frame& open_frame(Line& line, const SubmitOptions& options);
  Draft& open_draft(Frame& frame, std::string& handler, const SubmitOptions& options, bool alone) const;
  void append(Draft& draft, std::span<const Bytes> payloads, const SubmitOptions& options);
  bool full(const Frame& frame) const;
  bool may_leave(const Line& line) const;
  void forget_idle_lines();

  const std::size_t window_jobs_;
  const std::size_t window_bytes_;
  const std::size_t frame_jobs_;
  const std::function<void()> wake_;

  std::mutex mutex_;
  std::condition_variable room_;
  std::size_t waiters_ = 0;
  std::unordered_map<std::string, Line> lines_;
  static constexpr std::size_t idle_lines_max = 1024;
  std::size_t lines_max_ = idle_lines_max;  // when idle ones are looked for
  std::pair<const std::string, Line>* last_line_ = nullptr;
  std::vector<Line*> waiting_;  // with unsent frames
  std::size_t jobs_ = 0;        // under way, unsent ones too
  std::size_t bytes_ = 0;
  std::size_t payload_max_ = limits::payload_max_default;
  bool woken_ = false;  // since the last take()
  std::optional<Error> closed_;
  std::optional<Error> first_error_;
  std::thread::id owner_;
};

}  // namespace joinery::client
