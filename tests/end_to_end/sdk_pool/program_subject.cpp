// A program that starts itself, for program_test.cpp: says how its child ended.
#include <joinery/program.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <stdexcept>
#include <string>

#include "producer/sdk/self.h"
#include "shared/protocol/value.h"

namespace {

int run_child(const joinery::BoundTask& task) {
  joinery::protocol::Value description = joinery::protocol::Value::map();
  description.set("task", task.name);
  description.set("arguments", joinery::protocol::Value::bin(task.arguments));
  auto started = joinery::sdk::start_self({"process", joinery::protocol::encode(description), {}, false});
  if (!started) return std::puts(started.error().message.c_str()), 1;
  int status = 0;
  ::waitpid(started->pid, &status, 0);
  std::printf("ended with %d\n", WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status));
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  joinery::Program program(argc, argv);
  auto say = program.task("say", [](const std::string& text, int number) {
    std::printf("%zu bytes, %d\n", text.size(), number);
    std::fflush(stdout);
  });
  auto fail = program.task("fail", [](const std::string& why) { throw std::runtime_error(why); });
  const std::string verb = argc > 1 ? argv[1] : "";
  if (auto code = program.child()) return *code;
  if (verb == "say") return run_child(say.bind(std::string(1'000'000, 'x'), 7));
  if (verb == "fail") return run_child(fail.bind("for a reason"));
  return 1;
}
