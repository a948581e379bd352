// Thumbnails of all JPEG and PNG files below a directory, by a pool of processes.
//
//   joinery-thumbnails PHOTOS --size 75 --to small
//
// A broken image is named on stderr, and the exit code is 2; the others are made all the same.
#include <joinery/pool.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <thread>

#include "thumbnail.h"
#include "without_queue.h"

namespace {

namespace fs = std::filesystem;
using thumbnails::Order;

struct Options {
  std::string from;
  std::string to = "thumbnails";
  int size = 75;
  unsigned processes = std::max(std::thread::hardware_concurrency(), 1U);
  bool without_queue = false;
};

bool is_image(const fs::path& path) {
  std::string ending = path.extension();
  std::ranges::transform(ending, ending.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return ending == ".jpg" || ending == ".jpeg" || ending == ".png";
}

std::vector<Order> orders_of(const Options& options) {
  const fs::path from = fs::canonical(options.from);
  const fs::path to = fs::weakly_canonical(options.to);
  std::vector<Order> orders;
  for (auto entry = fs::recursive_directory_iterator(from); entry != fs::recursive_directory_iterator();
       ++entry) {
    if (entry->path() == to) entry.disable_recursion_pending();  // what an earlier run made
    if (!entry->is_regular_file() || !is_image(entry->path())) continue;
    const fs::path target = to / fs::relative(entry->path(), from);
    fs::create_directories(target.parent_path());
    orders.push_back({entry->path(), target, options.size});
  }
  std::ranges::sort(orders, {}, &Order::from);
  return orders;
}

// One line on a terminal, at most ten times a second; nothing in a pipe.
class Progress {
 public:
  explicit Progress(std::size_t all) : all_(all) {}

  void one_more(std::size_t done, std::size_t broken) {
    const auto now = Clock::now();
    if (!shown_ || (now < next_ && done != all_)) return;
    next_ = now + std::chrono::milliseconds(100);
    const double seconds = std::chrono::duration<double>(now - begin_).count();
    std::fprintf(stderr, "\r%zu of %zu, %.0f/s, %zu broken\033[K%s", done, all_,
                 static_cast<double>(done) / seconds, broken, done == all_ ? "\n" : "");
  }
  // Makes room for another line.
  void aside() const {
    if (shown_) std::fputs("\r\033[K", stderr);
  }

 private:
  using Clock = std::chrono::steady_clock;
  const bool shown_ = isatty(STDERR_FILENO) == 1;
  const std::size_t all_;
  const Clock::time_point begin_ = Clock::now();
  Clock::time_point next_ = begin_;
};

using Make = joinery::Task<void(Order)>;

// Through the queue, in the order of the files. Returns how many images were broken.
std::size_t make_all(const joinery::Program& program, const Make& task, const joinery::BoundTask& prepare,
                     const std::vector<Order>& orders, unsigned processes) {
  joinery::Pool pool(program, {.processes = processes, .initializer = prepare});
  auto results = pool.imap(task, orders, std::clamp<std::size_t>(orders.size() / (processes * 16), 1, 32));
  Progress progress(orders.size());
  std::size_t broken = 0;
  for (std::size_t i = 0; i < orders.size(); ++i) {
    try {
      results.next();
    } catch (const joinery::RemoteError& error) {
      ++broken;
      progress.aside();
      std::fprintf(stderr, "%s: %s\n", orders[i].from.c_str(), error.message().c_str());
    }
    progress.one_more(i + 1, broken);
  }
  return broken;
}

}  // namespace

int main(int argc, char** argv) try {
  joinery::Program program(argc, argv);
  const auto make = program.task("thumbnail", thumbnails::make);
  const auto prepare = program.task("prepare", thumbnails::prepare);
  if (auto code = program.child()) return *code;

  Options options;
  CLI::App app("thumbnails of all JPEG and PNG files below a directory", "joinery-thumbnails");
  app.add_option("DIR", options.from, "where the images are")->required()->check(CLI::ExistingDirectory);
  app.add_option("--size", options.size, "most pixels of width and height")
      ->check(CLI::Range(1, 20'000))
      ->capture_default_str();
  app.add_option("--to", options.to, "where the thumbnails go, in the same folders")->capture_default_str();
  app.add_option("--processes", options.processes, "how many work at a time")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  app.add_flag("--without-queue", options.without_queue,
               "the same by plain processes, to compare: no broker, no progress");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 64;
  }

  const std::vector<Order> orders = orders_of(options);
  const std::size_t broken = options.without_queue
                                 ? thumbnails::make_without_queue(orders, options.processes)
                                 : make_all(program, make, prepare.bind(), orders, options.processes);
  std::printf("%zu thumbnails in %s, %zu broken images\n", orders.size() - broken, options.to.c_str(),
              broken);
  return broken == 0 ? 0 : 2;
} catch (const std::exception& error) {
  std::fprintf(stderr, "joinery-thumbnails: %s\n", error.what());
  return 1;
}
