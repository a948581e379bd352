#include "broker/server/outgoing.h"

#include <algorithm>

namespace joinery::broker::server {

namespace {

// A dispatch frame is cut at this size, so that a worker can begin before all of it has come.
constexpr std::size_t dispatch_bytes = 1U << 20U;
// Most bytes of a job and of a group in a dispatch frame, without payload, spec and names.
constexpr std::size_t job_overhead = 48;
constexpr std::size_t group_overhead = 32;
constexpr std::size_t outcomes_per_frame = 4096;
constexpr std::size_t result_bytes_per_frame = 1U << 20U;

std::uint64_t whole_ms(Duration duration) {
  return static_cast<std::uint64_t>(std::chrono::ceil<std::chrono::milliseconds>(duration).count());
}

}  // namespace

Outgoing::Outgoing(Core& core, Journal& journal, Sessions& sessions, SpecBook& specs, FollowBook& follows,
                   protocol::Welcome welcome)
    : core_(core),
      journal_(journal),
      sessions_(sessions),
      specs_(specs),
      follows_(follows),
      welcome_(std::move(welcome)) {}

void Outgoing::take(std::vector<Effect>& effects, Position end, const Aside& aside) {
  aside_ = aside;
  sort_results();
  for (Effect& effect : effects) {
    std::visit([&](auto& one) { take_one(one, end); }, effect);
  }
  aside_ = {};
}

void Outgoing::take_one(effect::Welcome& effect, Position) {
  welcome_.epoch = core_.epoch();
  welcome_.resumed = effect.resumed;
  welcome_.last_sequence = effect.last_sequence;
  answer(effect.session, welcome_, 0);
}

void Outgoing::take_one(effect::Accepted& effect, Position end) {
  protocol::Accepted accepted{.sequence = effect.sequence, .groups = {}, .batch = effect.batch};
  accepted.groups.reserve(effect.groups.size());
  for (GroupAnswer& group : effect.groups) {
    accepted.groups.push_back(
        {group.first, group.count, group.level, group.no_handler, std::move(group.error)});
  }
  answer(effect.session, accepted, effect.durable ? end : 0);
}

void Outgoing::take_one(effect::Done& effect, Position end) {
  const protocol::Value value =
      aside_.done != nullptr ? (*aside_.done)(effect.number) : protocol::Value::map();
  const Buffer result = protocol::encode(value);
  answer(effect.session, protocol::Reply{effect.sequence, result}, effect.durable ? end : 0);
}

void Outgoing::take_one(effect::Refused& effect, Position) {
  answer(effect.session, protocol::ErrorMessage{effect.request, std::move(effect.error)}, 0);
}

void Outgoing::take_one(effect::Acked& effect, Position end) {
  if (effect.sequence == 0) return;  // of our own report about a missing payload
  answer(effect.session, protocol::Acked{effect.sequence, std::move(effect.refused)},
         effect.durable ? end : 0);
}

void Outgoing::take_one(effect::Revoke& effect, Position) {
  const Session* session = sessions_.find(effect.session);
  if (session == nullptr || !session->connected) return;
  answer(effect.session,
         protocol::Revoke{std::move(effect.tokens), effect.reason,
                          effect.grace ? whole_ms(*effect.grace) : protocol::grace_as_told},
         session->dispatch_need);
}

void Outgoing::take_one(effect::Joined& effect, Position end) {
  answer(effect.session, protocol::Joined{effect.request, effect.counts}, effect.durable ? end : 0);
}

void Outgoing::take_one(effect::Outcomes& effect, Position end) {
  protocol::Outcomes outcomes;
  std::size_t bytes = 0;
  for (effect::JobOutcome& job : effect.jobs) {
    const std::optional<Bytes> result = result_of(job);
    bytes += result ? result->size() : 0;
    outcomes.jobs.push_back({job.job, job.known, job.outcome, job.token.attempt, job.token.epoch,
                             std::move(job.failure), result});
    if (outcomes.jobs.size() < outcomes_per_frame && bytes < result_bytes_per_frame) continue;
    answer(effect.session, outcomes, effect.durable ? end : 0);
    outcomes.jobs.clear();
    bytes = 0;
  }
  if (!outcomes.jobs.empty()) answer(effect.session, outcomes, effect.durable ? end : 0);
}

// Workers send them in the order of their ids, or nearly so.
void Outgoing::sort_results() {
  if (std::ranges::is_sorted(aside_.results, {}, &protocol::InlineResult::job)) return;
  sorted_.assign(aside_.results.begin(), aside_.results.end());
  std::ranges::sort(sorted_, {}, &protocol::InlineResult::job);
  aside_.results = sorted_;
}

std::optional<Bytes> Outgoing::result_of(const effect::JobOutcome& job) const {
  if (job.outcome != Outcome::succeeded || !job.known) return std::nullopt;
  const auto found = std::ranges::lower_bound(aside_.results, job.job, {}, &protocol::InlineResult::job);
  if (found == aside_.results.end() || found->job != job.job) return std::nullopt;
  return found->value;
}

void Outgoing::take_one(effect::Gone& effect, Position) { sessions_.remove(effect.session); }

void Outgoing::take_one(effect::Dispatch& effect, Position) {
  Session* worker = sessions_.find(effect.session);
  if (worker == nullptr || !worker->connected) return;
  Position needs = 0;
  for (const effect::Delivery& delivery : effect.deliveries) {
    if (delivery.level == Durability::sync)
      needs = std::max(needs, delivery.place.position + delivery.place.size);
  }
  if (needs <= durable_) return dispatch(*worker, effect.deliveries);
  if (!line_.empty()) needs = std::max(needs, line_.back().needs);
  worker->dispatch_need = needs;
  line_.push_back({needs, worker->id, worker->generation, std::move(effect.deliveries)});
}

void Outgoing::answer(SessionId to, const protocol::Message& message, Position needs) {
  Session* session = sessions_.find(to);
  if (session == nullptr) return;
  frame_.clear();
  protocol::encode(message, frame_);
  if (needs <= durable_) return sessions_.send(*session, frame_);
  if (!line_.empty()) needs = std::max(needs, line_.back().needs);
  line_.push_back({needs, to, session->generation, frame_});
}

void Outgoing::deliver(Position durable) {
  durable_ = durable;
  while (!line_.empty() && line_.front().needs <= durable) {
    Waiting waiting = std::move(line_.front());
    line_.pop_front();
    Session* session = sessions_.find(waiting.session);
    if (session == nullptr || !session->connected) continue;
    if (const Buffer* frame = std::get_if<Buffer>(&waiting.what)) {
      sessions_.send(*session, *frame);
    } else if (session->generation == waiting.generation) {
      dispatch(*session, std::get<std::vector<effect::Delivery>>(waiting.what));
    }
  }
}

void Outgoing::take_missing(std::vector<Missing>& missing) {
  missing.clear();
  missing.swap(missing_);
}

void Outgoing::dispatch(Session& worker, Deliveries deliveries) {
  while (!deliveries.empty()) {
    const std::size_t jobs = chunk(deliveries);
    if (!write(worker, deliveries.first(jobs))) {
      // Seldom: leave out what cannot be read, one by one, so that it harms nobody else.
      for (const effect::Delivery& one : deliveries.first(jobs)) write(worker, Deliveries(&one, 1));
    }
    deliveries = deliveries.subspan(jobs);
  }
}

// How many of the deliveries fit into one frame; at least one.
std::size_t Outgoing::chunk(Deliveries deliveries) {
  const std::size_t most = std::min<std::size_t>(dispatch_bytes, welcome_.frame_max);
  std::size_t bytes = 16;
  std::size_t jobs = 0;
  const effect::Delivery* before = nullptr;
  for (const effect::Delivery& delivery : deliveries) {
    bytes += job_overhead + delivery.place.size;
    if (before == nullptr || before->queue != delivery.queue || before->spec != delivery.spec) {
      bytes += group_overhead + queue_name(delivery.queue).size() + specs_.raw(delivery.spec).size();
    }
    if (jobs > 0 && bytes > most) break;
    before = &delivery;
    ++jobs;
  }
  return jobs;
}

// Writes and sends one frame. False if a payload cannot be read: then nothing is sent, and a single delivery
// is noted as missing.
bool Outgoing::write(Session& worker, Deliveries deliveries) {
  std::uint32_t groups = 0;
  for (std::size_t i = 0; i < deliveries.size(); i += group_length(deliveries, i)) ++groups;
  frame_.clear();
  protocol::DispatchWriter writer;
  writer.begin(frame_, groups);
  for (std::size_t i = 0; i < deliveries.size();) {
    const std::size_t jobs = group_length(deliveries, i);
    const effect::Delivery& first = deliveries[i];
    const bool has_inputs = core_.spec(first.spec).inputs;
    writer.begin_group(queue_name(first.queue), specs_.raw(first.spec), first.token.epoch,
                       static_cast<std::uint32_t>(jobs));
    for (const effect::Delivery& delivery : deliveries.subspan(i, jobs)) {
      writer.begin_job(delivery.token.job, delivery.token.attempt, delivery.batch, delivery.parent,
                       delivery.place.size, has_inputs);
      if (Result<> read = journal_.read(delivery.place, writer.frame()); !read) {
        if (deliveries.size() == 1) missing_.push_back({worker.id, delivery.token, std::move(read.error())});
        return false;
      }
      if (has_inputs) writer.inputs(core_.inputs(delivery.token.job));
    }
    i += jobs;
  }
  // Before, so that what a delivery says is sent before its end, however short it is.
  if (!follows_.empty()) tell_followers(worker, deliveries);
  sessions_.send(worker, frame_);
  return true;
}

void Outgoing::tell_followers(Session& worker, Deliveries deliveries) {
  const auto now = std::chrono::floor<std::chrono::milliseconds>(now_.time_since_epoch()).count();
  for (const effect::Delivery& delivery : deliveries) {
    if (!follows_.wants(delivery.token.job)) continue;
    const auto job = core_.job(delivery.token.job);
    follows_.started(worker, delivery.token,
                     {.at_ms = now,
                      .attempt = delivery.token.attempt,
                      .what = FollowedLine::What::started,
                      .level = {},
                      .text = job ? std::string(job->worker) : std::string()});
  }
}

std::size_t Outgoing::group_length(Deliveries deliveries, std::size_t first) const {
  const effect::Delivery& like = deliveries[first];
  std::size_t last = first + 1;
  while (last < deliveries.size() && deliveries[last].queue == like.queue &&
         deliveries[last].spec == like.spec && deliveries[last].token.epoch == like.token.epoch) {
    ++last;
  }
  return last - first;
}

Bytes Outgoing::queue_name(std::uint32_t id) {
  if (id >= queue_names_.size()) queue_names_.resize(id + 1);
  if (queue_names_[id].empty()) queue_names_[id] = core_.queue_name(id);
  return queue_names_[id];
}

}  // namespace joinery::broker::server
