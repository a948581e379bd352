// What the plan wants done, and what pool processes say.
#include <fmt/format.h>
#include <poll.h>
#include <spdlog/spdlog.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <unistd.h>

#include "shared/base/utf8.h"
#include "worker/supervisor/loop.h"
#include "worker/supervisor/process_runner.h"

namespace joinery::worker {
namespace {

constexpr std::size_t read_per_turn = 1U << 20U;
constexpr std::size_t last_read_most = 2 * pool::message_max;
constexpr int last_words_most = 64;  // of 4 KiB: more than a pipe holds

// What cannot be written without waiting is left out: a slow log must not hold up the jobs.
void pass_on(const std::string& text) {
  pollfd out{STDERR_FILENO, POLLOUT, 0};
  if (::poll(&out, 1, 0) != 1 || !(out.revents & POLLOUT)) return;
  [[maybe_unused]] const ssize_t ignored = ::write(STDERR_FILENO, text.data(), text.size());
}

// Children that the broker would refuse fail their job, not the frame in which they come.
void check_children(Report& report, std::size_t payload_max, std::size_t frame_max) {
  Result<> sound;
  std::size_t bytes = 64U << 10U;  // for the rest of the frame
  for (const Group& group : report.children) {
    if (sound) sound = validate(group, payload_max);
    for (const Bytes payload : group.payloads) bytes += payload.size() + 16;
  }
  if (sound && bytes > frame_max) {
    sound = fail(Code::payload_too_large,
                 fmt::format("its children have {} bytes, more than a frame may", bytes));
  }
  if (sound) return;
  report.kind = Report::Kind::rejected;
  report.children.clear();
  report.failure.code = sound.error().code;
  report.failure.type = "children";
  report.failure.message = sound.error().field + ": " + sound.error().message;
}

}  // namespace

// Actions may lead to others: a process that cannot be started at all has ended.
void Loop::perform() {
  while (!actions_.empty()) {
    std::swap(actions_, acting_);
    for (const auto& step : acting_.steps) {
      std::visit([this](const auto& one) { perform(one); }, step);
    }
    link_.finishes().succeeded(acting_.succeeded);
    for (const auto& [token, result] : acting_.answered) link_.finishes().answered(token, result);
    for (auto& finished : acting_.finished) perform_finished(finished);
    acting_.clear();
    for (const auto& [id, why] : std::exchange(not_started_, {})) {
      Crash crash;
      crash.status = W_EXITCODE(127, 0);
      crash.last_lines = why;
      plan_.exited(now_.mono, id, crash);
      announce_ = true;
    }
  }
}

void Loop::perform(const action::Start& start) {
  auto spawned = spawn(commands_[start.pool]);
  if (!spawned) return not_started_.emplace_back(start.process, spawned.error().message), void();
  Entry& entry = processes_.try_emplace(start.process, std::move(*spawned)).first->second;
  add(entry.process.socket(), Source::socket, start.process, EPOLLIN);
  add(entry.process.output(), Source::output, start.process, EPOLLIN);
  add(entry.process.alive(), Source::alive, start.process, EPOLLIN);
}

Loop::Entry* Loop::to_write(ProcessId id) {
  const auto found = processes_.find(id);
  if (found == processes_.end()) return nullptr;
  Entry& entry = found->second;
  if (!std::exchange(entry.dirty, true)) dirty_.push_back(id);
  return &entry;
}

void Loop::perform(const action::Feed& feed) {
  Entry* entry = to_write(feed.process);
  if (!entry) return;
  if (!std::exchange(entry->told_shared, true)) entry->process.send(shared_);
  entry->process.run(std::span(acting_.fed).subspan(feed.first, feed.count), feed.one_by_one);
}

void Loop::perform(const action::Cancel& cancel) {
  Entry* entry = to_write(cancel.process);
  if (entry) entry->process.send(pool::Cancel{cancel.job, cancel.reason});
}

void Loop::perform(const action::Stop& stop) {
  Entry* entry = to_write(stop.process);
  if (entry) entry->process.send(pool::Stop{});
}

void Loop::perform(const action::Kill& kill) {
  const auto found = processes_.find(kill.process);
  if (found != processes_.end()) kill_group(found->second.process.pid());
}

void Loop::perform(const action::Problem& problem) {
  const auto& pool = problem.error.field;
  spdlog::error("{}: {}: {}", pool.empty() ? "pool" : "handler." + pool, word(problem.error.code),
                problem.error.message);
  announce_ = true;
}

void Loop::perform_finished(Finished& finished) {
  if (!finished.report.children.empty()) check_children(finished.report, payload_max_, frame_max_);
  Failure& failure = finished.report.failure;
  using enum Report::Kind;
  const auto kind = finished.report.kind;
  if (process_ended_ && kind != released) writer_.release_locks(finished.report.token);
  if (kind == failed || kind == rejected || kind == crashed) {
    const auto found = processes_.find(finished.process);
    std::string where = name_;
    if (found != processes_.end()) where += fmt::format(" pid {}", found->second.process.pid());
    failure.where = failure.where.empty() ? where : where + ": " + failure.where;
    // Any program may be a pool process, and say anything.
    for (std::string* text : {&failure.type, &failure.message, &failure.where}) *text = readable(*text);
    spdlog::log(kind == crashed ? spdlog::level::warn : spdlog::level::debug, "job {} attempt {}: {}: {}",
                finished.report.token.job, finished.report.token.attempt, word(failure.code),
                failure.message);
  }
  if (finished.result_ttl_s == 0) return link_.finishes().report(own(std::move(finished.report)));
  ResultWriter::Item item;
  item.write.ttl_s = finished.result_ttl_s;
  item.write.result = {.token = finished.report.token,
                       .outcome = kind == succeeded ? Outcome::succeeded : Outcome::failed,
                       .value = std::move(finished.result),
                       .content_type = std::move(finished.content_type),
                       .failure = failure,
                       .worker = name_,
                       .started = now_.wall - (now_.mono - finished.started),
                       .finished = now_.wall};
  item.report = own(std::move(finished.report));
  writer_.write(std::move(item));
}

void Loop::flush(ProcessId id, Entry& entry) {
  entry.dirty = false;
  const bool blocked = !entry.process.flush();
  if (blocked == entry.blocked) return;
  entry.blocked = blocked;
  change(entry.process.socket(), Source::socket, id, blocked ? EPOLLIN | EPOLLOUT : EPOLLIN);
}

void Loop::read_socket(ProcessId id) {
  const auto found = processes_.find(id);
  if (found == processes_.end()) return;
  Entry& entry = found->second;
  const bool open = entry.process.read(read_per_turn);
  entry.sound = take_messages(id, entry);
  if (open && entry.sound) return;
  drop(entry.process.socket());
  plan_.closed(now_.mono, id);
  if (!entry.sound) kill_group(entry.process.pid());
}

// False: it does not speak the protocol.
bool Loop::take_messages(ProcessId id, Entry& entry) {
  for (;;) {
    succeeded_.clear();
    const auto taken = entry.process.take(succeeded_, message_);
    if (!taken) {
      spdlog::error("pool process {}: {}: {}", entry.process.pid(), taken.error().field,
                    taken.error().message);
      return false;
    }
    if (!*taken) break;
    if (!succeeded_.empty()) {
      plan_.succeeded(now_.mono, id, succeeded_);
      perform();
    } else {
      take_message(id, entry, message_);
    }
  }
  entry.process.compact();
  return true;
}

void Loop::take_message(ProcessId id, Entry& entry, pool::Message& message) {
  if (auto* done = std::get_if<pool::Done>(&message)) {
    plan_.outcomes(now_.mono, id, *done);
  } else if (const auto* ready = std::get_if<pool::Ready>(&message)) {
    plan_.ready(now_.mono, id, *ready);
    announce_ = true;
  } else if (auto* progress = std::get_if<pool::Progress>(&message)) {
    const auto token = plan_.token(id, progress->job);
    if (!token) return;
    entry.progress = {*token, progress->fraction, readable(progress->text)};
    link_.progress(entry.progress);
  } else if (auto* hold = std::get_if<pool::Hold>(&message)) {
    if (const auto token = plan_.token(id, hold->job)) link_.hold({*token, std::move(hold->hold)});
  } else if (const auto* log = std::get_if<pool::Log>(&message)) {
    take_log(id, *log);
  }
  perform();
}

// What a command writes is its followers' alone; the rest is in the log too.
void Loop::take_log(ProcessId id, const pool::Log& log) {
  if (log.level != "stdout" && log.level != "stderr")
    spdlog::log(spdlog::level::from_str(log.level), "job {}: {}", log.job, log.text);
  const auto token = plan_.token(id, log.job);
  if (!token) return;
  const auto at = std::chrono::floor<std::chrono::milliseconds>(now_.wall.time_since_epoch()).count();
  link_.log(*token, {at, readable(log.level, 16), readable(log.text)});
}

void Loop::read_output(ProcessId id) {
  const auto found = processes_.find(id);
  if (found == processes_.end()) return;
  std::string text;
  if (!found->second.process.read_output(text)) return drop(found->second.process.output());
  pass_on(text);
}

// What it left behind dies with it, or would go on to write; its number is not another's before collect().
// Then its last outcomes and words: so many at most, for a program that left the group may hold the other
// end.
void Loop::take_exit(ProcessId id) {
  const auto found = processes_.find(id);
  if (found == processes_.end()) return;
  Entry& entry = found->second;
  kill_group(entry.process.pid());
  if (entry.sound) {
    entry.process.read(last_read_most);
    take_messages(id, entry);
  }
  std::string text;
  for (int i = 0; i < last_words_most && entry.process.read_output(text) && !text.empty();
       ++i, text.clear()) {
    pass_on(text);
  }
  Crash crash = collect(entry.process.pid());
  crash.last_lines = entry.process.last_lines();
  if (entry.progress.token.job != 0) {
    crash.last_progress = fmt::format("job {}: {:.0f} % {}", entry.progress.token.job,
                                      entry.progress.fraction * 100, entry.progress.text);
  }
  if (WIFSIGNALED(crash.status) && WTERMSIG(crash.status) == SIGKILL) {
    crash.out_of_memory = memory_kills_.explains_one(out_of_memory_kills());
  }
  process_ended_ = true;
  plan_.exited(now_.mono, id, crash);
  announce_ = true;
  perform();
  process_ended_ = false;
  processes_.erase(found);
}

}  // namespace joinery::worker
