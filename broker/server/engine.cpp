#include "broker/server/engine.h"

#include <poll.h>
#include <spdlog/spdlog.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <utility>

#include "shared/base/check.h"

namespace joinery::broker::server {

namespace {

// Of one turn: little enough that an answer does not wait for long behind it.
constexpr std::size_t frames_per_turn = 64;
constexpr std::size_t bytes_per_turn = 1U << 20U;
constexpr std::size_t moves_when_idle = 256;
constexpr std::size_t moves_when_busy = 16;
constexpr Duration retry_full = std::chrono::milliseconds(5);
constexpr Duration look_at_full_disk = std::chrono::seconds(1);
constexpr Duration longest_wall_wait = std::chrono::seconds(10);  // the wall clock may be set while we wait
constexpr Duration finish_limit = std::chrono::seconds(20);

}  // namespace

Engine::Engine(const Parts& parts, const Settings& settings)
    : parts_(parts),
      settings_(settings),
      sessions_(parts.router, settings.outbox),
      specs_(parts.core),
      outgoing_(parts.core, parts.journal, sessions_, specs_, follows_, settings.welcome),
      transactor_(parts.core, parts.journal, outgoing_),
      scheduler_(parts.core, transactor_, specs_, settings.welcome.payload_max),
      desk_{.core = parts.core,
            .journal = parts.journal,
            .sessions = sessions_,
            .redis = parts.redis,
            .progress = progress_,
            .follows = follows_,
            .scheduler = scheduler_,
            .broker = hex(settings.welcome.broker),
            .endpoint = settings.endpoint,
            .data_dir = settings.data_dir,
            .queue_defaults = settings.queue_defaults},
      verbs_(desk_, transactor_),
      intake_({.core = parts.core,
               .transactor = transactor_,
               .sessions = sessions_,
               .specs = specs_,
               .progress = progress_,
               .follows = follows_,
               .verbs = verbs_,
               .payload_max = settings.welcome.payload_max}) {}

void Engine::start(Now now) {
  desk_.started_at = now.mono;
  transactor_.set_now(now);
  transactor_.start();
  // The tokens of this life are greater than those of earlier ones only if its epoch is known to the next.
  parts_.journal.commit(true);
  wait_durable(Duration::max());
}

// Through the door that everyone uses: a session of the broker's own, named as the data directory is. It is
// forgotten at once, so that its sequence begins anew each time.
void Engine::configure(const std::map<std::string, QueueOptions>& queues,
                       const std::vector<Schedule>& schedules) {
  const SessionId self = settings_.welcome.broker;
  transactor_.set_now(read_clocks());
  transactor_.apply(Disconnect{self, true});
  transactor_.apply(Connect{.session = self, .role = Role::tool, .worker = {}, .held = {}});
  std::uint64_t sequence = 0;
  for (const auto& [name, options] : queues) {
    const std::optional<QueueView> queue = parts_.core.queue(name);
    if (queue && queue->options == options) continue;
    apply(sequence, Configure{name, options});
    if (!parts_.core.queue(name) || parts_.core.queue(name)->options != options) {
      spdlog::warn(
          "queue '{}' could not be given the options of the file (its mode changes only while it is empty)",
          name);
    }
  }
  declare(schedules, sequence);
  transactor_.apply(Disconnect{self, true});
  transactor_.commit();
}

template <typename Verb>
void Engine::apply(std::uint64_t& sequence, Verb verb) {
  ++sequence;
  transactor_.apply(Admin{settings_.welcome.broker, sequence, sequence - 1, std::move(verb)});
}

// Those that were set by a verb stay, unless the file has one of the same name. What did not change goes on.
void Engine::declare(const std::vector<Schedule>& schedules, std::uint64_t& sequence) {
  std::vector<std::string> gone;
  for (const ScheduleState* state : parts_.core.schedules()) {
    const bool there = std::ranges::find(schedules, state->is.name, &Schedule::name) != schedules.end();
    if (state->is.declared && !there) gone.push_back(state->is.name);
  }
  for (const std::string& name : gone) apply(sequence, DeleteSchedule{name, true});
  for (const Schedule& schedule : schedules) {
    const Result<Wall> first = scheduler_.first(schedule);
    if (first) apply(sequence, SetSchedule{schedule, *first, true});
    const ScheduleState* state = parts_.core.schedule(schedule.name);
    if (state == nullptr || state->is != schedule)
      spdlog::warn("schedule '{}' of the file could not be taken: {}", schedule.name,
                   first ? "its queue is not there" : first.error().message);
  }
}

void Engine::run() {
  for (const int each : {parts_.journal.descriptor(), parts_.signals, redis_poll_.get()}) {
    parts_.router.also_wait_for(each);
  }
  while (!stopping_) {
    wait();
    take_signals();
    turn(read_clocks());
  }
  finish();
}

void Engine::turn(Now now) {
  transactor_.set_now(now);
  desk_.now = now;
  outgoing_.set_now(now.wall);
  if (!follows_.empty()) follows_.sweep(now.mono);
  check_room();
  outgoing_.deliver(parts_.journal.durable());
  const std::uint64_t frames = desk_.frames_in;
  busy_ = drain();
  const bool idle = desk_.frames_in == frames;
  sessions_.collect_lost();
  intake_.settle_sessions();
  scheduler_.turn();
  transactor_.tick();
  const std::size_t moves = idle ? moves_when_idle : moves_when_busy;
  if (transactor_.move(moves, !idle) == moves) busy_ = true;
  transactor_.commit();
  outgoing_.deliver(parts_.journal.durable());
  backlogged_ = sessions_.flush();
  if (sessions_.unsettled() || bury_missing()) busy_ = true;
  if (std::exchange(redis_due_, false) || now.mono >= parts_.redis.next_deadline()) parts_.redis.process(now);
}

// True if there may be more.
bool Engine::drain() {
  std::size_t bytes = 0;
  for (std::size_t frames = 0; frames < frames_per_turn && bytes < bytes_per_turn; ++frames) {
    if (!parts_.router.receive(from_, frame_, connection_)) return false;
    ++desk_.frames_in;
    bytes += frame_.size();
    intake_.frame(from_, connection_, frame_);
  }
  return true;
}

// Finishes need room too, so that a full disk never keeps jobs from ending.
void Engine::check_room() {
  const std::uint64_t most = bytes_per_turn + settings_.welcome.frame_max;
  const bool room = parts_.journal.has_room(most, parts_.core.totals().unfinished());
  if (room == has_room_) return;
  has_room_ = room;
  if (!stopping_) parts_.core.refuse_puts(room ? Code::ok : Code::disk_full);
  if (room) {
    spdlog::info("the disk has room again: jobs are accepted");
  } else {
    spdlog::error("the disk of {} is nearly full: new jobs are refused, finishes go on", settings_.data_dir);
  }
}

// A job whose payload is gone can never run: it is buried, as if its worker had said so.
bool Engine::bury_missing() {
  outgoing_.take_missing(missing_);
  for (Outgoing::Missing& one : missing_) {
    spdlog::error("job {}: {}", one.token.job, one.error.message);
    Report report;
    report.kind = Report::Kind::rejected;
    report.token = one.token;
    report.failure = {.code = Code::missing_payload,
                      .type = "missing payload",
                      .message = std::move(one.error.message),
                      .where = "broker",
                      .dossier = {}};
    const CoreReport core_report{&report, {}};
    transactor_.apply(
        Finish{.session = one.worker, .sequence = 0, .succeeded = {}, .reports = std::span(&core_report, 1)});
  }
  return !missing_.empty();
}

void Engine::wait() {
  watch_redis();
  parts_.router.wait(patience(read_clocks()), readable_);
  redis_due_ = std::ranges::count(readable_, redis_poll_.get()) > 0;
}

// Its descriptors come and go.
void Engine::watch_redis() {
  const int child = parts_.redis.child_descriptor();
  if (std::exchange(redis_child_, child) != child && child >= 0) {
    epoll_event event{.events = EPOLLIN, .data = {}};
    JOINERY_CHECK(::epoll_ctl(redis_poll_.get(), EPOLL_CTL_ADD, child, &event) == 0);
  }
  redis_link_.update(redis_poll_.get(), 0, parts_.redis.link_descriptor(), parts_.redis.link_opened(),
                     parts_.redis.link_wants_write());
}

Duration Engine::patience(Now now) const {
  if (busy_) return Duration(0);
  const Deadline deadline = parts_.core.next_deadline();
  Duration limit = Duration::max();
  const Mono mono = std::min(deadline.mono, parts_.redis.next_deadline());
  if (mono != never_mono) limit = std::max(Duration(0), mono <= now.mono ? Duration(0) : mono - now.mono);
  if (deadline.wall != never_wall) {
    const Duration wall = deadline.wall <= now.wall ? Duration(0) : deadline.wall - now.wall;
    limit = std::min({limit, wall, longest_wall_wait});
  }
  if (!has_room_) limit = std::min(limit, look_at_full_disk);
  return backlogged_ ? std::min(limit, retry_full) : limit;
}

void Engine::take_signals() {
  if (std::ranges::count(readable_, parts_.signals) == 0) return;
  signalfd_siginfo info{};
  while (::read(parts_.signals, &info, sizeof info) == sizeof info) {
    if (info.ssi_signo == SIGHUP) {
      if (on_hangup_) on_hangup_();
    } else {
      spdlog::info("stopping: signal {}", info.ssi_signo);
      stopping_ = true;
      parts_.core.refuse_puts(Code::shutting_down);
    }
  }
}

// What came before the signal is applied by the last turn of run(); here it becomes durable and is answered.
void Engine::finish() {
  parts_.journal.commit(true);
  wait_durable(finish_limit);
  say_goodbye();
}

void Engine::wait_durable(Duration limit) {
  const Mono begin = read_clocks().mono;
  while (parts_.journal.durable() < parts_.journal.end()) {
    if (limit != Duration::max() && read_clocks().mono - begin > limit) return;
    pollfd journal{parts_.journal.descriptor(), POLLIN, 0};
    ::poll(&journal, 1, 1000);
    parts_.journal.commit(true);
  }
  outgoing_.deliver(parts_.journal.durable());
}

void Engine::say_goodbye() {
  Buffer frame;
  protocol::encode(protocol::Goodbye{"the broker stops"}, frame);
  sessions_.send_to_all(frame);
}

}  // namespace joinery::broker::server
