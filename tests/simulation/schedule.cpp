#include "tests/simulation/schedule.h"

namespace joinery::simulation {

using namespace std::chrono_literals;

namespace {

struct Weighted {
  StepKind kind;
  std::uint64_t weight;
  std::string_view word;
};
// In the order of StepKind.
constexpr Weighted table[] = {
    {StepKind::submit, 30, "submit"},
    {StepKind::submit_under, 2, "submit under a delivery"},
    {StepKind::request, 14, "request"},
    {StepKind::join, 8, "join"},
    {StepKind::watch, 3, "watch"},
    {StepKind::give_up, 1, "give a join up"},
    {StepKind::repeat, 3, "repeat a request"},
    {StepKind::kill_broker, 1, "kill the broker"},
    {StepKind::power_failure, 2, "power failure of the broker"},
    {StepKind::restart_broker, 1, "restart the broker"},
    {StepKind::break_disk, 2, "the disk breaks"},
    {StepKind::flip_bit, 1, "flip a bit of a copy of the disk"},
    {StepKind::kill_worker, 2, "kill a worker"},
    {StepKind::drain_worker, 1, "drain a worker"},
    {StepKind::kill_process, 3, "kill a pool process"},
    {StepKind::kill_client, 1, "kill a client"},
    {StepKind::cut, 4, "cut a connection"},
    {StepKind::pause, 2, "pause a node"},
    {StepKind::jump_clock, 2, "a wall clock jumps"},
    {StepKind::slow_network, 1, "the network changes its speed"},
    {StepKind::rest, 6, "rest"},
};

constexpr std::uint64_t all() {
  std::uint64_t sum = 0;
  for (const Weighted& one : table) sum += one.weight;
  return sum;
}

}  // namespace

std::string_view word(StepKind kind) { return table[static_cast<std::size_t>(kind)].word; }

std::vector<Step> schedule(std::uint64_t seed, std::size_t steps) {
  Random random(seed);
  std::vector<Step> made;
  while (made.size() < steps) {
    std::uint64_t dice = random.below(all());
    const Weighted* one = table;
    while (dice >= one->weight) dice -= (one++)->weight;
    const Duration most = one->kind == StepKind::rest ? 5s : random.chance(70) ? 20ms : 300ms;
    made.push_back({one->kind, random.next(), random.between(Duration(0), most)});
  }
  return made;
}

}  // namespace joinery::simulation
