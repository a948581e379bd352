#include "broker/server/intake.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "shared/base/utf8.h"

namespace joinery::broker::server {

namespace {

Role role_of(protocol::Role role) {
  switch (role) {
    case protocol::Role::producer: return Role::producer;
    case protocol::Role::worker: return Role::worker;
    case protocol::Role::tool: return Role::tool;
  }
  return Role::producer;
}

WorkerInfo worker_of(protocol::Hello& hello) {
  return {.name = std::move(hello.name),
          .host = std::move(hello.host),
          .pid = hello.pid,
          .processes = hello.processes,
          .threads = hello.threads,
          .queues = std::move(hello.queues),
          .weights = std::move(hello.weights),
          .handlers = std::move(hello.handlers),
          .capacity = hello.capacity};
}

}  // namespace

void Intake::frame(const transport::Address& from, transport::ConnectionNumber connection, Bytes frame) {
  connection_ = connection;
  if (parts_.sessions.ignored(connection)) return;
  const Result<protocol::Type> type = protocol::type_of(frame);
  if (!type) return garbage(from, connection, type.error());
  if (*type == protocol::Type::hello) return hello(from, connection, frame);
  Session* session = parts_.sessions.at(from);
  if (session == nullptr) return refuse(from, {Code::no_session, "say hello first", {}});
  parts_.core.heard(parts_.transactor.now(), session->id);
  of_session(*session, *type, frame);
}

void Intake::hello(const transport::Address& from, transport::ConnectionNumber connection, Bytes frame) {
  Result<protocol::Message> decoded = protocol::decode(frame);
  if (!decoded) return garbage(from, connection, decoded.error());
  auto& hello = std::get<protocol::Hello>(*decoded);
  if (hello.version != protocol::version) {
    return refuse(
        from, {Code::unsupported_version,
               fmt::format("protocol version {}; this broker speaks {}", hello.version, protocol::version),
               "version"});
  }
  if (hello.session == SessionId{}) {
    return refuse(from, {Code::invalid_argument, "a session's id must not be 0", "session"});
  }
  Session& session = parts_.sessions.bind(hello.session, role_of(hello.role), from, connection);
  settle_sessions();
  session.capacity = hello.capacity;
  parts_.transactor.apply(Connect{session.id, session.role, worker_of(hello), std::move(hello.held)});
}

void Intake::settle_sessions() {
  parts_.sessions.take_lost(lost_);
  for (const SessionId id : lost_) parts_.transactor.apply(Disconnect{id});
  parts_.sessions.take_choked(choked_);
  for (const SessionId id : choked_) {
    const Session* session = parts_.sessions.find(id);
    if (session == nullptr || !session->connected) continue;
    parts_.transactor.apply(Capacity{id, session->choked ? 0 : session->capacity});
  }
}

void Intake::of_session(Session& session, protocol::Type type, Bytes frame) {
  switch (type) {
    case protocol::Type::submit: return submit(session, frame);
    case protocol::Type::finish: return finish(session, frame);
    default: return other(session, frame);
  }
}

void Intake::submit(Session& session, Bytes frame) {
  submit_.sequence = 0;
  if (Result<> decoded = protocol::decode_submit(frame, parts_.payload_max, submit_); !decoded) {
    return refuse(session, submit_.sequence, std::move(decoded.error()));
  }
  clear_groups();
  for (std::size_t i = 0; i < submit_.group_count; ++i) {
    const protocol::RawGroup& group = submit_.groups[i];
    Result<SpecId> spec = parts_.specs.find(group.spec, group.queue, parts_.transactor.effects());
    if (!spec) return refuse(session, submit_.sequence, std::move(spec.error()));
    add_group(group.queue, *spec, group.batch, group.parent, group.sizes,
              group.has_columns ? &group.columns : nullptr, group.payloads);
  }
  Submit command{.session = session.id,
                 .sequence = submit_.sequence,
                 .confirmed = submit_.confirmed,
                 .groups = groups_,
                 .when_full = submit_.park ? WhenFull::park : WhenFull::refuse,
                 .park_timeout = {},
                 .watch = submit_.watch,
                 .under = submit_.under,
                 .flow = submit_.flow};
  if (submit_.timeout_ms) {
    constexpr std::uint64_t most_ms = std::uint64_t{365} * 24 * 3'600'000;
    command.park_timeout = std::chrono::milliseconds(std::min(*submit_.timeout_ms, most_ms));
  }
  parts_.transactor.apply(command, payloads_);
  constexpr std::size_t spare_max = 1024;  // of a large flow
  if (submit_.groups.size() > spare_max) submit_ = {};
}

void Intake::finish(Session& session, Bytes frame) {
  if (!is_worker(session, "finish")) return;
  finish_.sequence = 0;
  if (Result<> decoded = protocol::decode_finish(frame, finish_); !decoded) {
    return refuse(session, finish_.sequence, std::move(decoded.error()));
  }
  if (!parts_.follows.empty()) note_ends();
  runs_.clear();
  for (const protocol::RunOf& run : finish_.succeeded) {
    runs_.push_back({run.first, run.count, run.attempt, run.epoch});
  }
  clear_groups();
  for (const Report& report : finish_.reports) add_children(report);
  // Only now do the groups stay where they are.
  reports_.clear();
  std::span<const PutGroup> rest = groups_;
  for (const Report& report : finish_.reports) {
    reports_.push_back({&report, rest.first(report.children.size())});
    rest = rest.subspan(report.children.size());
  }
  parts_.transactor.apply(
      Finish{.session = session.id, .sequence = finish_.sequence, .succeeded = runs_, .reports = reports_},
      payloads_, {.results = finish_.results});
}

void Intake::add_children(const Report& report) {
  for (const Group& group : report.children) {
    if (sizes_.size() <= groups_.size()) sizes_.emplace_back();
    std::vector<std::uint32_t>& sizes = sizes_[groups_.size()];
    sizes.clear();
    for (const Bytes payload : group.payloads) sizes.push_back(static_cast<std::uint32_t>(payload.size()));
    const SpecId spec = parts_.specs.intern(group.spec, group.queue, parts_.transactor.effects());
    add_group(group.queue, spec, group.batch, group.parent, sizes,
              group.columns == Columns{} ? nullptr : &group.columns, group.payloads);
  }
}

void Intake::add_group(std::string_view queue, SpecId spec, BatchId batch, JobId parent,
                       std::span<const std::uint32_t> sizes, const Columns* columns,
                       std::span<const Bytes> payloads) {
  groups_.push_back({queue, spec, batch, parent, sizes, columns});
  payloads_.push_back(payloads);
}

void Intake::clear_groups() {
  groups_.clear();
  payloads_.clear();
}

void Intake::other(Session& session, Bytes frame) {
  Result<protocol::Message> decoded = protocol::decode(frame);
  if (!decoded) return garbage(session.address, connection_, std::move(decoded.error()));
  std::visit([&](auto& one) { message(session, one); }, *decoded);
}

void Intake::message(Session& session, protocol::Capacity& capacity) {
  if (!is_worker(session, "capacity")) return;
  session.capacity = capacity.deliveries;
  if (!session.choked) parts_.transactor.apply(Capacity{session.id, capacity.deliveries});
}

void Intake::message(Session& session, protocol::Progress& progress) {
  if (!is_worker(session, "progress")) return;
  const std::optional<JobView> job = parts_.core.job(progress.token.job);
  if (!job || job->state != State::running || job->token != progress.token) return;  // late: no harm
  parts_.progress.note(progress.token, progress.fraction, progress.text);
  if (!parts_.follows.wants(progress.token.job)) return;
  const Progress& noted = *parts_.progress.find(progress.token);
  parts_.follows.add(progress.token.job, {.at_ms = now_ms(),
                                          .attempt = progress.token.attempt,
                                          .what = FollowedLine::What::progress,
                                          .fraction = noted.fraction,
                                          .level = {},
                                          .text = noted.text});
}

void Intake::message(Session& session, protocol::Log& log) {
  if (is_worker(session, "log")) parts_.follows.add(session, log);
}

std::int64_t Intake::now_ms() const {
  return std::chrono::floor<std::chrono::milliseconds>(parts_.transactor.now().wall.time_since_epoch())
      .count();
}

// Why attempts of jobs that are followed did not succeed.
void Intake::note_ends() {
  for (const Report& report : finish_.reports) {
    const bool failed = report.kind == Report::Kind::failed || report.kind == Report::Kind::rejected ||
                        report.kind == Report::Kind::crashed;
    if (!failed || !parts_.follows.wants(report.token.job)) continue;
    const Failure& why = report.failure;
    parts_.follows.add(report.token.job,
                       {.at_ms = now_ms(),
                        .attempt = report.token.attempt,
                        .what = FollowedLine::What::ended,
                        .level = {},
                        .text = readable(why.type.empty() ? why.message : why.type + ": " + why.message)});
  }
}

void Intake::message(Session& session, protocol::Hold& hold) {
  if (!is_worker(session, "hold")) return;
  HoldKey command{session.id, hold.token, std::move(hold.hold.key), hold.hold.interval_ms, {}};
  if (hold.hold.until_ms) command.until = Wall(std::chrono::milliseconds(*hold.hold.until_ms));
  parts_.transactor.apply(command);
}

void Intake::message(Session& session, protocol::Join& join) {
  parts_.transactor.apply(
      Join{session.id, join.request, {std::move(join.queue), join.batch, std::move(join.jobs)}});
}

void Intake::message(Session& session, protocol::Watch& watch) {
  parts_.transactor.apply(Watch{session.id, watch.request, watch.jobs});
}

void Intake::message(Session& session, protocol::Forget& forget) {
  parts_.transactor.apply(Forget{session.id, forget.request});
}

void Intake::message(Session& session, protocol::Request& request) {
  Result<std::optional<protocol::Value>> result = parts_.verbs.request(session, request);
  if (!result) return refuse(session, request.sequence, std::move(result.error()));
  if (!*result) return;
  const Buffer map = protocol::encode(**result);
  answer_.clear();
  protocol::encode(protocol::Reply{request.sequence, map}, answer_);
  parts_.sessions.send(session, answer_);
}

void Intake::message(Session& session, protocol::Heartbeat&) {
  answer_.clear();
  protocol::encode(protocol::Heartbeat{}, answer_);
  parts_.sessions.send(session, answer_);
}

void Intake::message(Session& session, protocol::Goodbye&) {
  parts_.transactor.apply(Disconnect{session.id, true});
}

template <typename Unexpected>
void Intake::message(Session& session, Unexpected&) {
  refuse(session, 0, {Code::wrong_role, "only the broker sends this message", "type"});
}

bool Intake::is_worker(Session& session, const char* what) {
  if (session.role == Role::worker) return true;
  refuse(session, 0, {Code::wrong_role, fmt::format("only a worker's session may send {}", what), "type"});
  return false;
}

void Intake::refuse(Session& session, std::uint64_t sequence, Error error) {
  if (error.code == Code::malformed_frame && !parts_.sessions.tolerate_garbage(connection_)) return;
  answer_.clear();
  protocol::encode(protocol::ErrorMessage{sequence, std::move(error)}, answer_);
  parts_.sessions.send(session, answer_);
}

void Intake::refuse(const transport::Address& to, Error error) {
  answer_.clear();
  protocol::encode(protocol::ErrorMessage{0, std::move(error)}, answer_);
  parts_.sessions.send_to(to, answer_);
}

void Intake::garbage(const transport::Address& from, transport::ConnectionNumber connection, Error error) {
  if (parts_.sessions.tolerate_garbage(connection)) refuse(from, std::move(error));
}

}  // namespace joinery::broker::server
