#include "broker/journal/field_codec.h"

namespace joinery::broker::journal {

void write(FieldWriter& out, const SessionId& session) {
  out.u64(session.high);
  out.u64(session.low);
}
SessionId read_session(FieldReader& in) {
  SessionId session;
  session.high = in.u64();
  session.low = in.u64();
  return session;
}

void write(FieldWriter& out, const Token& token) {
  out.varint(token.job);
  out.varint(token.attempt);
  out.varint(token.epoch);
}
Token read_token(FieldReader& in) {
  Token token;
  token.job = in.varint();
  token.attempt = in.u32();
  token.epoch = in.u32();
  return token;
}

void write(FieldWriter& out, const Failure& failure) {
  out.varint(static_cast<std::uint64_t>(failure.code));
  out.string(failure.type);
  out.string(failure.message);
  out.string(failure.where);
  out.string(failure.dossier);
}
Code read_code(FieldReader& in) { return static_cast<Code>(in.varint_to(UINT16_MAX)); }
Failure read_failure(FieldReader& in) {
  Failure failure;
  failure.code = read_code(in);
  failure.type = in.string();
  failure.message = in.string();
  failure.where = in.string();
  failure.dossier = in.string();
  return failure;
}

void write(FieldWriter& out, const std::vector<Run>& runs) {
  out.varint(runs.size());
  JobId expected = 0;
  for (const Run& run : runs) {
    out.varint(zigzag(static_cast<std::int64_t>(run.first - expected)));
    out.varint(run.count);
    out.varint(run.attempt);
    out.varint(run.epoch);
    expected = run.first + run.count;
  }
}
void read_runs(FieldReader& in, std::vector<Run>& runs) {
  runs.resize(in.count(4));
  JobId expected = 0;
  for (Run& run : runs) {
    run.first = expected + static_cast<JobId>(in.zig());
    run.count = in.u32();
    run.attempt = in.u32();
    run.epoch = in.u32();
    expected = run.first + run.count;
  }
}

void write(FieldWriter& out, const Backoff& backoff) {
  out.varint(backoff.initial_ms);
  out.varint(backoff.max_ms);
  out.f32(backoff.factor);
  out.f32(backoff.jitter);
  out.varint(backoff.list_ms.size());
  for (std::uint32_t delay : backoff.list_ms) out.varint(delay);
}
void read(FieldReader& in, Backoff& backoff) {
  backoff.initial_ms = in.u32();
  backoff.max_ms = in.u32();
  backoff.factor = in.f32();
  backoff.jitter = in.f32();
  backoff.list_ms.resize(in.count(1));
  for (std::uint32_t& delay : backoff.list_ms) delay = in.u32();
}

void write(FieldWriter& out, const std::vector<std::string>& texts) {
  out.varint(texts.size());
  for (const std::string& text : texts) out.string(text);
}
void read(FieldReader& in, std::vector<std::string>& texts) {
  texts.resize(in.count(1));
  for (std::string& text : texts) text = in.string();
}

namespace {
void write(FieldWriter& out, std::uint32_t number) { out.varint(number); }
void read(FieldReader& in, std::uint32_t& number) { number = in.u32(); }
}  // namespace

void write(FieldWriter& out, const SpecDefaults& defaults) {
  const auto one = [&out](const auto& value) {
    out.flag(value.has_value());
    if (value) write(out, *value);
  };
  for (const auto* number : {&defaults.attempts, &defaults.crash_attempts, &defaults.soft_timeout_ms,
                             &defaults.hard_timeout_ms, &defaults.result_ttl_s})
    one(*number);
  one(defaults.backoff);
  one(defaults.no_retry);
}
void read(FieldReader& in, SpecDefaults& defaults) {
  const auto one = [&in](auto& value) {
    if (in.flag()) read(in, value.emplace());
  };
  for (auto* number : {&defaults.attempts, &defaults.crash_attempts, &defaults.soft_timeout_ms,
                       &defaults.hard_timeout_ms, &defaults.result_ttl_s})
    one(*number);
  one(defaults.backoff);
  one(defaults.no_retry);
}

}  // namespace joinery::broker::journal
