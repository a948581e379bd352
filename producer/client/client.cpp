#include "producer/client/joinery/client.h"

#include <fmt/format.h>

#include "producer/client/impl.h"
#include "shared/protocol/value.h"

namespace joinery {

Client::Client(ClientOptions options) : impl_(std::make_unique<Impl>(std::move(options))) {}

Client::Client(std::string endpoint)
    : Client([&] {
        ClientOptions options;
        options.endpoint = std::move(endpoint);
        return options;
      }()) {}

Client::~Client() {
  if (impl_->closed()) return;
  try {
    impl_->flush_at_end();
  } catch (const ClientError&) {
    // Those who asked for an answer have it.
  }
}

void Client::close() { impl_->close(); }
void Client::connect() { impl_->connect(); }

std::future<JobId> Client::submit(std::string handler, Buffer payload, const SubmitOptions& options) {
  std::promise<JobId> promise;
  auto future = promise.get_future();
  const Bytes bytes = payload;
  impl_->outbox().submit(std::move(handler), {&bytes, 1}, options, client::Completion(std::move(promise)));
  return future;
}

void Client::submit(std::string handler, Buffer payload, const SubmitOptions& options,
                    std::function<void(Result<JobId>)> accepted) {
  const Bytes bytes = payload;
  impl_->outbox().submit(std::move(handler), {&bytes, 1}, options, client::Completion(std::move(accepted)));
}

std::future<JobId> Client::submit_many(std::string handler, const std::vector<Bytes>& payloads,
                                       const SubmitOptions& options) {
  std::promise<JobId> promise;
  auto future = promise.get_future();
  impl_->outbox().submit(std::move(handler), payloads, options, client::Completion(std::move(promise)));
  return future;
}

void Client::submit_many(std::string handler, std::span<const Bytes> payloads, const SubmitOptions& options,
                         std::function<void(Result<JobId>)> accepted) {
  impl_->outbox().submit(std::move(handler), payloads, options, client::Completion(std::move(accepted)));
}

SubmittedFlow Client::submit_flow(const std::string& name, std::span<const FlowPart> parts) {
  return impl_->submit_flow(name, parts);
}

void Client::flush() { impl_->flush(std::nullopt); }

bool Client::attend(const std::function<void()>& begin, const std::function<bool()>& done) {
  return impl_->attend(begin, done);
}
void Client::recall() { impl_->recall(); }

BatchId Client::open_batch(std::string name) {
  protocol::Value arguments = protocol::Value::map();
  if (!name.empty()) arguments.set("name", std::move(name));
  const auto value = protocol::decode_map(request("batch.open", protocol::encode(arguments)));
  if (!value) throw ClientError(value.error());
  const auto batch = value->u64("batch");
  if (!batch) throw ClientError(batch.error());
  return *batch;
}

Counts Client::join_queue(const std::string& queue, std::optional<std::chrono::milliseconds> timeout) {
  protocol::Join target;
  target.queue = queue;
  return impl_->join(std::move(target), timeout);
}

Counts Client::join_batch(BatchId batch, std::optional<std::chrono::milliseconds> timeout) {
  protocol::Join target;
  target.batch = batch;
  return impl_->join(std::move(target), timeout);
}

std::vector<JobOutcome> Client::wait(const std::vector<JobId>& jobs,
                                     std::optional<std::chrono::milliseconds> timeout) {
  return impl_->wait(jobs, timeout);
}

void Client::on_outcome(std::function<void(const JobOutcome&)> call) { impl_->on_outcome(std::move(call)); }

results::Stored Client::result(JobId job, std::optional<std::chrono::milliseconds> timeout) {
  JobOutcome outcome = impl_->wait({job}, timeout).at(0);
  if (outcome.known && (outcome.result || outcome.outcome != Outcome::succeeded)) {
    results::Stored stored;
    stored.token = outcome.token;
    stored.outcome = outcome.outcome;
    stored.failure = std::move(outcome.failure);
    if (outcome.result) stored.value = std::move(*outcome.result);
    return stored;
  }
  auto found = impl_->read_results({job}, false).at(0);
  // The broker forgets outcomes after a while, Redis keeps a result for as long as was asked.
  if (!outcome.known && !found) {
    throw ClientError(
        Error{Code::unknown_job, fmt::format("job {} is not known, and left no result", job), {}});
  }
  if (!found || (outcome.known && found->token != outcome.token)) {
    throw ClientError(
        Error{Code::no_result, fmt::format("job {} keeps no result, or it has expired", job), {}});
  }
  return std::move(*found);
}

std::vector<std::optional<results::Stored>> Client::results(const std::vector<JobId>& jobs) {
  return impl_->read_results(jobs, false);
}

std::vector<std::optional<results::Stored>> Client::take_results(const std::vector<JobId>& jobs) {
  return impl_->read_results(jobs, true);
}

Buffer Client::request(const std::string& verb, Bytes arguments,
                       std::optional<std::chrono::milliseconds> timeout) {
  return impl_->request(verb, arguments, timeout);
}

void Client::request_quietly(std::string verb, Buffer arguments) {
  impl_->request_quietly(std::move(verb), std::move(arguments));
}

std::string Client::redis_url() { return impl_->redis_url(); }
SessionId Client::broker_id() { return impl_->broker_id(); }

}  // namespace joinery
