#include "tasks.h"

#include <fcntl.h>
#include <joinery/pool.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <thread>

namespace joinery::testing {
namespace {

std::string set_up_with = "nothing";

struct Visits {
  int number = 0;
};

// Packing it throws.
struct Stubborn {
  template <typename Packer>
  void msgpack_pack(Packer&) const {
    throw std::runtime_error("cannot be packed");
  }
};

int odd_fails(int number) {
  if (number % 2 != 0) throw std::out_of_range("odd: " + std::to_string(number));
  return number;
}

// What it throws is no text, and far too long.
int odd_screams(int number) {
  if (number % 2 != 0) throw std::runtime_error(std::string(20U << 20U, '\xff'));
  return number;
}

int crash_at(int number) {
  if (number == 13) ::raise(SIGKILL);
  return number;
}

int crash_once(const std::string& file, int number) {
  const int fd = ::open(file.c_str(), O_CREAT | O_EXCL | O_WRONLY, 0600);
  if (fd >= 0) ::raise(SIGKILL);
  return number;
}

int wait_ms(int number) {
  std::this_thread::sleep_for(std::chrono::milliseconds(number));
  return number;
}

void wait_for_file(const std::string& file) {
  while (!std::filesystem::exists(file)) std::this_thread::sleep_for(std::chrono::milliseconds(1));
}

void fail_once(const std::string& file) {
  const std::string whole = file + ".whole";
  if (::open(file.c_str(), O_CREAT | O_EXCL | O_WRONLY, 0600) >= 0) {
    std::ofstream(whole + ".new") << ::getpid();
    std::filesystem::rename(whole + ".new", whole);
    throw std::runtime_error("the first one");
  }
  wait_for_file(whole);
  pid_t failed = 0;
  std::ifstream(whole) >> failed;
  while (::kill(failed, 0) == 0) std::this_thread::sleep_for(std::chrono::milliseconds(1));
}

}  // namespace

Tasks::Tasks(Program& program)
    : square(program.task("square", [](int x) { return x * x; })),
      add(program.task("add", [](int a, int b) { return a + b; })),
      echo(program.task("echo", [](std::string text) { return text; })),
      large(program.task("large", [](std::size_t size) { return std::string(size, 'x'); })),
      odd_fails(program.task("odd_fails", testing::odd_fails)),
      odd_screams(program.task("odd_screams", testing::odd_screams)),
      crash_at(program.task("crash_at", testing::crash_at)),
      crash_once(program.task("crash_once", testing::crash_once)),
      crash_once_then_wait(program.task("crash_once_then_wait",
                                        [](const std::string& file) {
                                          testing::crash_once(file, 0);
                                          testing::wait_for_file(file + ".go");
                                        })),
      fail_once(program.task("fail_once", testing::fail_once)),
      wait_ms(program.task("wait_ms", testing::wait_ms)),
      wait_for_file(program.task("wait_for_file", testing::wait_for_file)),
      wait_then(program.task("wait_then",
                             [](const std::string& file, int number) {
                               testing::wait_for_file(file);
                               return number;
                             })),
      set_up(program.task("set_up", [](const std::string& with) { set_up_with = with; })),
      what_was_set(program.task("what_was_set", [] { return set_up_with; })),
      pid(program.task("pid", [] { return static_cast<int>(::getpid()); })),
      unencodable("unencodable", true),
      nothing(program.task("nothing", [](int) {})),
      visit(program.task("visit", [](JobContext& job) { return ++job.local<Visits>().number; })) {
  program.local([] { return Visits(); });
  program.task("unencodable", [](const std::string&) { return Stubborn(); });
}

// A pool whose only process never ends its job. Prints the process's id.
static int own_a_pool(const Tasks& tasks, const std::string& endpoint, const std::string& file) {
  const Program program(0, nullptr, {.endpoint = endpoint});
  Pool pool(program, {.processes = 1});
  const int process = pool.apply(tasks.pid);
  auto never = pool.apply_async(tasks.wait_for_file, {file});
  auto neither = pool.apply_async(tasks.wait_for_file, {file});
  std::printf("%d\n", process);
  std::fflush(stdout);
  never.wait();
  return 0;
}

void SdkTest::make_file(const std::string& name) const { std::ofstream(path(name)) << '\n'; }

}  // namespace joinery::testing

int main(int argc, char** argv) {
  joinery::Program program(argc, argv);
  const joinery::testing::Tasks tasks(program);
  if (const auto code = program.child()) return *code;
  if (argc > 1 && std::string_view(argv[1]) == "--endpoint")
    return program.work(argc, argv);  // Stack::start_worker
  if (argc > 3 && std::string_view(argv[1]) == "own-a-pool")
    return joinery::testing::own_a_pool(tasks, argv[2], argv[3]);
  ::testing::InitGoogleMock(&argc, argv);
  return RUN_ALL_TESTS();
}
