// Tests of Process and Pipe are their own children: main() hands over to the program before GoogleTest.
#include <gmock/gmock.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <string_view>

#include "tasks.h"

namespace joinery::testing {
namespace {

const Program* the_program = nullptr;
const Tasks* the_tasks = nullptr;

void wait_for_end(Connection connection) { connection.poll({}); }

void echo(Connection connection) {
  try {
    for (;;) connection.send_bytes(connection.recv_bytes());
  } catch (const EOFError&) {
    return;
  }
}

void forward(Connection from, Connection to) {
  try {
    for (;;) to.send_bytes(from.recv_bytes());
  } catch (const EOFError&) {
    return;
  }
}

void last_word(const msgpack::object& words, Connection connection) {
  connection.recv<std::vector<std::string>>();
  connection.send(words.as<std::vector<std::string>>().back());
}

// A program that is killed while it has a daemon and another child. Prints their ids.
int own_children() {
  auto [here, there] = Pipe();
  Process daemon(program(), tasks().wait_for_end.bind(there), {.daemon = true});
  Process other(program(), tasks().wait_for_end.bind(there));
  daemon.start();
  other.start();
  std::printf("%d %d\n", daemon.pid().value_or(0), other.pid().value_or(0));
  std::fflush(stdout);
  ::pause();
  return 0;
}

}  // namespace

Tasks::Tasks(Program& program)
    : nothing(program.task("nothing", [] {})),
      fail(program.task("fail", [](const std::string& why) { throw std::runtime_error(why); })),
      leave(program.task("leave", [](int status) { std::exit(status); })),
      raise(program.task("raise", [](int signal) { ::raise(signal); })),
      wait_for_end(program.task("wait_for_end", testing::wait_for_end)),
      echo(program.task("echo", testing::echo)),
      forward(program.task("forward", testing::forward)),
      last_word(program.task("last_word", testing::last_word)),
      greet(program.task("greet", [](const std::string& address, const std::string& text) {
        connect(address).send(text);
      })) {}

const Program& program() { return *the_program; }
const Tasks& tasks() { return *the_tasks; }

}  // namespace joinery::testing

int main(int argc, char** argv) {
  joinery::Program program(argc, argv);
  const joinery::testing::Tasks tasks(program);
  if (const auto code = program.child()) return *code;
  joinery::testing::the_program = &program;
  joinery::testing::the_tasks = &tasks;
  if (argc > 1 && std::string_view(argv[1]) == "own-children") return joinery::testing::own_children();
  ::testing::InitGoogleMock(&argc, argv);
  return RUN_ALL_TESTS();
}
