// One message of each type, with every field different from its default.
#pragma once

#include <vector>

#include "shared/protocol/codec.h"

namespace joinery::protocol {

inline Spec full_spec() {
  Spec spec;
  spec.handler = "resize";
  spec.content_type = "application/json";
  spec.attempts = 7;
  spec.crash_attempts = 300;
  spec.backoff = {.initial_ms = 5, .max_ms = 70'000, .factor = 1.5F, .jitter = 0.25F, .list_ms = {}};
  spec.soft_timeout_ms = 1'000;
  spec.hard_timeout_ms = 4'000'000'000;
  spec.result_ttl_s = 3600;
  spec.result_inline_max = 4096;
  spec.no_retry = {"KeyError"};
  spec.said.emplace().add(SpecOption::attempts);
  spec.trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  return spec;
}

inline Columns full_columns() {
  Columns columns;
  columns.priority = {-5, 1'000'000};
  columns.delay_ms = {0, 70'000};
  columns.run_at_ms = {1'700'000'000'000, 0};
  columns.expires_at_ms = {0, 1'800'000'000'000};
  columns.key = {"host:example.org", ""};
  columns.unique_key = {"", "a"};
  return columns;
}

inline Group full_group() { return {"mail", full_spec(), 3, 99, {"one", Bytes("\0two", 4)}, full_columns()}; }

inline Group plain_group() {
  Group group;
  group.spec.handler = "noop";
  group.payloads = {""};
  return group;
}

// Payloads and specs in it are literals or live as long as the program.
inline std::vector<Message> one_of_each() {
  static const Buffer spec = [] {
    Buffer raw;
    encode_spec(full_spec(), raw);
    return raw;
  }();
  static const std::string large(70'000, 'x');
  const Token token{1'000'000'000'000, 2, 3};
  const Failure failure{Code::process_died, "signal", "11", "worker a, process 3",
                        std::string("\x81\xa1\x61\x01")};

  Hello worker{.role = Role::worker,
               .session = {0x0102030405060708, 0xfffefdfcfbfaf9f8},
               .name = "w1",
               .host = "box",
               .pid = 4242,
               .software = "joinery-cpp/0.1.0",
               .processes = 4,
               .threads = 2,
               .capacity = 4096,
               .queues = {"default", "mail"},
               .weights = {3, 1},
               .handlers = {"*"},
               .held = {token, {5, 1, 1}}};
  Hello tool{.role = Role::tool,
             .session = {1, 2},
             .name = "joinery",
             .host = "box",
             .pid = 1,
             .software = "x",
             .queues = {},
             .handlers = {},
             .held = {}};
  Finish finish{.sequence = 300, .succeeded = {{1, 1000, 1, 1}, {2'000'000, 1, 2, 3}}, .reports = {}};
  finish.reports.push_back({Report::Kind::crashed, token, failure, {}});
  finish.reports.push_back({Report::Kind::succeeded, {7, 1, 1}, {}, {full_group(), plain_group()}});
  finish.results = {{1, "\xc0"}, {2'000'000, large}};
  GroupAccepted refused;
  refused.error = Error{Code::queue_full, "no room", "queue"};

  return {
      worker,
      tool,
      Welcome{.epoch = 9,
              .broker = {~0ULL, 0},
              .resumed = true,
              .last_sequence = 1'000,
              .redis_url = "unix:///r",
              .heartbeat_ms = 1,
              .lease_ms = 70'000,
              .frame_max = 5'000'000'000,
              .payload_max = 17},
      ErrorMessage{8, {Code::unknown_queue, "there is no queue \"x\"", "queue"}},
      Heartbeat{},
      Goodbye{"done"},
      Submit{},
      Submit{.sequence = 1,
             .confirmed = 0,
             .park = false,
             .timeout_ms = 0,
             .watch = true,
             .under = token,
             .groups = {full_group(), plain_group()}},
      Submit{.sequence = 2, .timeout_ms = {}, .under = {}, .flow = "night", .groups = {full_group()}},
      Accepted{5, {{1'000, 64, Durability::interval, true, {}}, refused}},
      Accepted{6, {{1, 2, Durability::sync, false, {}}}, 7},
      Capacity{70'000},
      Dispatch{{{"mail", spec, 3, {{1, 2, 3, 4, "payload"}, {1'000'000, 1, 0, 0, large}}},
                {"default", spec, 3, {}}}},
      finish,
      Acked{77, {token}},
      Revoke{{token, {1, 1, 1}}, Code::worker_lost, 5'000},
      Progress{token, 0.25, "a quarter"},
      Hold{token, {"host:x", 500, 1}},
      Hold{token, {"tenant:a/host:x", {}, {}}},
      Follow{{token, {1, 1, 1}}, false},
      Log{token, 3, {{1'700'000'000'000, "info", "a line"}, {-1, "", large}}},
      Join{1, "mail", 0, {}},
      Join{2, "", 300, {}},
      Join{3, "", 0, {1, 1'000, 1'000'000}},
      Joined{4, {1, 2, 3, 4, 5, 600, 700, 80'000, 9'000'000'000}},
      Watch{5, {1, 2, 3}},
      Outcomes{{{9, true, Outcome::failed, 2, 3, failure},
                {10, false, Outcome::succeeded, 0, 0, {}},
                {11, true, Outcome::succeeded, 1, 1, {}, "\xc0"}}},
      Forget{5},
      Request{6, 5, "queue.list", "\x80"},
      Reply{6, "\x81\xa1\x61\x01"},
  };
}

}  // namespace joinery::protocol
