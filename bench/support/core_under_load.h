// A core with one producer and one worker, which serves the queue "mail", and the three steps of its load.
#pragma once

#include <string_view>
#include <vector>

#include "broker/core/core.h"

namespace joinery::broker {

class CoreUnderLoad {
 public:
  // `jobs`: most of one put. `capacity`: deliveries that the worker may hold.
  explicit CoreUnderLoad(std::uint32_t jobs, CoreOptions options = {}, std::uint32_t capacity = 1U << 20U)
      : core(std::move(options)), sizes(jobs, 100) {
    core.start(now, effects);
    WorkerInfo info;
    info.name = "w";
    info.queues = {"mail"};
    info.handlers = {"*"};
    info.capacity = capacity;
    core.apply(now, Connect{producer, Role::producer, {}, {}}, effects);
    core.apply(now, Connect{worker, Role::worker, info, {}}, effects);
    spec.handler = "h";
    effects.clear();
  }
  void put(std::string_view queue) { put(queue, static_cast<std::uint32_t>(sizes.size())); }
  void put(std::string_view queue, std::uint32_t count) {
    PutGroup group;
    group.queue = queue;
    group.spec = core.intern(spec, effects);
    group.sizes = std::span(sizes).first(count);
    group.batch = into_batch;
    group.columns = columns;
    Submit submit{};
    submit.session = producer;
    submit.sequence = ++sequence;
    submit.confirmed = sequence - 1;
    submit.groups = {&group, 1};
    core.apply(now, submit, effects);
    core.placed(core.next_job() - count, count, 1 << 20);
    effects.clear();
  }
  // As the server does; remembers what is held as runs.
  void dispatch() {
    core.tick(now, effects);
    runs.clear();
    for (const Change& change : effects.changes) {
      if (const auto* start = std::get_if<change::Start>(&change))
        runs.insert(runs.end(), start->runs.begin(), start->runs.end());
    }
    effects.clear();
  }
  void finish() {
    Finish finish{};
    finish.session = worker;
    finish.sequence = ++sequence;
    finish.succeeded = runs;
    core.apply(now, finish, effects);
    effects.clear();
  }

  Core core;
  Now now{Mono(Duration(1'000'000)), Wall(Duration(1'700'000'000'000'000))};
  Effects effects;
  SessionId producer{1, 1};
  SessionId worker{2, 2};
  std::uint64_t sequence = 0;
  Spec spec;
  BatchId into_batch = 0;            // of what is put
  const Columns* columns = nullptr;  // of what is put
  std::vector<std::uint32_t> sizes;
  std::vector<Run> runs;
};

}  // namespace joinery::broker
