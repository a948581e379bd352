#include "producer/client/impl.h"

#include <fmt/format.h>

#include "shared/base/check.h"
#include "shared/base/longest_wait.h"

namespace joinery {
namespace {

client::Session::Options session_options(const ClientOptions& options) {
  client::Session::Options session;
  session.hello =
      client::new_hello(options.tool ? protocol::Role::tool : protocol::Role::producer, options.name);
  session.endpoint = options.endpoint;
  if (options.timeout.count() >= 0) session.timeout = at_longest(options.timeout);
  return session;
}

// The client whose thread this is at the moment, and the one that is not to be woken by what this thread
// submits.
thread_local const void* running_client = nullptr;
thread_local const void* unwoken = nullptr;

class Mark {
 public:
  Mark(const void*& mark, const void* client) : mark_(mark), before_(std::exchange(mark, client)) {}
  ~Mark() { mark_ = before_; }
  Mark(const Mark&) = delete;
  Mark& operator=(const Mark&) = delete;

 private:
  const void*& mark_;
  const void* before_;
};

}  // namespace

// While there is one, the thread that made it is the client's, also if a callback throws in it.
class Client::Impl::StandIn {
 public:
  // REQUIRES: turn_mutex_, here and in the destructor.
  explicit StandIn(Impl& client) : client_(client) {
    client_.attended_ = true;
    client_.link_.stand_in(true);
    client_.outbox_.owned_by(std::this_thread::get_id());
  }
  ~StandIn() {
    client_.outbox_.owned_by(client_.thread_.get_id());
    client_.link_.stand_in(false);
    client_.attended_ = false;
    if (client_.stopped_ || client_.next_deadline() < client_.asleep_until_) client_.link_.wake();
  }
  StandIn(const StandIn&) = delete;
  StandIn& operator=(const StandIn&) = delete;

 private:
  Impl& client_;
};

bool Client::Impl::running() const { return running_client == this; }

Client::Impl::Impl(ClientOptions options)
    : options_(std::move(options)),
      link_(options_.endpoint),
      outbox_(options_,
              [this] {
                if (unwoken != this) link_.wake();
              }),
      session_(
          session_options(options_), [this](Bytes frame) { return link_.send(frame); }, read_clocks()),
      watches_(session_) {
  session_.on_welcome = [this](const protocol::Welcome& welcome) { welcomed(welcome); };
  session_.on_outcomes = [this](protocol::Outcomes& outcomes) { watches_.take(outcomes); };
  thread_ = client::quiet_thread([this] { run(); });
}

Client::Impl::~Impl() { close(); }

void Client::Impl::close() {
  if (closed()) return;
  post([this](Now now) { stop(now); });
  thread_.join();
  link_.close();
}

void Client::Impl::post(Task task) {
  {
    const std::lock_guard lock(tasks_mutex_);
    tasks_.push_back(std::move(task));
  }
  link_.wake();
}

void Client::Impl::run() {
  const Mark as_client(running_client, this);
  outbox_.owned_by(std::this_thread::get_id());
  std::unique_lock lock(turn_mutex_);
  while (!stopped_) {
    if (attended_) {
      link_.recall();
      asleep_until_ = never_mono;
    } else {
      turn();
      if (stopped_) break;
      // Sending can take the socket's signal away, so it is asked before each sleep.
      if (drain(read_clocks())) continue;
      asleep_until_ = next_deadline();
    }
    lock.unlock();
    link_.sleep_until(asleep_until_);
    lock.lock();
  }
}

// Everything but to receive.
void Client::Impl::turn() {
  const Now now = read_clocks();
  take_changes(now);
  run_tasks(now);
  if (stopped_) return;
  send_frames(now, false);
  if (session_.tick(now)) link_.open();
  watches_.tick(now);
  complete_waiting(now);
}

bool Client::Impl::attend(const std::function<void()>& begin, const std::function<bool()>& done) {
  begin_quietly(begin);
  std::unique_lock lock(turn_mutex_, std::defer_lock);
  // Not from a callback, whose thread has it already, nor behind one that takes its time.
  if (running() || !lock.try_lock() || attended_ || stopped_) {
    link_.wake();
    return false;
  }
  const StandIn here(*this);
  attend_until(lock, done);
  return !stopped_;
}

// What it submits does not wake the client's thread: who attends sends it.
void Client::Impl::begin_quietly(const std::function<void()>& begin) {
  const Mark quietly(unwoken, this);
  try {
    begin();
  } catch (...) {
    link_.wake();  // it may have submitted before
    throw;
  }
}

void Client::Impl::attend_until(std::unique_lock<std::mutex>& lock, const std::function<bool()>& done) {
  const Mark as_client(running_client, this);
  for (;;) {
    turn();
    if (stopped_) return;
    // What came may have made room for frames, or be what others wait for.
    const bool any = drain(read_clocks());
    if (done()) return turn();
    if (any) continue;
    const Mono until = next_deadline();
    lock.unlock();
    link_.wait_as_stand_in(until);
    lock.lock();
  }
}

void Client::Impl::recall() {
  if (attended_) link_.recall();
}

void Client::Impl::run_tasks(Now now) {
  std::vector<Task> tasks;
  {
    const std::lock_guard lock(tasks_mutex_);
    tasks.swap(tasks_);
  }
  for (Task& task : tasks) task(now);
}

void Client::Impl::take_changes(Now now) {
  for (int change : link_.changes()) change > 0 ? session_.connected(now) : session_.lost(now);
}

bool Client::Impl::drain(Now now) {
  bool any = false;
  while (link_.receive(frame_)) {
    session_.received(now, frame_);
    any = true;
  }
  if (any && session_.refused()) refuse_all();
  return any;
}

Mono Client::Impl::next_deadline() const {
  Mono next = std::min(session_.next_deadline(), watches_.next_deadline());
  for (const Flush& flush : flushes_) next = std::min(next, flush.deadline.value_or(never_mono));
  for (const Connect& connect : connects_) next = std::min(next, session_.give_up_at(connect.since));
  return next;
}

void Client::Impl::send_frames(Now now, bool all) {
  for (client::Frame& frame : outbox_.take(all)) send_frame(now, std::move(frame));
}

void Client::Impl::send_frame(Now now, client::Frame frame) {
  const auto kept = std::make_shared<client::Frame>(std::move(frame));
  session_.ask(
      now, client::Session::Kind::changing, std::nullopt,
      [&kept](std::uint64_t sequence, std::uint64_t confirmed) -> protocol::Message {
        protocol::Submit submit = kept->message();
        submit.sequence = sequence;
        submit.confirmed = confirmed;
        return submit;
      },
      [this, kept, asked = now.mono](const Result<const protocol::Message*>& answer) {
        settle(*kept, asked, answer);
      });
  kept->drop_payloads();  // the session has the encoded frame
}

void Client::Impl::settle(client::Frame& frame, Mono asked, const Result<const protocol::Message*>& answer) {
  Result<> done;
  if (!answer) {
    done = std::unexpected(answer.error());
  } else if (const auto* accepted = std::get_if<protocol::Accepted>(*answer)) {
    done = accept(frame, asked, *accepted);
  } else {
    done = fail(Code::internal, "the broker answered a submit with something else");
  }
  std::optional<Error> error;
  if (!done) error = done.error();
  for (client::Draft& draft : frame.drafts) {
    for (auto& submit : draft.submits) submit.done(std::unexpected(*error));
  }
  outbox_.settled(frame, error);
}

// Tells the callers of each draft, and takes their submits out of it. The first error, if there is one.
Result<> Client::Impl::accept(client::Frame& frame, Mono asked, const protocol::Accepted& accepted) {
  if (accepted.groups.size() != frame.drafts.size()) {
    return fail(Code::internal, fmt::format("the broker accepted {} groups of {}", accepted.groups.size(),
                                            frame.drafts.size()));
  }
  Result<> first_error;
  const bool repeated = session_.repeated_until() && asked <= *session_.repeated_until();
  for (std::size_t i = 0; i < accepted.groups.size(); ++i) {
    const protocol::GroupAccepted& group = accepted.groups[i];
    auto submits = std::exchange(frame.drafts[i].submits, {});
    if (group.error && first_error) first_error = std::unexpected(*group.error);
    if (!group.error && frame.watch) watches_.submitted(group.first, group.count, repeated);
    if (group.no_handler && options_.on_no_handler &&
        warned_.emplace(frame.drafts[i].handler, frame.queue).second) {
      options_.on_no_handler(frame.drafts[i].handler, frame.queue);
    }
    JobId next = group.first;
    for (auto& submit : submits) {
      const JobId first = std::exchange(next, next + submit.jobs);
      group.error ? submit.done(std::unexpected(*group.error)) : submit.done(first);
    }
  }
  return first_error;
}

void Client::Impl::welcomed(const protocol::Welcome& welcome) {
  {
    const std::lock_guard lock(welcome_mutex_);
    welcome_ = welcome;
  }
  outbox_.set_payload_max(welcome.payload_max);
  watches_.welcomed();
}

// Connects and flushes whose time has come, one way or the other.
void Client::Impl::complete_waiting(Now now) {
  std::erase_if(connects_, [&](Connect& connect) {
    if (session_.live()) {
      connect.reply.set_value(true);
    } else if (session_.given_up(now, connect.since)) {
      connect.reply.set_value(std::unexpected(session_.unreachable()));
    } else {
      return false;
    }
    return true;
  });
  std::erase_if(flushes_, [&](Flush& flush) {
    if (session_.settled(flush.up_to)) {
      const auto error = outbox_.take_error();
      error ? flush.reply.set_value(std::unexpected(*error)) : flush.reply.set_value(true);
    } else if (flush.deadline && now.mono >= *flush.deadline) {
      flush.reply.set_value(fail(Code::timed_out, "not every submit was answered in time"));
    } else {
      return false;
    }
    return true;
  });
}

// The broker will never take us: nothing is worth waiting for.
void Client::Impl::refuse_all() {
  const Error error = *session_.refused();
  outbox_.close(error);
  watches_.fail_all(error);
  for (Connect& connect : std::exchange(connects_, {})) connect.reply.set_value(std::unexpected(error));
}

void Client::Impl::stop(Now now) {
  const Error error{Code::closed, "the client was closed", {}};
  send_frames(now, true);
  outbox_.close(error);
  session_.tell(now, protocol::Goodbye{"done"});
  session_.fail_all(error);
  watches_.fail_all(error);
  stopped_ = true;
}

}  // namespace joinery
