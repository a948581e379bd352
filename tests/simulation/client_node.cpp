#include "tests/simulation/client_node.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "shared/protocol/codec.h"
#include "shared/protocol/value.h"

namespace joinery::simulation {

using namespace std::chrono_literals;

namespace {
constexpr Duration silence_most = 5s;
constexpr Duration heartbeat = 1s;
}  // namespace

ClientNode::ClientNode(NodeId node, Network& network, Random random, std::int64_t clock_ppm,
                       const Model& model)
    : Node(node, network, clock_ppm), random_(random), model_(model) {}

void ClientNode::start() {
  session_ = {0xc11e, static_cast<std::uint64_t>(number) << 16U | ++lives_};
  sequence_ = 0;
  requests_.clear();
  settle_here();
  context_ = std::make_unique<transport::Context>();
  connect();
}

void ClientNode::kill() {
  dealer_.reset();
  requests_.clear();
  in_session_ = false;
  away_until_ = never_mono;
}

void ClientNode::connect() {
  dealer_ = std::make_unique<transport::Dealer>(*context_, transport::Dealer::Options{});
  static_cast<void>(dealer_->connect("simulation"));
  in_session_ = false;
  away_until_ = never_mono;
  heard_ = local().mono;
}

Instant ClientNode::due() const {
  if (!dealer_) return never;
  Mono next = std::min(away_until_, heard_ + silence_most);
  if (in_session_) next = std::min(next, sent_ + heartbeat);
  return std::min(network_.next_arrival(number), clock.when(next, network_.now));
}

void ClientNode::turn() {
  if (!dealer_) return;
  const Mono now = local().mono;
  if (now >= away_until_) return connect();
  std::vector<int> changes;
  dealer_->changes(changes);
  for (const int change : changes) {
    if (change < 0) {
      in_session_ = false;
      away_until_ = now + random_.between(1ms, 500ms);
      heard_ = now + 1h;
      return;
    }
    Buffer hello;
    protocol::Hello message;
    message.session = session_;
    message.name = fmt::format("c{}", number);
    protocol::encode(protocol::Message(message), hello);
    heard_ = now;
    send(hello);
  }
  Buffer frame;
  while (dealer_ && dealer_->receive(frame)) {
    heard_ = now;
    take(frame);
  }
  if (now >= heard_ + silence_most) return connect();
  if (!in_session_ || now < sent_ + heartbeat) return;
  Buffer beat;
  protocol::encode(protocol::Message(protocol::Heartbeat{}), beat);
  send(beat);
}

void ClientNode::send(Bytes frame) {
  sent_ = local().mono;
  static_cast<void>(dealer_->send(frame));
}

void ClientNode::keep(std::uint64_t sequence, const protocol::Message& message, std::string what) {
  Request& request = requests_[sequence];
  request.what = std::move(what);
  protocol::encode(message, request.frame);
  if (in_session_) send(request.frame);
}

void ClientNode::take(Bytes frame) {
  const auto message = protocol::decode(frame);
  if (!message) throw Broken("a frame to a client is malformed: " + message.error().message);
  if (std::holds_alternative<protocol::Welcome>(*message)) {
    in_session_ = true;
    for (const auto& [sequence, request] : requests_) send(request.frame);
  } else if (const auto* accepted = std::get_if<protocol::Accepted>(&*message)) {
    answered(accepted->sequence, "accepted");
  } else if (const auto* reply = std::get_if<protocol::Reply>(&*message)) {
    answered(reply->sequence, "reply");
  } else if (const auto* joined = std::get_if<protocol::Joined>(&*message)) {
    answered(joined->request, "joined");
  } else if (const auto* error = std::get_if<protocol::ErrorMessage>(&*message)) {
    if (error->sequence != 0) return answered(error->sequence, "error");
    if (error->error.code == Code::no_session) {
      in_session_ = false;
      away_until_ = local().mono + 10ms;
    }
  }
}

// A request that was repeated may be answered more than once.
void ClientNode::answered(std::uint64_t sequence, const char* by) {
  if (sequence == 0 || sequence > sequence_)
    throw Broken(fmt::format("client {}: {} of request {}, which was not made", number, by, sequence));
  requests_.erase(sequence);
}

void ClientNode::submit() {
  if (!dealer_) return;
  std::vector<Buffer> payloads;
  protocol::Submit submit = Workload(random_, model_, local()).submit(session_, ++sequence_, payloads);
  submit.confirmed = confirmed();
  if (submit.confirmed == sequence_) --submit.confirmed;
  keep(sequence_, submit, fmt::format("submit to {}", submit.groups.front().queue));
}

void ClientNode::submit_under(const Token& delivery) {
  if (!dealer_) return;
  std::vector<Buffer> payloads;
  protocol::Submit submit = Workload(random_, model_, local()).submit(session_, ++sequence_, payloads, true);
  submit.under = delivery;
  keep(sequence_, submit, fmt::format("submit under job {}", delivery.job));
}

void ClientNode::submit_to_batch(BatchId batch) {
  const Buffer payload = payload_of(session_, ++sequence_, 0, 0);
  protocol::Submit submit;
  submit.sequence = sequence_;
  Group& group = submit.groups.emplace_back();
  group.queue = "mail";
  group.spec.handler = "a";
  group.batch = batch;
  group.payloads.push_back(payload);
  keep(sequence_, submit, fmt::format("submit to batch {}", batch));
}

void ClientNode::join() {
  if (!dealer_) return;
  const protocol::Join join = Workload(random_, model_, local()).join(++sequence_);
  keep(sequence_, join,
       fmt::format("join of queue '{}' batch {} jobs {}", join.queue, join.batch, fmt::join(join.jobs, " ")));
}

void ClientNode::watch() {
  if (!dealer_) return;
  Buffer frame;
  protocol::encode(protocol::Message(Workload(random_, model_, local()).watch(++sequence_)), frame);
  if (in_session_) send(frame);
}

void ClientNode::request() {
  if (!dealer_) return;
  Buffer arguments;
  protocol::Request request = Workload(random_, model_, local()).request(++sequence_, arguments);
  request.confirmed = std::min(confirmed(), sequence_ - 1);
  keep(sequence_, request, request.verb);
}

void ClientNode::ask(const std::string& verb, const std::string& key, const protocol::Value& value) {
  Buffer arguments;
  ++sequence_;
  keep(sequence_, Workload::request(sequence_, verb, key, value, arguments), verb);
}

void ClientNode::configure(const std::string& queue, const QueueOptions& options) {
  protocol::Value map = protocol::Value::map();
  map.set("queue", queue).set("mode", word(options.mode)).set("durability", word(options.durability));
  map.set("maxsize", options.maxsize).set("fair", options.fair);
  const Buffer arguments = protocol::encode(map);
  protocol::Request request{.sequence = ++sequence_, .verb = "queue.configure", .arguments = arguments};
  keep(sequence_, request, request.verb);
}

// A join that is forgotten is not answered; a put that waits for room is answered with an error.
void ClientNode::give_up_one() {
  if (!dealer_ || !in_session_) return;
  for (const auto& [sequence, request] : requests_) {
    if (!request.what.starts_with("join") || !random_.chance(50)) continue;
    Buffer frame;
    protocol::encode(protocol::Message(protocol::Forget{sequence}), frame);
    send(frame);
    requests_.erase(sequence);
    return;
  }
}

void ClientNode::repeat_one() {
  if (!dealer_ || !in_session_ || requests_.empty()) return;
  const auto some =
      std::next(requests_.begin(), static_cast<std::ptrdiff_t>(random_.below(requests_.size())));
  send(some->second.frame);
}

std::string ClientNode::describe() const {
  std::string text = fmt::format("client {} waits for", number);
  for (const auto& [sequence, request] : requests_) text += fmt::format(" {} ({})", sequence, request.what);
  return text;
}

}  // namespace joinery::simulation
