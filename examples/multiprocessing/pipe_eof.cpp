// A pipe to a process: what it is sent it answers, until the pipe ends.
#include <joinery/connection.h>
#include <joinery/process.h>

#include <cctype>
#include <cstdio>
#include <string>

namespace {

void shout(joinery::Connection connection) {
  try {
    for (;;) {
      auto text = connection.recv<std::string>();
      for (char& letter : text) letter = static_cast<char>(std::toupper(static_cast<unsigned char>(letter)));
      connection.send(text);
    }
  } catch (const joinery::EOFError&) {
    std::puts("the pipe has ended");
  }
}

}  // namespace

int main(int argc, char** argv) {
  joinery::Program program(argc, argv);
  auto task = program.task("shout", shout);
  if (auto code = program.child()) return *code;

  auto [here, there] = joinery::Pipe();
  joinery::Process process(program, task.bind(there));
  process.start();
  there.close();  // the process has its own
  for (const char* word : {"hello", "world"}) {
    here.send(std::string(word));
    std::printf("%s\n", here.recv<std::string>().c_str());
  }
  std::fflush(stdout);
  here.close();
  process.join();
  return process.exitcode().value_or(1);
}
