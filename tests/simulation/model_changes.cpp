// What each change does to the model, and which may not be.
#include <fmt/format.h>

#include "tests/simulation/model.h"

namespace joinery::simulation {

using namespace broker;
using Is = ModelJob::Is;

void Model::on(const change::Epoch& change) {
  if (change.epoch <= now_.epoch) throw Broken("an epoch that is not greater than the last");
  now_.epoch = change.epoch;
}

void Model::on(const change::Queue& change) {
  if (change.id >= now_.queues.size()) now_.queues.resize(change.id + 1);
  ModelQueue& queue = now_.queues[change.id];
  queue.name = change.name;
  queue.options = change.options;
  queue.paused = change.paused;
  bound_history(queue);
}

void Model::on(const change::DefineSpec& change) {
  now_.specs[change.id] = std::make_shared<Spec>(change.spec);
}

void Model::on(const change::OpenBatch& change) {
  now_.batches[change.id] = {.parent = change.parent, .held = change.held};
}

void Model::on(const change::CloseBatch& change) {
  ModelBatch& batch = now_.batches.at(change.id);
  batch.held = false;
  batch.closed = true;
}

void Model::on(const change::CancelBatch& change) {
  ModelBatch& batch = now_.batches.at(change.id);
  batch.cancelled = true;
  batch.held = false;
  for (auto& [id, job] : now_.jobs) {
    if (job.batch != change.id || job.is != Is::waiting) continue;
    become(job, Is::ended, Outcome::cancelled);
    job.ghost = true;
  }
}

void Model::on(const change::Put& put) {
  if (put.first < now_.next) throw Broken(fmt::format("job {} is put again", put.first));
  now_.next = put.first + put.count;
  for (std::uint32_t i = 0; i < put.count; ++i) {
    ModelJob job;
    job.id = put.first + i;
    job.is = put.parked ? Is::parked : Is::waiting;
    job.queue = put.queue;
    job.spec = now_.specs.at(put.spec);
    job.batch = put.batch;
    job.parent = put.parent;
    job.put_end = job.end = deciding_->end;
    job.payload = kept_->payloads.at(i);
    job.plain = !put.parked;
    if (const Columns* columns = put.columns) {
      if (!columns->key.empty()) job.key = columns->key[i];
      if (!columns->unique_key.empty()) job.unique = columns->unique_key[i];
      if (!columns->priority.empty() && now_.queues[put.queue].options.mode == Mode::priority)
        job.priority = columns->priority[i];
      const bool comes_after = !columns->after.empty() && !columns->after[i].empty();
      if (comes_after) job.after.assign(columns->after[i].begin(), columns->after[i].end());
      std::erase_if(job.after, [&](JobId first) { return !waits_for(job, first); });
      if (!columns->after_batches.empty()) job.after_batches = columns->after_batches[i];
      const bool blocked =
          comes_after || (!columns->after_batches.empty() && !columns->after_batches[i].empty());
      const bool delayed = !put.due.empty() && put.due[i] > put.at;
      job.plain = job.plain && !blocked && !delayed;
      if (!columns->delay_ms.empty() && columns->delay_ms[i] != 0) {
        job.not_before = deciding_->now.mono + std::chrono::milliseconds(columns->delay_ms[i]);
        job.epoch = now_.epoch;
      }
    }
    check_put(job);
    now_.payloads[job.payload] = job.id;
    enqueue(job, false);
    enter(now_.jobs[job.id] = std::move(job));
  }
}

void Model::on(const change::Admit& change) {
  for (JobId id = change.first; id < change.first + change.count; ++id) {
    ModelJob& job = need(id, "admission");
    if (job.is != Is::parked) throw Broken(fmt::format("admitted: {}", describe(id)));
    become(job, Is::waiting);
    enqueue(job, false);
  }
}

void Model::on(const change::Start& change) {
  for (const Run& run : change.runs) {
    for (JobId id = run.first; id < run.first + run.count; ++id) {
      ModelJob& job = need(id, "start");
      const Token token{id, run.attempt, run.epoch};
      if (run.epoch != now_.epoch)
        throw Broken(fmt::format("job {} starts with the epoch of another life", id));
      check_start(job);
      if (job.spec->ordered && !job.key.empty()) check_turn(job);
      job.token = token;
      become(job, Is::running);
      started_.push_back(id);
    }
  }
}

void Model::on(const change::Finish& change) {
  for (const Run& run : change.runs) {
    for (JobId id = run.first; id < run.first + run.count; ++id) {
      ModelJob& job = need(id, "finish");
      if (job.ghost) {
        if (change.outcome != Outcome::cancelled)
          throw Broken(fmt::format("job {} of a cancelled batch ends otherwise", id));
        job.ghost = false;
        remember(job, change.at);
        continue;
      }
      if (change.outcome == Outcome::succeeded || job.is == Is::running) {
        need_running({id, run.attempt, run.epoch}, "finish");
      } else if (job.is != Is::waiting) {
        throw Broken(fmt::format("a second outcome: {}", describe(id)));
      }
      become(job, Is::ended, change.outcome);
      job.cancelling = false;
      remember(job, change.at);
    }
  }
}

void Model::on(const change::Requeue& change) {
  ModelJob& job = need_running(change.token, "requeue");
  become(job, Is::waiting);
  job.cancelling = false;
  if (change.due != Wall{}) {
    job.plain = false;
    job.not_before = deciding_->now.mono + (change.due - deciding_->now.wall);
    job.epoch = now_.epoch;
  }
  enqueue(job, true);
}

void Model::on(const change::Bury& change) {
  become(need_running(change.token, "burial"), Is::dead);
  need(change.token.job, "burial").cancelling = false;
}

void Model::on(const change::Revive& change) {
  ModelJob& job = need(change.job, "revival");
  if (job.is != Is::dead) throw Broken(fmt::format("revived: {}", describe(change.job)));
  become(job, Is::waiting);
  job.unique.clear();  // its claim and its turn ended with its outcome
  job.keeps_turn = false;
  job.plain = false;
}

void Model::on(const change::Drop& change) {
  for (JobId id = change.first; id < change.first + change.count; ++id) {
    ModelJob& job = need(id, "drop");
    if (job.is != Is::dead && job.is != Is::parked) throw Broken(fmt::format("dropped: {}", describe(id)));
    if (job.is == Is::parked) {
      leave(job);
      now_.payloads.erase(job.payload);
      now_.jobs.erase(id);
    } else {
      job.gone = true;
      remember(job, change.at);
    }
  }
}

void Model::on(const change::Move& change) { need(change.job, "move"); }

void Model::on(const change::Cancelling& change) {
  for (const Run& run : change.runs) {
    for (JobId id = run.first; id < run.first + run.count; ++id) need(id, "cancellation").cancelling = true;
  }
}

void Model::on(const change::Update& change) {
  ModelJob& job = need(change.job, "update");
  job.plain = false;
  if (change.due) job.keeps_turn = false;
  job.not_before.reset();
}

void Model::on(const change::Transfer& change) {
  ModelJob& job = need(change.job, "transfer");
  leave(job);
  job.queue = change.queue;
  job.plain = job.keeps_turn = false;
  job.end = deciding_->end;
  enter(job);
}

void Model::on(const change::SetLimit& change) {
  if (change.removed) {
    now_.limits.erase(change.limit.pattern);
  } else {
    now_.limits[change.limit.pattern] = change.limit;
  }
}

void Model::on(const change::HoldKey& change) {
  const Now now = deciding_->now;
  now_.holds[change.node] = {std::chrono::milliseconds(change.interval_ms),
                             change.until > now.wall ? now.mono + (change.until - now.wall) : Mono{},
                             now_.epoch};
}

}  // namespace joinery::simulation
