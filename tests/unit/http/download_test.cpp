// Downloads to files: what is there afterwards, and what is not.
#include <sys/file.h>
#include <sys/inotify.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <future>
#include <sstream>

#include "runs.h"
#include "tests/support/temp_dir.h"

namespace joinery::http {
namespace {

using crawler::testing::Answer;
using crawler::testing::Asked;
using crawler::testing::ScriptedServer;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

std::string content_of(std::size_t size) {
  std::string content(size, ' ');
  for (std::size_t i = 0; i < size; ++i) content[i] = static_cast<char>('a' + i * 7 % 26);
  return content;
}

// The names that go from a folder, by removal or for another name, in their order.
class Leavers {
 public:
  explicit Leavers(const std::string& folder) : inotify_(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC)) {
    EXPECT_GE(::inotify_add_watch(inotify_.get(), folder.c_str(), IN_DELETE | IN_MOVED_FROM), 0);
  }
  std::vector<std::string> names() const {
    std::vector<std::string> names;
    alignas(inotify_event) std::array<char, 4096> buffer;
    for (ssize_t size; (size = ::read(inotify_.get(), buffer.data(), buffer.size())) > 0;) {
      for (ssize_t at = 0; at < size;) {
        const auto* event = reinterpret_cast<const inotify_event*>(buffer.data() + at);
        names.emplace_back(event->name);
        at += static_cast<ssize_t>(sizeof *event + event->len);
      }
    }
    return names;
  }

 private:
  unique_fd inotify_;
};

class DownloadTest : public Runs {
 protected:
  ~DownloadTest() override { stop_.set_value(); }

  Coroutine<Downloaded> get_file(const std::function<void(DownloadOptions&)>& set = [](auto&) {}) {
    return download(job_, server_.url("/file"), path_, with<DownloadOptions>(set));
  }
  std::string file() const {
    std::ifstream in(path_);
    std::ostringstream out;
    out << in.rdbuf();
    return out.str();
  }
  bool exists(const std::string& suffix = "") const { return std::filesystem::exists(path_ + suffix); }
  std::size_t part_size() const { return std::filesystem::file_size(path_ + ".part"); }
  std::string last_request() const { return server_.asked().back().head; }

  testing::TempDir dir_;
  const std::string path_ = dir_ / "file";
  const std::string content_ = content_of(500'000);
  Job job_;
  std::promise<void> stop_;
  std::shared_future<void> stopped_ = stop_.get_future().share();
  std::function<void(const Asked&, Answer&)> say_ = [this](const Asked& asked, Answer& answer) {
    whole(asked, answer);
  };
  ScriptedServer server_{[this](const Asked& asked, Answer& answer) { say_(asked, answer); }};

  static std::size_t asked_from(const Asked& asked) {
    const auto at = asked.head.find("Range: bytes=");
    return at == std::string::npos ? 0 : std::stoul(asked.head.substr(at + 13));
  }
  // What a good server says, of which `most` bytes come.
  void whole(const Asked& asked, Answer& answer, std::size_t most = std::string::npos,
             const std::string& version = "\"1\"") {
    const std::size_t from = asked_from(asked);
    const bool same = from > 0 && asked.head.find("If-Range: " + version) != std::string::npos;
    const std::string body = same ? content_.substr(from) : content_;
    answer.write(same ? "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes " + std::to_string(from) + "-" +
                            std::to_string(content_.size() - 1) + "/" + std::to_string(content_.size()) +
                            "\r\n"
                      : std::string("HTTP/1.1 200 OK\r\n"));
    answer.write("ETag: " + version + "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n");
    answer.write(body.substr(0, most));
    if (most < body.size()) answer.close();
  }
};

TEST_F(DownloadTest, TheFileIsThereWholeAndNothingBesideIt) {
  const Downloaded downloaded = run(get_file([this](auto& o) {
    o.bytes = content_.size();
    o.sync = true;
  }));
  EXPECT_EQ(downloaded.bytes, content_.size());
  EXPECT_EQ(downloaded.resumed_at, 0U);
  EXPECT_EQ(file(), content_);
  EXPECT_FALSE(exists(".part"));
  EXPECT_FALSE(exists(".part.from"));
  EXPECT_EQ(job_.fractions.back(), 1.0);
  EXPECT_EQ(job_.texts.back(), "500000 of 500000 bytes");
}

TEST_F(DownloadTest, AnEmptyFileIsAFileToo) {
  say_ = [](const Asked&, Answer& answer) { answer.status(200); };
  EXPECT_EQ(run(get_file()).bytes, 0U);
  EXPECT_TRUE(exists());
}

TEST_F(DownloadTest, AfterACutConnectionTheNextAttemptAsksForTheRest) {
  say_ = [this](const Asked& asked, Answer& answer) { whole(asked, answer, 100'000); };
  EXPECT_EQ(problem_of(get_file()), Problem::cut);
  EXPECT_FALSE(exists());
  EXPECT_EQ(part_size(), 100'000U);
  say_ = [this](const Asked& asked, Answer& answer) { whole(asked, answer); };
  const Downloaded downloaded = run(get_file());
  EXPECT_EQ(downloaded.resumed_at, 100'000U);
  EXPECT_EQ(downloaded.bytes, content_.size());
  EXPECT_EQ(file(), content_);
  EXPECT_FALSE(exists(".part.from"));
}

TEST_F(DownloadTest, AFileThatChangedMeanwhileBeginsAnew) {
  say_ = [this](const Asked& asked, Answer& answer) { whole(asked, answer, 100'000); };
  EXPECT_EQ(problem_of(get_file()), Problem::cut);
  say_ = [this](const Asked& asked, Answer& answer) { whole(asked, answer, std::string::npos, "\"2\""); };
  const Downloaded downloaded = run(get_file());
  EXPECT_EQ(downloaded.resumed_at, 0U);
  EXPECT_EQ(file(), content_);
}

TEST_F(DownloadTest, WhatAServerWithoutVersionsSentIsNotKept) {
  say_ = [](const Asked&, Answer& answer) {
    answer.write("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhel");
    answer.close();
  };
  EXPECT_EQ(problem_of(get_file()), Problem::cut);
  EXPECT_FALSE(exists(".part"));
}

TEST_F(DownloadTest, WithoutResumeNothingIsKept) {
  say_ = [this](const Asked& asked, Answer& answer) { whole(asked, answer, 100'000); };
  EXPECT_EQ(problem_of(get_file([](auto& o) { o.resume = false; })), Problem::cut);
  EXPECT_FALSE(exists(".part"));
  EXPECT_FALSE(exists(".part.from"));
}

TEST_F(DownloadTest, ARangeThatTheServerCannotGiveIsAskedForAsAWhole) {
  say_ = [this](const Asked& asked, Answer& answer) { whole(asked, answer, 100'000); };
  EXPECT_EQ(problem_of(get_file()), Problem::cut);
  say_ = [this](const Asked& asked, Answer& answer) {
    if (asked_from(asked) > 0) return answer.status(416, "Content-Range: bytes */50\r\n");
    whole(asked, answer);
  };
  EXPECT_EQ(run(get_file()).resumed_at, 0U);
  EXPECT_EQ(file(), content_);
  EXPECT_THAT(last_request(), Not(HasSubstr("Range:")));
}

TEST_F(DownloadTest, AnotherRangeThanTheOneAskedForIsRefused) {
  say_ = [this](const Asked& asked, Answer& answer) { whole(asked, answer, 100'000); };
  EXPECT_EQ(problem_of(get_file()), Problem::cut);
  say_ = [](const Asked&, Answer& answer) {
    answer.write("HTTP/1.1 206 Partial\r\nContent-Range: bytes 5-7/8\r\nContent-Length: 3\r\n\r\nabc");
  };
  EXPECT_EQ(problem_of(get_file()), Problem::bad_answer);
  EXPECT_THAT(message_, HasSubstr("expected one from byte 100000"));
  EXPECT_FALSE(exists(".part"));
}

TEST_F(DownloadTest, A404IsAnErrorForGoodAndA503IsNot) {
  for (const auto& [status, retry] : {std::pair(404, false), std::pair(503, true), std::pair(429, true)}) {
    say_ = [status = status](const Asked&, Answer& answer) { answer.status(status); };
    try {
      run(get_file());
      ADD_FAILURE();
    } catch (const Error& error) {
      EXPECT_EQ(error.status(), status);
      EXPECT_EQ(error.may_retry(), retry);
    }
    EXPECT_FALSE(exists());
    EXPECT_FALSE(exists(".part"));
  }
}

TEST_F(DownloadTest, AnEndlessBodyEndsAtItsLimitAndLeavesNothing) {
  say_ = [](const Asked&, Answer& answer) {
    answer.write("HTTP/1.1 200 OK\r\nETag: \"1\"\r\n\r\n");
    while (answer.write(std::string(10'000, 'x'))) {
    }
  };
  EXPECT_EQ(problem_of(get_file([](auto& o) { o.max_bytes = 200'000; })), Problem::too_large);
  EXPECT_FALSE(exists(".part"));
}

TEST_F(DownloadTest, OneThatSaysItIsTooLargeIsNotEvenBegun) {
  EXPECT_EQ(problem_of(get_file([](auto& o) { o.max_bytes = 1000; })), Problem::too_large);
  EXPECT_TRUE(job_.texts.empty());
}

TEST_F(DownloadTest, AnotherLengthThanExpectedIsAnError) {
  EXPECT_EQ(problem_of(get_file([this](auto& o) { o.bytes = content_.size() + 1; })), Problem::bad_answer);
  EXPECT_THAT(message_, HasSubstr("500000 bytes, expected 500001"));
  EXPECT_EQ(problem_of(get_file([](auto& o) { o.bytes = 10; })), Problem::bad_answer);
  EXPECT_FALSE(exists());
}

TEST_F(DownloadTest, OneCancelledInTheMiddleLeavesItsPartForTheNextAttempt) {
  say_ = [this](const Asked& asked, Answer& answer) {
    if (asked_from(asked) > 0) return whole(asked, answer);
    answer.write("HTTP/1.1 200 OK\r\nETag: \"1\"\r\nContent-Length: 500000\r\n\r\n" +
                 content_.substr(0, 50'000));
    stopped_.wait();
  };
  job_.on_progress = [this] { cancel_soon(); };
  EXPECT_THROW(run(get_file()), Cancelled);
  EXPECT_FALSE(exists());
  EXPECT_GT(part_size(), 0U);
  job_.on_progress = nullptr;
  EXPECT_GT(run(get_file()).resumed_at, 0U);
  EXPECT_EQ(file(), content_);
}

TEST_F(DownloadTest, TwoDownloadsDoNotWriteTheSameFile) {
  const unique_fd other(::open((path_ + ".part").c_str(), O_RDWR | O_CREAT, 0666));
  ASSERT_EQ(::flock(other.get(), LOCK_EX), 0);
  EXPECT_EQ(problem_of(get_file()), Problem::file);
  EXPECT_THAT(message_, HasSubstr("another download"));
}

// Once file.part has gone, a successor may begin one, with a file.part.from of its own: that was removed by a
// predecessor that ended by removing its own, or what it took for that.
TEST_F(DownloadTest, ItTouchesNothingMoreOnceItsPartHasGone) {
  const Leavers leavers(dir_.path());
  run(get_file());
  EXPECT_THAT(leavers.names(), ElementsAre("file.part.from", "file.part")) << "it has its name";

  EXPECT_EQ(problem_of(get_file([this](auto& o) { o.bytes = content_.size() + 1; })), Problem::bad_answer);
  EXPECT_THAT(leavers.names(), ElementsAre("file.part.from", "file.part")) << "it is of no use";
}

TEST_F(DownloadTest, AFolderThatIsNotThereIsNamed) {
  EXPECT_EQ(problem_of(download(job_, server_.url("/file"), dir_ / "no/such/file")), Problem::file);
  EXPECT_THAT(message_, HasSubstr("no/such/file"));
}

}  // namespace
}  // namespace joinery::http
