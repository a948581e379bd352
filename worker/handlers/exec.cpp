#include "worker/handlers/exec.h"

#include <fmt/format.h>
#include <string.h>
#include <sys/wait.h>

#include "shared/protocol/reader.h"
#include "shared/protocol/writer.h"
#include "worker/handlers/command.h"

namespace joinery::handlers {
namespace {

// Text that goes to the operating system, which ends it at the first zero byte.
std::string text(protocol::Reader& in, const char* field) {
  const Bytes value = in.str(field);
  if (value.find('\0') != Bytes::npos) {
    in.refuse(Code::malformed_payload, fmt::format("{} contains a zero byte", field), field);
  }
  return std::string(value);
}

void read_environment(protocol::Reader& in, std::vector<std::string>& environment) {
  for (std::uint32_t left = in.map("env"); left > 0 && in.ok(); --left) {
    const std::string name = text(in, "env");
    if (name.empty() || name.find('=') != std::string::npos) {
      in.refuse(Code::malformed_payload, fmt::format("env has the name \"{}\"", name), "env");
    }
    environment.push_back(name + "=" + text(in, "env"));
  }
}

// What an input is as text: what a command wrote to stdout, a text or bytes as they are, all else as its
// msgpack.
std::string text_of(Bytes input) {
  protocol::Reader in(input);
  const unsigned char first = in.peek();
  if (first >= 0x80 && first <= 0x8f) {
    for (std::uint32_t left = in.map("input"); left > 0 && in.ok(); --left) {
      if (in.str("input") == "stdout") return std::string(in.bin("input"));
      in.raw("input");
    }
    return std::string(input);
  }
  const bool plain = (first >= 0xa0 && first <= 0xbf) || (first >= 0xc4 && first <= 0xc6) ||
                     (first >= 0xd9 && first <= 0xdb);
  return std::string(plain ? in.bin("input") : input);
}

// Inputs are the command's stdin, one after the other, if the payload has none of its own; and the word
// {input} of its arguments, one per line. Returns what the stdin points into.
std::unique_ptr<const std::string> give_inputs(const JobContext& job, Command& command) {
  const auto inputs = job.inputs();
  if (inputs.empty()) return nullptr;
  std::string all;
  std::string lines;
  for (const auto& input : inputs) {
    if (!input) continue;
    std::string text = text_of(*input);
    all += text;
    text.erase(text.find_last_not_of('\n') + 1);
    lines += (lines.empty() ? "" : "\n") + text;
  }
  constexpr std::string_view word = "{input}";
  for (std::string& argument : command.argv) {
    for (auto at = argument.find(word); at != std::string::npos; at = argument.find(word, at + lines.size()))
      argument.replace(at, word.size(), lines);
    if (argument.find('\0') != std::string::npos)
      throw MalformedPayload("an input for an argument contains a zero byte");
  }
  auto kept = std::make_unique<const std::string>(std::move(all));
  if (!command.input) command.input = Bytes(*kept);
  return kept;
}

Command read_payload(Bytes payload) {
  Command command;
  protocol::Reader in(payload);
  for (std::uint32_t left = in.map("payload"); left > 0 && in.ok(); --left) {
    const Bytes key = in.str("a key of the payload");
    if (key == "argv") {
      for (std::uint32_t count = in.array("argv"); count > 0 && in.ok(); --count) {
        command.argv.push_back(text(in, "argv"));
      }
    } else if (key == "stdin") {
      command.input = in.bin("stdin");
    } else if (key == "env") {
      read_environment(in, command.environment);
    } else if (key == "cwd") {
      command.directory = text(in, "cwd");
    } else {
      in.refuse(Code::unknown_field,
                fmt::format("\"{}\" is not known, expected argv, stdin, env or cwd", key), std::string(key));
    }
  }
  if (!in.done()) throw MalformedPayload(in.error().message);
  if (command.argv.empty() || command.argv[0].empty()) {
    throw MalformedPayload("argv is empty, expected a command and its arguments");
  }
  return command;
}

// In front of the payload's own variables, which therefore cannot pretend to be another delivery.
std::vector<std::string> with_delivery(const JobContext& job, std::vector<std::string> own) {
  std::vector<std::string> all{fmt::format("JOINERY_JOB_ID={}", job.id()),
                               fmt::format("JOINERY_ATTEMPT={}", job.attempt()),
                               fmt::format("JOINERY_FENCE={}", job.token().fence())};
  if (job.batch() != 0) all.push_back(fmt::format("JOINERY_BATCH={}", job.batch()));
  if (!job.trace().empty()) all.push_back("TRACEPARENT=" + job.trace());
  all.insert(all.end(), std::make_move_iterator(own.begin()), std::make_move_iterator(own.end()));
  return all;
}

Bytes last_line(Bytes output) {
  constexpr Bytes blank = " \t\r\n";
  const auto end = output.find_last_not_of(blank);
  if (end == Bytes::npos) return {};
  output = output.substr(0, end + 1);
  output = output.substr(output.rfind('\n') + 1);  // npos + 1 is 0
  constexpr std::size_t most = 500;
  return output.substr(0, most);
}

// The status of a command that a signal ended is the signal's number, negative.
Buffer result_of(const Ended& ended) {
  Buffer result;
  protocol::Writer out(result);
  out.map(4);
  out.str("status");
  out.i64(WIFSIGNALED(ended.status) ? -WTERMSIG(ended.status) : WEXITSTATUS(ended.status));
  out.str("stdout");
  out.bin(ended.out);
  out.str("stderr");
  out.bin(ended.err);
  out.str("truncated");
  out.boolean(ended.truncated);
  return result;
}

[[noreturn]] void fail_with(const char* type, int number, Bytes text, const Ended& ended) {
  Failure failure;
  failure.type = type;
  failure.message = text.empty() ? fmt::format("{}", number) : fmt::format("{}: {}", number, text);
  throw FailedWith(std::move(failure), true, result_of(ended));
}

Buffer run(JobContext& job, Bytes payload, std::size_t output_max) {
  Command command = read_payload(payload);
  const auto given = give_inputs(job, command);
  command.environment = with_delivery(job, std::move(command.environment));
  const auto ended = run_command(command, output_max, job);
  if (!ended) {
    Failure failure;
    failure.code = ended.error().code;
    failure.type = "command";
    failure.message = ended.error().message;
    throw FailedWith(std::move(failure), may_retry(ended.error().code));
  }
  if (WIFSIGNALED(ended->status)) {
    const int number = WTERMSIG(ended->status);
    const char* name = sigabbrev_np(number);
    fail_with("signal", number, name ? fmt::format("SIG{}", name) : std::string(), *ended);
  }
  if (WEXITSTATUS(ended->status) != 0) {
    fail_with("exit status", WEXITSTATUS(ended->status), last_line(ended->err), *ended);
  }
  return result_of(*ended);
}

}  // namespace

Handler exec(std::size_t output_max) {
  return [output_max](JobContext& job, Bytes payload) { return run(job, payload, output_max); };
}

}  // namespace joinery::handlers
