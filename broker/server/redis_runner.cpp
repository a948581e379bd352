#include "broker/server/redis_runner.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <spdlog/spdlog.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <vector>

namespace joinery::broker::server {

namespace {

constexpr Duration backoff_first = std::chrono::milliseconds(100);
constexpr Duration backoff_max = std::chrono::seconds(10);
constexpr Duration stable_after = std::chrono::seconds(30);
constexpr Duration probe_when_away = std::chrono::seconds(1);
constexpr int step_ms = 10;  // between two looks while it starts
constexpr int stop_ms = 5000;

std::string reason() { return std::strerror(errno); }

// Waits until the process is gone.
bool wait_gone(int pidfd, int ms) {
  pollfd one{pidfd, POLLIN, 0};
  return ::poll(&one, 1, ms) > 0;
}

// In the child, between fork and exec: only calls that are safe there.
[[noreturn]] void become(const char* program, char* const* argv, pid_t parent, int log) {
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::signal(SIGPIPE, SIG_DFL);
  // A terminal's Ctrl-C is for the broker, which stops Redis after its last answer.
  ::setpgid(0, 0);
  // If the broker is killed, Redis writes all that it has answered before it ends; the lock keeps the next
  // one away until then.
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (::getppid() != parent) ::_exit(127);
  ::dup2(log, 1);
  ::dup2(log, 2);
  ::execv(program, argv);
  ::_exit(127);
}

}  // namespace

std::string_view word(RedisRunner::Mode mode) {
  switch (mode) {
    case RedisRunner::Mode::mine: return "private";
    case RedisRunner::Mode::yours: return "yours";
    case RedisRunner::Mode::none: return "none";
  }
  return "none";
}

RedisRunner::RedisRunner(Options options) : options_(std::move(options)) {
  if (options_.url == "none") {
    mode_ = Mode::none;
  } else if (!options_.url.empty()) {
    mode_ = Mode::yours;
    url_ = options_.url;
  }
}

RedisRunner::~RedisRunner() { stop(); }

std::string RedisRunner::shown_url() const {
  if (url_.empty()) return {};
  const Result<redis::Url> parsed = redis::parse_url(url_);
  return parsed ? redis::to_string(*parsed) : std::string{};
}

Result<> RedisRunner::start() {
  if (mode_ == Mode::none) return {};
  if (mode_ == Mode::mine) {
    if (Result<> started = start_mine(); !started) return started;
  }
  Result<redis::Url> parsed = redis::parse_url(url_);
  if (!parsed) return fail(Code::invalid_config, "redis.url: " + parsed.error().message, "redis.url");
  if (Result<> answers = wait_for_answer(); !answers) return answers;
  link_ = std::make_unique<redis::Pipeline>(*parsed);
  return {};
}

Result<> RedisRunner::start_mine() {
  directory_ = options_.directory + "/redis";
  if (::mkdir(directory_.c_str(), 0700) != 0 && errno != EEXIST) {
    return fail(Code::io_error, fmt::format("cannot make {}: {}", directory_, reason()));
  }
  for (const auto step : {&RedisRunner::find_server, &RedisRunner::choose_socket,
                          &RedisRunner::lock_directory, &RedisRunner::spawn}) {
    if (Result<> done = (this->*step)(); !done) return done;
  }
  return {};
}

Result<> RedisRunner::find_server() {
  if (options_.server.find('/') != std::string::npos) {
    program_ = options_.server;
    if (::access(program_.c_str(), X_OK) == 0) return {};
    return fail(Code::redis_unreachable,
                fmt::format("redis.server: {} cannot be executed: {}", program_, reason()), "redis.server");
  }
  const char* path = std::getenv("PATH");
  std::string_view rest = path != nullptr ? path : "/usr/local/bin:/usr/bin:/bin";
  while (!rest.empty()) {
    const std::string_view part = rest.substr(0, rest.find(':'));
    rest.remove_prefix(std::min(rest.size(), part.size() + 1));
    program_ = fmt::format("{}/{}", part, options_.server);
    if (!part.empty() && ::access(program_.c_str(), X_OK) == 0) return {};
  }
  return fail(
      Code::redis_unreachable,
      fmt::format("{} was not found in PATH: install it (Debian: apt-get install redis-server), or set "
                  "redis.url to your Redis, or to \"none\"",
                  options_.server),
      "redis.server");
}

// The path of a unix socket has at most 107 bytes.
Result<> RedisRunner::choose_socket() {
  socket_ = directory_ + "/socket";
  if (socket_.size() >= sizeof(sockaddr_un::sun_path)) {
    // The same for each life of this broker, so that sessions find it again.
    socket_directory_ =
        fmt::format("/tmp/joinery-{}-{:016x}", ::getuid(), std::hash<std::string>{}(directory_));
    struct stat found {};
    if (::mkdir(socket_directory_.c_str(), 0700) != 0 &&
        (errno != EEXIST || ::lstat(socket_directory_.c_str(), &found) != 0 || !S_ISDIR(found.st_mode) ||
         found.st_uid != ::getuid())) {
      return fail(Code::io_error,
                  fmt::format("cannot make {} for Redis's socket: {}", socket_directory_, reason()));
    }
    socket_ = socket_directory_ + "/socket";
  }
  url_ = "unix://" + socket_;
  return {};
}

// A redis-server of a broker that was killed may take a moment to be gone: it holds this lock until then.
Result<> RedisRunner::lock_directory() {
  const std::string path = directory_ + "/lock";
  lock_.reset(::open(path.c_str(), O_RDWR | O_CREAT, 0600));  // not closed on exec: the child holds it too
  if (!lock_) return fail(Code::io_error, fmt::format("cannot open {}: {}", path, reason()));
  const Mono until = read_clocks().mono + options_.patience;
  while (::flock(lock_.get(), LOCK_EX | LOCK_NB) != 0) {
    if (read_clocks().mono >= until) {
      return fail(Code::redis_unreachable,
                  fmt::format("another redis-server still uses {}: its lock is held", directory_));
    }
    ::poll(nullptr, 0, step_ms);
  }
  return {};
}

Result<> RedisRunner::spawn() {
  remove_socket();
  const std::string log_path = directory_ + "/redis.log";
  unique_fd log(::open(log_path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
  if (!log) return fail(Code::io_error, fmt::format("cannot open {}: {}", log_path, reason()));
  std::vector<std::string> arguments{
      program_,     "--port",     "0",        "--unixsocket",     socket_, "--unixsocketperm",
      "700",        "--dir",      directory_, "--appendonly",     "yes",   "--appendfsync",
      "everysec",   "--save",     "",         "--daemonize",      "no",    "--maxmemory-policy",
      "noeviction", "--loglevel", "notice",   "--set-proc-title", "no"};
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);

  const pid_t parent = ::getpid();
  child_ = ::fork();
  if (child_ == 0) become(program_.c_str(), argv.data(), parent, log.get());
  if (child_ < 0) return fail(Code::io_error, fmt::format("cannot start {}: {}", program_, reason()));
  child_fd_.reset(static_cast<int>(::syscall(SYS_pidfd_open, child_, 0)));
  if (!child_fd_) return fail(Code::io_error, fmt::format("pidfd_open: {}", reason()));
  started_at_ = read_clocks().mono;
  return {};
}

// Until it has read its files, Redis refuses connections or answers LOADING.
Result<> RedisRunner::wait_for_answer() {
  redis::Client client(*redis::parse_url(url_), std::chrono::seconds(2));
  const Mono until = read_clocks().mono + options_.patience;
  std::string last;
  while (true) {
    const Result<redis::Value> pong = client.command({"PING"});
    if (pong && pong->kind != redis::Value::Kind::error) return {};
    last = pong ? pong->text : pong.error().message;
    const bool died = mode_ == Mode::mine && wait_gone(child_fd_.get(), step_ms);
    if (died) {
      return fail(Code::redis_unreachable,
                  fmt::format("redis-server ended as soon as it started: see {}/redis.log", directory_));
    }
    if (mode_ == Mode::yours) ::poll(nullptr, 0, step_ms * 10);
    if (read_clocks().mono >= until) break;
  }
  return fail(Code::redis_unreachable, fmt::format("Redis at {} does not answer: {}", shown_url(), last),
              "redis.url");
}

void RedisRunner::stop() {
  link_.reset();
  if (child_ > 0) {
    ::kill(child_, SIGTERM);
    if (!wait_gone(child_fd_.get(), stop_ms)) ::kill(child_, SIGKILL);
    ::waitpid(child_, nullptr, 0);
    child_ = -1;
    child_fd_.reset();
    remove_socket();
  }
  if (!socket_directory_.empty()) ::rmdir(socket_directory_.c_str());
  restart_at_ = never_mono;
}

bool RedisRunner::up() const { return link_ && link_->connected() && problem_.empty(); }

int RedisRunner::link_descriptor() const { return link_ ? link_->descriptor() : -1; }

std::uint64_t RedisRunner::link_opened() const { return link_ ? link_->opened() : 0; }

bool RedisRunner::link_wants_write() const { return link_ && link_->wants_write(); }

Mono RedisRunner::next_deadline() const {
  return link_ ? std::min({restart_at_, link_->next_deadline(), probe_deadline()}) : restart_at_;
}

void RedisRunner::process(Now now) {
  if (child_ > 0 && wait_gone(child_fd_.get(), 0)) reap(now);
  if (now.mono >= restart_at_) {
    restart_at_ = never_mono;
    if (Result<> spawned = spawn(); !spawned) {
      spdlog::error("redis: {}; next try in {} ms", spawned.error().message, backoff_ / Duration(1000));
      restart_at_ = now.mono + backoff_;
    } else {
      spdlog::info("redis: started again");
    }
  }
  if (!link_) return;
  now_ = now.mono;
  probe(now);
  link_->process(now);
  const bool connected = link_->connected();
  if (!connected && !link_->last_error().empty()) note(link_->last_error());
  if (connected && !std::exchange(connected_, connected)) probe_at_ = now.mono;
  connected_ = connected;
}

// One at a time. Without a connection it waits for the next one, and then tells that all is well again.
void RedisRunner::probe(Now now) {
  if (probe_sent_ != never_mono) {
    if (now.mono >= probe_deadline()) note("it does not answer");
    return;
  }
  if (now.mono < probe_at_) return;
  probe_sent_ = now.mono;
  link_->command(std::array<Bytes, 5>{"SET", options_.probe_key, "1", "EX", "60"},
                 [this](const Result<redis::Value>& answer) { probed(answer); });
}

void RedisRunner::probed(const Result<redis::Value>& answer) {
  probe_sent_ = never_mono;
  if (!answer) {
    note(answer.error().message);
  } else {
    note(answer->kind == redis::Value::Kind::error ? answer->text : std::string());
  }
  probe_at_ =
      now_ + (problem_.empty() ? options_.probe_every : std::min(options_.probe_every, probe_when_away));
}

Mono RedisRunner::probe_deadline() const {
  if (probe_sent_ == never_mono) return probe_at_;
  return problem_.empty() ? probe_sent_ + options_.probe_every : never_mono;
}

void RedisRunner::note(const std::string& problem) {
  if (problem_.empty() && !problem.empty())
    spdlog::warn("redis: {} takes no results, and jobs that keep one wait: {}", shown_url(), problem);
  if (problem_.empty() && !problem.empty()) probe_at_ = std::min(probe_at_, now_ + probe_when_away);
  if (!problem_.empty() && problem.empty()) spdlog::info("redis: {} takes results again", shown_url());
  problem_ = problem;
}

void RedisRunner::reap(Now now) {
  int status = 0;
  ::waitpid(child_, &status, 0);
  child_ = -1;
  child_fd_.reset();
  if (now.mono - started_at_ > stable_after) backoff_ = Duration(0);
  backoff_ = std::clamp(backoff_ * 2, backoff_first, backoff_max);
  restart_at_ = now.mono + backoff_;
  spdlog::warn("redis: ended by {} {}; starting it again in {} ms (its log: {}/redis.log)",
               WIFSIGNALED(status) ? "signal" : "exit",
               WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status), backoff_ / Duration(1000),
               directory_);
}

void RedisRunner::remove_socket() { ::unlink(socket_.c_str()); }

}  // namespace joinery::broker::server
