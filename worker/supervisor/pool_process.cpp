#include "worker/supervisor/pool_process.h"

#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace joinery::worker {
namespace {

constexpr std::size_t read_size = 64U << 10U;
constexpr std::size_t run_bytes_most = 128U << 10U;  // of payloads in a run frame, so that work can begin
constexpr std::size_t last_lines_most = 4096;

bool again() { return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR; }

void fill_run(pool::Run& run, const JobKind& kind) {
  run.handler = kind.spec.handler;
  run.info.queue = kind.queue;
  run.info.content_type = kind.spec.content_type;
  run.info.soft_timeout_ms = kind.spec.soft_timeout_ms;
  run.info.trace = kind.spec.trace;
  run.info.keep_result = kind.spec.result_ttl_s > 0 || kind.spec.result_inline_max > 0;
  run.jobs.clear();
}

// One msgpack unsigned integer at `at`; moves past it. False: it is something else, or not complete.
bool take_unsigned(Bytes stream, std::size_t& at, std::uint64_t& value) {
  if (at >= stream.size()) return false;
  const auto first = static_cast<unsigned char>(stream[at]);
  if (first < 0x80) {
    value = first;
    ++at;
    return true;
  }
  if (first < 0xcc || first > 0xcf) return false;
  const std::size_t width = std::size_t{1} << (first - 0xcc);
  if (stream.size() - at <= width) return false;
  value = 0;
  for (std::size_t i = 1; i <= width; ++i) value = value << 8 | static_cast<unsigned char>(stream[at + i]);
  at += 1 + width;
  return true;
}

bool take_array(Bytes stream, std::size_t& at, std::uint64_t& count) {
  if (at >= stream.size()) return false;
  const auto first = static_cast<unsigned char>(stream[at]);
  if ((first & 0xf0) == 0x90) {
    count = first & 0x0f;
    ++at;
    return true;
  }
  if (first != 0xdc && first != 0xdd) return false;
  const std::size_t width = first == 0xdc ? 2 : 4;
  if (stream.size() - at <= width) return false;
  count = 0;
  for (std::size_t i = 1; i <= width; ++i) count = count << 8 | static_cast<unsigned char>(stream[at + i]);
  at += 1 + width;
  return true;
}

}  // namespace

std::size_t take_plain_done(Bytes stream, std::vector<JobId>& jobs) {
  if (!stream.starts_with("\x92\x03")) return 0;
  std::size_t at = 2;
  std::uint64_t count = 0;
  if (!take_array(stream, at, count) || count > stream.size()) return 0;
  const std::size_t before = jobs.size();
  for (std::uint64_t i = 0; i < count; ++i) {
    std::uint64_t job = 0;
    if (!take_unsigned(stream, at, job)) {
      jobs.resize(before);
      return 0;
    }
    jobs.push_back(job);
  }
  return at;
}

BoardView::BoardView(int memory) {
  void* page = ::mmap(nullptr, sizeof(pool::Board), PROT_READ, MAP_SHARED, memory, 0);
  if (page != MAP_FAILED) board_ = static_cast<const pool::Board*>(page);
}

BoardView::~BoardView() {
  if (board_) ::munmap(const_cast<pool::Board*>(board_), sizeof(pool::Board));
}

void BoardView::running(std::vector<Running>& out) const {
  if (!board_) return;
  const std::size_t slots = std::min<std::size_t>(board_->slots.load(), pool::Board::slots_max);
  for (std::size_t i = 0; i < slots; ++i) {
    const auto [job, started_us] = board_->threads[i].running();
    if (job != 0) out.push_back({job, Mono(Duration(static_cast<Duration::rep>(started_us)))});
  }
}

void PoolProcess::run(std::span<Job* const> jobs, bool one_by_one) {
  auto& run = std::get<pool::Run>(run_);
  for (std::size_t i = 0; i < jobs.size();) {
    const JobKind* kind = jobs[i]->kind;
    fill_run(run, *kind);
    std::size_t bytes = 0;
    do {
      run.jobs.push_back({jobs[i]->token, jobs[i]->batch, jobs[i]->payload, jobs[i]->inputs});
      bytes += jobs[i]->payload.size() + jobs[i]->inputs.size();
      ++i;
    } while (i < jobs.size() && jobs[i]->kind == kind && bytes < run_bytes_most && !one_by_one);
    pool::encode(run_, out_);
  }
}

void PoolProcess::send(const pool::Message& message) { pool::encode(message, out_); }

bool PoolProcess::flush() {
  while (written_ < out_.size()) {
    const ssize_t sent = ::send(socket(), out_.data() + written_, out_.size() - written_, MSG_NOSIGNAL);
    if (sent < 0) {
      if (again()) return false;
      break;  // it has ended, which its descriptor will tell
    }
    written_ += static_cast<std::size_t>(sent);
  }
  out_.clear();
  written_ = 0;
  return true;
}

bool PoolProcess::read(std::size_t most) {
  for (std::size_t done = 0; done < most;) {
    ssize_t got = 0;
    const std::size_t before = in_.size();
    in_.resize_and_overwrite(before + read_size, [&](char* data, std::size_t) {
      got = ::recv(socket(), data + before, read_size, 0);
      return before + static_cast<std::size_t>(std::max<ssize_t>(got, 0));
    });
    if (got == 0 || (got < 0 && !again())) return false;
    if (got < static_cast<ssize_t>(read_size)) return true;
    done += static_cast<std::size_t>(got);
  }
  return true;
}

Result<bool> PoolProcess::take(std::vector<JobId>& succeeded, pool::Message& message) {
  while (const std::size_t size = take_plain_done(Bytes(in_).substr(taken_), succeeded)) taken_ += size;
  if (!succeeded.empty()) return true;
  if (taken_ == in_.size()) return false;
  const auto size = pool::decode(Bytes(in_).substr(taken_), message);
  if (!size) return std::unexpected(size.error());
  taken_ += *size;
  return *size > 0;
}

void PoolProcess::compact() {
  in_.erase(0, taken_);
  taken_ = 0;
}

bool PoolProcess::read_output(std::string& text) {
  char piece[4096];
  const ssize_t got = ::read(output(), piece, sizeof piece);
  if (got <= 0) return got < 0 && again();
  text.assign(piece, static_cast<std::size_t>(got));
  last_lines_ += text;
  if (last_lines_.size() > last_lines_most) last_lines_.erase(0, last_lines_.size() - last_lines_most);
  return true;
}

}  // namespace joinery::worker
