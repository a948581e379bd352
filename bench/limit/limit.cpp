// The limit: what the bare parts do on this machine, with nothing of ours between them. A producer process
// sends frames of jobs over ZeroMQ to a relay, which appends them to a log, fdatasyncs in a second thread,
// keeps an index, hands durable frames to a worker process, and logs the worker's finishes. Every figure of
// Joinery is read as a ratio to this one.
//
//   bench/limit [--jobs N] [--batch N] [--payload BYTES] [--directory DIR] [--json]
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zmq.h>

#include <CLI/CLI.hpp>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <filesystem>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace {

struct Options {
  std::uint64_t jobs = 4'000'000;
  std::uint32_t batch = 1024;  // as joinery bench flood
  std::uint32_t payload = 100;
  std::uint32_t window = 64;  // frames under way
  std::string directory = ".";
  bool json = false;
};

// One thread asleep in fdatasync: takes what was appended while it synced the last group.
class Log {
 public:
  explicit Log(const std::string& path)
      : fd_(::open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600)) {
    if (fd_ < 0) throw std::runtime_error("cannot create " + path);
    thread_ = std::thread([this] { run(); });
  }
  ~Log() {
    {
      std::lock_guard lock(mutex_);
      stop_ = true;
    }
    wake_.notify_one();
    thread_.join();
    ::close(fd_);
  }
  std::uint64_t append(const void* data, std::size_t size) {
    std::lock_guard lock(mutex_);
    pending_.append(static_cast<const char*>(data), size);
    end_ += size;
    wake_.notify_one();
    return end_;
  }
  std::uint64_t durable() const { return durable_.load(std::memory_order_acquire); }
  std::uint64_t syncs() const { return syncs_; }

 private:
  void run() {
    std::string group;
    for (std::unique_lock lock(mutex_);; lock.lock()) {
      wake_.wait(lock, [this] { return stop_ || !pending_.empty(); });
      if (pending_.empty()) return;
      group.clear();
      group.swap(pending_);
      lock.unlock();
      for (std::size_t done = 0; done < group.size();) {
        const ssize_t wrote = ::write(fd_, group.data() + done, group.size() - done);
        if (wrote < 0) std::abort();
        done += static_cast<std::size_t>(wrote);
      }
      if (::fdatasync(fd_) != 0) std::abort();
      ++syncs_;
      durable_.fetch_add(group.size(), std::memory_order_release);
    }
  }
  int fd_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::string pending_;
  std::uint64_t end_ = 0;
  std::uint64_t syncs_ = 0;
  bool stop_ = false;
  std::atomic<std::uint64_t> durable_{0};
  std::thread thread_;
};

void* dealer(void* context, const std::string& endpoint, const char* name) {
  void* socket = zmq_socket(context, ZMQ_DEALER);
  zmq_setsockopt(socket, ZMQ_ROUTING_ID, name, 1);
  if (zmq_connect(socket, endpoint.c_str()) != 0) throw std::runtime_error("connect failed");
  return socket;
}

// Sends frames [first job id, payloads...], at most `window` unanswered.
void produce(const Options& options, const std::string& endpoint) {
  void* context = zmq_ctx_new();
  void* socket = dealer(context, endpoint, "P");
  std::string frame(sizeof(std::uint64_t) + std::size_t{options.batch} * options.payload, 'x');
  char answer[16];
  std::uint64_t unanswered = 0;
  for (std::uint64_t job = 0; job < options.jobs; job += options.batch) {
    std::memcpy(frame.data(), &job, sizeof job);
    zmq_send(socket, frame.data(), frame.size(), 0);
    if (++unanswered == options.window) {
      zmq_recv(socket, answer, sizeof answer, 0);
      --unanswered;
    }
  }
  for (; unanswered != 0; --unanswered) zmq_recv(socket, answer, sizeof answer, 0);
  zmq_close(socket);
  zmq_ctx_term(context);
}

// Looks at each payload and returns the ids.
void work(const Options& options, const std::string& endpoint) {
  void* context = zmq_ctx_new();
  void* socket = dealer(context, endpoint, "W");
  zmq_send(socket, "r", 1, 0);
  std::string frame(sizeof(std::uint64_t) + std::size_t{options.batch} * options.payload, 0);
  std::uint64_t touched = 0;
  for (;;) {
    if (zmq_recv(socket, frame.data(), frame.size(), 0) <= 1) break;
    for (std::size_t i = sizeof(std::uint64_t); i < frame.size(); i += options.payload)
      touched += static_cast<unsigned char>(frame[i]);
    zmq_send(socket, frame.data(), sizeof(std::uint64_t), 0);
  }
  zmq_close(socket);
  zmq_ctx_term(context);
  ::_exit(touched == 0 ? 1 : 0);
}

struct Held {
  std::uint64_t needs;  // log position
  std::string frame;
};

double relay(const Options& options, const std::string& endpoint, std::uint64_t& syncs) {
  void* context = zmq_ctx_new();
  void* router = zmq_socket(context, ZMQ_ROUTER);
  const int unlimited = 0;
  zmq_setsockopt(router, ZMQ_SNDHWM, &unlimited, sizeof unlimited);
  zmq_setsockopt(router, ZMQ_RCVHWM, &unlimited, sizeof unlimited);
  if (zmq_bind(router, endpoint.c_str()) != 0) throw std::runtime_error("bind failed");
  const std::string path = options.directory + "/joinery-limit.log";
  double seconds = 0;
  {
    Log log(path);
    std::vector<std::uint64_t> index(options.jobs + options.batch);  // id -> place; 0: finished
    std::deque<Held> held;
    bool worker = false;
    std::uint64_t finished = 0;
    auto start = std::chrono::steady_clock::now();
    zmq_msg_t message;
    zmq_msg_init(&message);
    char name = 0;
    while (finished < options.jobs) {
      zmq_pollitem_t item{router, 0, ZMQ_POLLIN, 0};
      zmq_poll(&item, 1, held.empty() ? 100 : 0);
      for (int i = 0; i < 64 && zmq_recv(router, &name, 1, ZMQ_DONTWAIT) == 1; ++i) {
        zmq_msg_recv(&message, router, 0);
        const char* data = static_cast<const char*>(zmq_msg_data(&message));
        const std::size_t size = zmq_msg_size(&message);
        if (size == 1) {
          worker = true;
          start = std::chrono::steady_clock::now();
          continue;
        }
        std::uint64_t first = 0;
        std::memcpy(&first, data, sizeof first);
        const std::uint64_t end = log.append(data, size);
        if (name == 'P') {
          for (std::uint32_t k = 0; k < options.batch; ++k)
            index[first + k] = end - size + sizeof first + std::uint64_t{k} * options.payload;
          held.push_back({end, std::string(data, size)});
        } else {
          for (std::uint32_t k = 0; k < options.batch; ++k) index[first + k] = 0;
          finished += options.batch;
        }
      }
      while (worker && !held.empty() && held.front().needs <= log.durable()) {
        zmq_send(router, "P", 1, ZMQ_SNDMORE);
        zmq_send(router, "a", 1, 0);
        zmq_send(router, "W", 1, ZMQ_SNDMORE);
        zmq_send(router, held.front().frame.data(), held.front().frame.size(), 0);
        held.pop_front();
      }
    }
    seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    zmq_msg_close(&message);
    zmq_send(router, "W", 1, ZMQ_SNDMORE);
    zmq_send(router, "q", 1, 0);
    syncs = log.syncs();
  }
  zmq_close(router);
  zmq_ctx_term(context);
  std::filesystem::remove(path);
  return seconds;
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  CLI::App app("The bare transport with an fdatasync'ed log: the limit that Joinery is compared with");
  app.add_option("--jobs", options.jobs, "jobs in all")->capture_default_str();
  app.add_option("--batch", options.batch, "jobs per frame")->capture_default_str();
  app.add_option("--payload", options.payload, "bytes per job")->capture_default_str();
  app.add_option("--window", options.window, "frames under way")->capture_default_str();
  app.add_option("--directory", options.directory, "where the log and the socket are")->capture_default_str();
  app.add_flag("--json", options.json, "print JSON");
  CLI11_PARSE(app, argc, argv);
  options.jobs = (options.jobs + options.batch - 1) / options.batch * options.batch;

  const std::string socket = fmt::format("{}/joinery-limit-{}.sock", options.directory, ::getpid());
  const std::string endpoint = "ipc://" + socket;
  std::vector<pid_t> children;
  for (auto* role : {&work, &produce}) {
    const pid_t child = ::fork();
    if (child == 0) {
      role(options, endpoint);
      ::_exit(0);
    }
    children.push_back(child);
  }
  std::uint64_t syncs = 0;
  const double seconds = relay(options, endpoint, syncs);
  for (pid_t child : children) ::waitpid(child, nullptr, 0);
  std::filesystem::remove(socket);
  const double rate = static_cast<double>(options.jobs) / seconds;
  if (options.json) {
    fmt::print(
        R"({{"scenario":"limit","durability":"sync","jobs":{},"batch":{},"payload":{},"seconds":{:.3f},"jobs_per_s":{:.0f},"syncs":{}}})"
        "\n",
        options.jobs, options.batch, options.payload, seconds, rate, syncs);
  } else {
    fmt::print("limit: {} jobs of {} bytes, {} a frame: {:.2f} s, {:.0f} jobs/s, {} syncs\n", options.jobs,
               options.payload, options.batch, seconds, rate, syncs);
  }
}
