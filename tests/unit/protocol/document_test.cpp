// docs/protocol.md against the code: its messages, its frames in bytes, its limits, and its pool process.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <sstream>

#include "fixtures.h"
#include "shared/base/unique_fd.h"
#include "shared/protocol/pool.h"
#include "shared/protocol/value.h"

namespace joinery::protocol {
namespace {

std::string document() {
  std::ifstream file(JOINERY_DOCS "/protocol.md");
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

// The block that begins with ```LANGUAGE.
std::string block(const std::string& language) {
  const std::string text = document();
  const std::size_t begin = text.find("```" + language + "\n") + 4 + language.size();
  return text.substr(begin, text.find("```", begin) - begin);
}

// The cells of the row of section 1's table that begins with `number`.
std::vector<std::string> message_row(int number) {
  std::istringstream lines(document());
  std::string line;
  while (std::getline(lines, line) && line != "| type | message | from | fields after the type |") {
  }
  const std::string begin = "| " + std::to_string(number) + " |";
  while (std::getline(lines, line) && !line.starts_with(begin)) {
  }
  std::vector<std::string> cells;
  std::istringstream cut(line);
  for (std::string cell; std::getline(cut, cell, '|');) cells.push_back(cell);
  return cells;
}

TEST(Document, ListsEveryMessageWithItsNumberOfFields) {
  for (const Message& message : one_of_each()) {
    Buffer frame;
    encode(message, frame);
    const auto type = static_cast<int>(*type_of(frame));
    const auto fields = (static_cast<unsigned char>(frame[0]) & 0x0fU) - 1;
    const std::vector<std::string> cells = message_row(type);
    ASSERT_EQ(cells.size(), 5U) << "type " << type;
    const std::string& names = cells[4];
    const bool none = names.find_first_not_of(' ') == std::string::npos;
    const auto most = none ? 0 : 1 + std::ranges::count(names, ',');
    EXPECT_LE(fields, most) << "type " << type << ": " << names;
    EXPECT_GE(fields, most - std::ranges::count(names, '?')) << "type " << type << ": " << names;
  }
}

TEST(Document, ItsFramesAreWhatTheCodecWrites) {
  std::istringstream lines(block("hex"));
  std::vector<std::size_t> messages;
  for (std::string line; std::getline(lines, line);) {
    Buffer frame;
    std::istringstream bytes(line);
    for (std::string byte; bytes >> byte;) frame.push_back(static_cast<char>(std::stoi(byte, nullptr, 16)));
    const auto decoded = decode(frame);
    ASSERT_TRUE(decoded) << line << ": " << decoded.error().message;
    Buffer again;
    encode(*decoded, again);
    EXPECT_EQ(again, frame) << line;
    messages.push_back(decoded->index());
  }
  EXPECT_EQ(messages.size(), 3U);
}

TEST(Document, TellsTheLimitsThatHold) {
  const std::string text = document();
  EXPECT_THAT(text,
              testing::HasSubstr("| frame_max | uint | " + std::to_string(limits::frame_max_default) + " |"));
  EXPECT_THAT(text, testing::HasSubstr("| payload_max | uint | " +
                                       std::to_string(limits::payload_max_default) + " |"));
  EXPECT_EQ(limits::jobs_per_frame_max, 65'536U);
  EXPECT_EQ(limits::name_max, 255U);
  EXPECT_EQ(pool::message_max, 64U << 20U);
  EXPECT_EQ(version, 1U);
  EXPECT_EQ(pool::version, 1U);
}

// Debian's Python, which has the msgpack of the distribution.
constexpr const char* python = "/usr/bin/python3";

// The document's program as a pool process, its socket on descriptor 3.
class PythonProcess {
 public:
  PythonProcess() {
    int ends[2];
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    wire_.reset(ends[0]);
    const unique_fd theirs(ends[1]);
    const std::string program = block("python");
    pid_ = fork();
    if (pid_ == 0) {
      if (theirs.get() == pool::descriptor) {
        fcntl(theirs.get(), F_SETFD, 0);
      } else {
        dup2(theirs.get(), pool::descriptor);
      }
      execl(python, python, "-c", program.c_str(), nullptr);
      _exit(127);
    }
  }
  ~PythonProcess() {
    wire_.reset();
    if (pid_ > 0) waitpid(pid_, nullptr, 0);
  }

  void send(const pool::Message& message) {
    Buffer bytes;
    pool::encode(message, bytes);
    ASSERT_EQ(::send(wire_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(bytes.size()));
  }

  // Its views hold until the next call.
  pool::Message receive() {
    pool::Message message;
    for (;;) {
      const auto taken = pool::decode(Bytes(stream_).substr(at_), message);
      EXPECT_TRUE(taken) << taken.error().message;
      if (!taken) return message;
      if (*taken > 0) {
        at_ += *taken;
        return message;
      }
      char chunk[4096];
      const ssize_t size = read(wire_.get(), chunk, sizeof chunk);
      EXPECT_GT(size, 0) << "the process ended";
      if (size <= 0) return message;
      stream_.append(chunk, static_cast<std::size_t>(size));
    }
  }

  int exit_status() {
    int status = -1;
    waitpid(std::exchange(pid_, -1), &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }

 private:
  unique_fd wire_;
  pid_t pid_ = -1;
  Buffer stream_;  // kept whole, as the messages point into it
  std::size_t at_ = 0;
};

TEST(Document, ItsPoolProcessInPythonWorks) {
  if (std::system("/usr/bin/python3 -c 'import msgpack' 2>/dev/null") != 0)
    GTEST_SKIP() << "python3-msgpack is not here";
  PythonProcess process;
  EXPECT_THAT(std::get<pool::Ready>(process.receive()).handlers, testing::ElementsAre("resize"));

  const Buffer arguments = encode(Value::array().push("cat.jpg").push(75));
  process.send(
      pool::Run{"resize",
                {.queue = "q", .content_type = {}, .soft_timeout_ms = 0, .trace = {}, .keep_result = true},
                {{{1, 1, 1}, 0, arguments}, {{2, 1, 1}, 0, "\x90"}}});
  const auto first = std::get<pool::Done>(process.receive());
  ASSERT_EQ(first.outcomes.size(), 1U);
  EXPECT_EQ(first.outcomes[0].result, encode(Value("cat.jpg at 75")));
  const auto second = std::get<pool::Done>(process.receive());
  EXPECT_FALSE(second.outcomes.at(0).ok);
  EXPECT_FALSE(second.outcomes.at(0).retry);
  EXPECT_EQ(second.outcomes.at(0).failure.type, "TypeError");

  process.send(pool::Stop{});
  EXPECT_EQ(process.exit_status(), 0);
}

}  // namespace
}  // namespace joinery::protocol
