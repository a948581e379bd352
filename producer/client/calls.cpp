// What a caller waits for: each call is a task for the client's thread, and a promise.
#include "producer/client/impl.h"
#include "shared/base/longest_wait.h"

namespace joinery {
namespace {

using Timeout = std::optional<std::chrono::milliseconds>;

std::optional<Mono> deadline_of(Now now, Timeout timeout) {
  if (!timeout || timeout->count() < 0) return std::nullopt;
  return now.mono + at_longest(*timeout);
}

std::unexpected<Error> wrong_answer() {
  return fail(Code::internal, "the broker answered with a message that does not fit the request");
}

}  // namespace

void Client::Impl::connect() {
  call<bool>([this](Now now, Reply<bool> reply) {
    if (session_.refused()) return reply.set_value(std::unexpected(*session_.refused()));
    connects_.push_back({now.mono, std::move(reply)});
  });
}

void Client::Impl::flush(std::optional<Mono> deadline) {
  call<bool>([this, deadline](Now now, Reply<bool> reply) {
    send_frames(now, true);
    flushes_.push_back({session_.last_sequence(), deadline, std::move(reply)});
  });
}

void Client::Impl::flush_at_end() { flush(deadline_of(read_clocks(), options_.timeout)); }

Counts Client::Impl::join(protocol::Join target, Timeout timeout) {
  return call<Counts>([this, timeout, target = std::move(target)](Now now, Reply<Counts> reply) mutable {
    send_frames(now, true);  // what was submitted before is joined too
    auto sequence = std::make_shared<std::uint64_t>(0);
    *sequence = session_.ask(
        now, client::Session::Kind::reading, deadline_of(now, timeout),
        [&target](std::uint64_t number, std::uint64_t) -> protocol::Message {
          target.request = number;
          return target;
        },
        [this, sequence, reply = std::move(reply)](const Result<const protocol::Message*>& answer) mutable {
          if (!answer) {
            if (answer.error().code == Code::timed_out) {
              session_.tell(read_clocks(), protocol::Forget{*sequence});
              return reply.set_value(fail(Code::timed_out, "the jobs did not finish in time"));
            }
            return reply.set_value(std::unexpected(answer.error()));
          }
          const auto* joined = std::get_if<protocol::Joined>(*answer);
          if (joined == nullptr) return reply.set_value(wrong_answer());
          reply.set_value(joined->counts);
        });
  });
}

std::vector<JobOutcome> Client::Impl::wait(const std::vector<JobId>& jobs, Timeout timeout) {
  using Outcomes = std::vector<JobOutcome>;
  return call<Outcomes>([this, timeout, &jobs](Now now, Reply<Outcomes> reply) {
    if (session_.refused()) return reply.set_value(std::unexpected(*session_.refused()));
    watches_.wait(now, jobs, deadline_of(now, timeout),
                  [reply = std::move(reply)](Result<Outcomes> outcomes) mutable {
                    reply.set_value(std::move(outcomes));
                  });
  });
}

Buffer Client::Impl::request(const std::string& verb, Bytes arguments, Timeout timeout) {
  const Timeout limit = timeout ? timeout : options_.timeout;
  return call<Buffer>([this, limit, &verb, arguments](Now now, Reply<Buffer> reply) {
    send_frames(now, true);
    session_.ask(
        now, client::Session::Kind::changing, deadline_of(now, limit),
        [&](std::uint64_t sequence, std::uint64_t confirmed) -> protocol::Message {
          return protocol::Request{sequence, confirmed, verb, arguments};
        },
        [reply = std::move(reply)](const Result<const protocol::Message*>& answer) mutable {
          if (!answer) return reply.set_value(std::unexpected(answer.error()));
          const auto* got = std::get_if<protocol::Reply>(*answer);
          if (got == nullptr) return reply.set_value(wrong_answer());
          reply.set_value(Buffer(got->result));
        });
  });
}

void Client::Impl::request_quietly(std::string verb, Buffer arguments) {
  post([this, verb = std::move(verb), arguments = std::move(arguments)](Now now) {
    session_.ask(
        now, client::Session::Kind::changing_quietly, std::nullopt,
        [&](std::uint64_t sequence, std::uint64_t confirmed) -> protocol::Message {
          return protocol::Request{sequence, confirmed, verb, arguments};
        },
        [](const Result<const protocol::Message*>&) {});
  });
}

void Client::Impl::on_outcome(std::function<void(const JobOutcome&)> call_it) {
  call<bool>([this, &call_it](Now, Reply<bool> reply) {
    watches_.on_outcome = std::move(call_it);
    reply.set_value(true);
  });
}

protocol::Welcome Client::Impl::last_welcome() {
  for (;;) {
    {
      const std::lock_guard lock(welcome_mutex_);
      if (welcome_) return *welcome_;
    }
    connect();
  }
}

std::string Client::Impl::redis_url() { return last_welcome().redis_url; }
SessionId Client::Impl::broker_id() { return last_welcome().broker; }

std::vector<std::optional<results::Stored>> Client::Impl::read_results(const std::vector<JobId>& jobs,
                                                                       bool take) {
  const protocol::Welcome welcome = last_welcome();
  const std::string& where = welcome.redis_url;
  if (where.empty()) {
    throw ClientError(Error{Code::no_result, "the broker has no Redis, so no results are kept", {}});
  }
  const SessionId broker = welcome.broker;
  const std::lock_guard lock(redis_mutex_);
  if (!redis_ || redis_at_ != where) {
    auto url = redis::parse_url(where);
    if (!url) throw ClientError(std::move(url.error()));
    redis_.emplace(std::move(*url));
    redis_at_ = where;
  }
  auto found = take ? results::take(*redis_, broker, jobs) : results::read(*redis_, broker, jobs);
  if (!found) throw ClientError(std::move(found.error()));
  return std::move(*found);
}

}  // namespace joinery
