#include "producer/client/outbox.h"

#include <fmt/format.h>

#include <algorithm>

#include "shared/base/check.h"
#include "shared/job/limit.h"

namespace joinery::client {
namespace {

constexpr std::size_t frames_under_way_max = 4;  // of a queue, unless they are full
constexpr std::size_t frame_bytes = 1U << 20U;   // a frame of so many payload bytes is full

std::int64_t to_ms(Wall time) {
  return std::chrono::floor<std::chrono::milliseconds>(time).time_since_epoch().count();
}

// Columns come into being with the first job that differs from the default.
template <typename T>
void extend(std::vector<T>& column, std::size_t before, std::size_t number, const T& value) {
  if (column.empty() && value == T()) return;
  column.resize(before);
  if (number == 1) return column.push_back(value);
  column.insert(column.end(), number, value);
}

bool depends(const SubmitOptions& options) {
  return !options.after.empty() || !options.after_batches.empty();
}

std::vector<std::int64_t> after_of(const SubmitOptions& options) {
  return {options.after.begin(), options.after.end()};
}

bool same_fate(const Frame& frame, const SubmitOptions& options) {
  const bool same_timeout = options.full_timeout.has_value() == frame.timeout_ms.has_value() &&
                            (!options.full_timeout ||
                             static_cast<std::uint64_t>(options.full_timeout->count()) == *frame.timeout_ms);
  return frame.park != options.refuse_when_full && frame.watch == options.watch && same_timeout;
}

bool same_jobs(const Draft& draft, const std::string& handler, const SubmitOptions& options) {
  return draft.handler == handler && draft.batch == options.batch && draft.spec == options.spec;
}

}  // namespace

void Completion::operator()(const Result<JobId>& first) {
  if (auto* call = std::get_if<std::function<void(Result<JobId>)>>(&to_)) {
    if (*call) (*call)(first);
  } else if (auto& promise = std::get<std::promise<JobId>>(to_); first) {
    promise.set_value(*first);
  } else {
    promise.set_exception(std::make_exception_ptr(ClientError(first.error())));
  }
}

protocol::Submit Frame::message() {
  protocol::Submit submit;
  submit.park = park;
  submit.timeout_ms = timeout_ms;
  submit.watch = watch;
  for (Draft& draft : drafts) {
    Group& group = submit.groups.emplace_back();
    group.queue = queue;
    group.spec = draft.spec;
    group.spec.handler = draft.handler;
    group.batch = draft.batch;
    group.columns = std::move(draft.columns);
    group.payloads.reserve(draft.sizes.size());
    std::size_t at = 0;
    for (std::uint32_t size : draft.sizes) {
      group.payloads.push_back(Bytes(draft.payloads).substr(at, size));
      at += size;
    }
  }
  return submit;
}

void Frame::drop_payloads() {
  for (Draft& draft : drafts) {
    draft.payloads = {};
    draft.sizes = {};
    draft.columns = {};
  }
}

Outbox::Outbox(const ClientOptions& options, std::function<void()> wake)
    : window_jobs_(options.window_jobs),
      window_bytes_(options.window_bytes),
      frame_jobs_(std::clamp<std::size_t>(options.frame_jobs, 1, limits::jobs_per_frame_max)),
      wake_(std::move(wake)) {}

// Everything that the broker would refuse a whole group for: one caller's mistake must not be its
// neighbours'. A job like the one before it needs little of that.
Result<> Outbox::check(const Line& line, const std::string& handler, std::span<const Bytes> payloads,
                       const SubmitOptions& options) const {
  const bool has_times = options.delay || options.run_at || options.expires_at || options.full_timeout ||
                         options.deadline || depends(options);
  const Frame* frame = line.unsent.empty() ? nullptr : &line.unsent.back();
  if (frame == nullptr || has_times || !options.unique_key.empty() || payloads.size() != 1 ||
      payloads[0].size() > payload_max_ || !same_jobs(frame->drafts.back(), handler, options)) {
    return check_all(handler, payloads, options);
  }
  if (options.key.empty()) return {};
  return validate_key(options.key, "columns.key");
}

Result<> Outbox::check_all(const std::string& handler, std::span<const Bytes> payloads,
                           const SubmitOptions& options) const {
  if (options.full_timeout && options.full_timeout->count() < 0) {
    return fail(Code::invalid_argument, "full_timeout is negative, expected at least 0", "full_timeout");
  }
  const Result<Group> group = group_of(handler, payloads, options);
  return group ? validate(*group, payload_max_) : std::unexpected(group.error());
}

Result<Group> group_of(const std::string& handler, std::span<const Bytes> payloads,
                       const SubmitOptions& options) {
  Group group;
  group.queue = options.queue;
  group.spec = options.spec;
  group.spec.handler = handler;
  group.batch = options.batch;
  group.payloads.assign(payloads.begin(), payloads.end());
  Columns& columns = group.columns;
  auto set = [&](auto& column, auto value) { column.assign(payloads.size(), value); };
  if (options.priority != 0) set(columns.priority, options.priority);
  if (options.run_at) set(columns.run_at_ms, to_ms(*options.run_at));
  if (options.expires_at) set(columns.expires_at_ms, to_ms(*options.expires_at));
  if (!options.key.empty()) set(columns.key, options.key);
  if (!options.unique_key.empty()) set(columns.unique_key, options.unique_key);
  if (options.deadline) set(columns.deadline_ms, to_ms(*options.deadline));
  if (!options.after.empty()) set(columns.after, after_of(options));
  if (!options.after_batches.empty()) set(columns.after_batches, options.after_batches);
  if (options.delay && options.delay->count() < 0) {
    return fail(Code::invalid_argument, "delay is negative, expected at least 0", "delay");
  }
  if (options.delay) set(columns.delay_ms, static_cast<std::uint64_t>(options.delay->count()));
  return group;
}

void Outbox::wait_for_room(std::unique_lock<std::mutex>& lock, std::size_t jobs, std::size_t bytes) {
  if (std::this_thread::get_id() == owner_) return;  // a callback: nobody else would make room
  auto has_room = [&] {
    // What is larger than the window goes alone.
    return jobs_ == 0 || closed_ || (jobs_ + jobs <= window_jobs_ && bytes_ + bytes <= window_bytes_);
  };
  if (has_room()) return;
  ++waiters_;
  room_.wait(lock, has_room);
  --waiters_;
}

Outbox::Line& Outbox::line(const std::string& queue) {
  if (last_line_ == nullptr || last_line_->first != queue) last_line_ = &*lines_.try_emplace(queue).first;
  return last_line_->second;
}

bool Outbox::full(const Frame& frame) const {
  return frame.jobs >= frame_jobs_ || frame.bytes >= frame_bytes;
}

bool Outbox::may_leave(const Line& line) const {
  if (line.unsent.empty()) return false;
  return line.unanswered < frames_under_way_max || line.unsent.size() > 1 || full(line.unsent.front());
}

Frame& Outbox::open_frame(Line& line, const SubmitOptions& options) {
  if (!line.unsent.empty() && !full(line.unsent.back()) && same_fate(line.unsent.back(), options)) {
    return line.unsent.back();
  }
  Frame& frame = line.unsent.emplace_back();
  frame.queue = options.queue;
  frame.park = !options.refuse_when_full;
  if (options.full_timeout) frame.timeout_ms = static_cast<std::uint64_t>(options.full_timeout->count());
  frame.watch = options.watch;
  return frame;
}

Draft& Outbox::open_draft(Frame& frame, std::string& handler, const SubmitOptions& options,
                          bool alone) const {
  if (!frame.drafts.empty() && !alone) {
    Draft& last = frame.drafts.back();
    if (!last.alone && same_jobs(last, handler, options)) return last;
  }
  Draft& draft = frame.drafts.emplace_back();
  draft.handler = std::move(handler);
  draft.spec = options.spec;
  draft.batch = options.batch;
  draft.alone = alone;
  return draft;
}

void Outbox::append(Draft& draft, std::span<const Bytes> payloads, const SubmitOptions& options) {
  const std::size_t before = draft.sizes.size();
  for (Bytes payload : payloads) {
    draft.payloads.append(payload);
    draft.sizes.push_back(static_cast<std::uint32_t>(payload.size()));
  }
  Columns& columns = draft.columns;
  const std::size_t number = payloads.size();
  const auto delay = options.delay.value_or(std::chrono::milliseconds(0)).count();
  extend(columns.priority, before, number, options.priority);
  extend(columns.delay_ms, before, number, static_cast<std::uint64_t>(delay));
  extend(columns.run_at_ms, before, number, options.run_at ? to_ms(*options.run_at) : 0);
  extend(columns.expires_at_ms, before, number, options.expires_at ? to_ms(*options.expires_at) : 0);
  extend(columns.key, before, number, options.key);
  extend(columns.unique_key, before, number, options.unique_key);
  extend(columns.deadline_ms, before, number, options.deadline ? to_ms(*options.deadline) : 0);
  if (!options.after.empty()) extend(columns.after, before, number, after_of(options));
  if (!options.after_batches.empty()) extend(columns.after_batches, before, number, options.after_batches);
}

void Outbox::submit(std::string handler, std::span<const Bytes> payloads, const SubmitOptions& options,
                    Completion done) {
  std::size_t bytes = 0;
  for (Bytes payload : payloads) bytes += payload.size();
  // One caller's refusal is no other's: all or nothing holds for each submit.
  const bool alone = payloads.size() > 1 || options.refuse_when_full || options.full_timeout.has_value() ||
                     options.expires_at.has_value() || options.deadline.has_value() ||
                     !options.unique_key.empty() || depends(options);
  std::unique_lock lock(mutex_);
  auto checked = check(line(options.queue), handler, payloads, options);
  if (checked) wait_for_room(lock, payloads.size(), bytes);
  if (checked && closed_) checked = std::unexpected(*closed_);
  if (!checked) {
    lock.unlock();
    return done(std::unexpected(checked.error()));
  }
  Line& to = line(options.queue);
  Frame& frame = open_frame(to, options);
  Draft& draft = open_draft(frame, handler, options, alone);
  append(draft, payloads, options);
  draft.submits.push_back({static_cast<std::uint32_t>(payloads.size()), std::move(done)});
  frame.jobs += payloads.size();
  frame.bytes += bytes;
  jobs_ += payloads.size();
  bytes_ += bytes;
  if (!to.listed) {
    to.listed = true;
    waiting_.push_back(&to);
  }
  const bool wake = !woken_ && may_leave(to);
  woken_ = woken_ || wake;
  lock.unlock();
  if (wake) wake_();
}

std::vector<Frame> Outbox::take(bool all) {
  std::vector<Frame> frames;
  const std::lock_guard lock(mutex_);
  woken_ = false;
  auto drained = [&](Line* line) {
    while (all ? !line->unsent.empty() : may_leave(*line)) {
      ++line->unanswered;
      frames.push_back(std::move(line->unsent.front()));
      line->unsent.pop_front();
    }
    line->listed = !line->unsent.empty();
    return !line->listed;
  };
  std::erase_if(waiting_, drained);
  return frames;
}

void Outbox::settled(const Frame& frame, const std::optional<Error>& first_error) {
  const std::lock_guard lock(mutex_);
  if (first_error && !first_error_) first_error_ = first_error;
  Line& of = line(frame.queue);
  JOINERY_CHECK(of.unanswered > 0);
  --of.unanswered;
  jobs_ -= frame.jobs;
  bytes_ -= frame.bytes;
  if (waiters_ > 0) room_.notify_all();
  if (lines_.size() > lines_max_) forget_idle_lines();
}

void Outbox::forget_idle_lines() {
  last_line_ = nullptr;
  std::erase_if(lines_, [](const auto& each) {
    const Line& line = each.second;
    return line.unanswered == 0 && line.unsent.empty() && !line.listed;
  });
  // Those that are left are busy: look again when there are twice as many, so that it costs each little.
  lines_max_ = std::max(idle_lines_max, 2 * lines_.size());
}

void Outbox::owned_by(std::thread::id thread) {
  const std::lock_guard lock(mutex_);
  owner_ = thread;
}

void Outbox::set_payload_max(std::size_t bytes) {
  const std::lock_guard lock(mutex_);
  payload_max_ = bytes;
}

void Outbox::close(Error why) {
  const std::lock_guard lock(mutex_);
  closed_ = std::move(why);
  room_.notify_all();
}

std::optional<Error> Outbox::take_error() {
  const std::lock_guard lock(mutex_);
  return std::exchange(first_error_, std::nullopt);
}

}  // namespace joinery::client
