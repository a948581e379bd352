#include "producer/cli/follow.h"

#include <fmt/chrono.h>
#include <fmt/core.h>

#include <utility>

#include "producer/cli/human.h"
#include "producer/cli/outcome.h"

namespace joinery::cli {
namespace {

// Between two questions, while nothing comes; the end of the job is told at once.
constexpr milliseconds pause{100};

class Follower {
 public:
  Follower(Context& context, JobId job) : context_(context), job_(job) {}

  ExitCode run() {
    for (;;) {
      const Json reply = ask();
      const Json& job = member(reply, "job");
      tell_state(job);
      tell_lines(reply);
      if (truth(reply, "more")) continue;
      if (ended_) return end(job);
      // What it said last was sent before its outcome: one more question has it.
      ended_ = has_ended(job) || outcome_came();
    }
  }

 private:
  // Waits for a broker that was there before: its job outlives it.
  Json ask() {
    for (;;) try {
        Json reply = context_.request("job.follow", Json{{"job", job_}, {"after", after_}});
        if (std::exchange(alone_, false)) context_.out.note("the broker is back");
        asked_ = true;
        return reply;
      } catch (const ClientError& error) {
        if (!asked_ || !is_away(error)) throw;
        if (!std::exchange(alone_, true)) context_.out.note("no broker answers; still trying");
      }
  }

  static bool is_away(const ClientError& error) {
    return error.code() == Code::broker_unreachable || error.code() == Code::timed_out;
  }

  static bool has_ended(const Json& job) {
    return !member(job, "outcome").is_null() || text(job, "state") == "failed";
  }

  bool outcome_came() {
    try {
      context_.client().wait({job_}, pause);
      return true;
    } catch (const ClientError& error) {
      if (!is_away(error)) throw;
      return false;
    }
  }

  // While it does not run: what keeps it from that, when that changes.
  void tell_state(const Json& job) {
    if (has_ended(job) || text(job, "state") == "running") return;
    std::string state = text(job, "state");
    if (const std::string reason = text(job, "reason"); !reason.empty()) state += ": " + reason;
    if (state == state_) return;
    state_ = state;
    if (context_.out.json())
      return context_.out.value(
          Json{{"what", "state"}, {"state", text(job, "state")}, {"reason", text(job, "reason")}});
    context_.out.line(harmless(state));
    context_.out.flush();
  }

  void tell_lines(const Json& reply) {
    if (const std::uint64_t lost = number(reply, "lost"); lost != 0) {
      if (context_.out.json()) {
        context_.out.value(Json{{"what", "lost"}, {"lines", lost}});
      } else {
        context_.out.note(fmt::format("{} came too fast and got lost", plural(lost, "line")));
      }
    }
    for (const Json& line : member(reply, "lines")) {
      context_.out.json() ? context_.out.value(line) : context_.out.line(readable_line(line));
    }
    after_ = number(reply, "next", after_);
    context_.out.flush();
  }

  static std::string readable_line(const Json& line) {
    const Wall at(milliseconds(static_cast<std::int64_t>(number(line, "at_ms"))));
    const std::time_t seconds =
        std::chrono::system_clock::to_time_t(std::chrono::floor<std::chrono::seconds>(at));
    const std::string what = text(line, "what");
    const std::string said = harmless(text(line, "text"));
    const std::string out = fmt::format("{:%H:%M:%S} #{} ", fmt::localtime(seconds), number(line, "attempt"));
    if (what == "started") return out + "runs on " + said;
    if (what == "ended") return out + "failed: " + said;
    if (what == "log") return out + text(line, "level") + ": " + said;
    return out + harmless(progress_text(line));
  }

  ExitCode end(const Json& job) {
    const std::string outcome = text(job, "outcome", text(job, "state"));
    if (context_.out.json()) {
      Json last = job;
      unpack_dossier(last);
      last["what"] = "outcome";
      last["outcome"] = outcome;
      context_.out.value(last);
    } else {
      const std::string why = outcome == "succeeded" ? std::string() : failure_text(job);
      context_.out.line(outcome + (why.empty() ? "" : ": " + harmless(why)));
    }
    return outcome == "succeeded" ? ExitCode::success : ExitCode::jobs_failed;
  }

  Context& context_;
  JobId job_;
  std::uint64_t after_ = 0;
  std::string state_;
  bool ended_ = false;
  bool asked_ = false;  // and answered
  bool alone_ = false;  // without a broker, and told so
};

}  // namespace

ExitCode follow(Context& context, JobId job) { return Follower(context, job).run(); }

}  // namespace joinery::cli
