// joinery lock ls
#include <fmt/core.h>

#include "producer/cli/command.h"
#include "producer/cli/human.h"
#include "shared/locks/inspect.h"

namespace joinery::cli {
namespace {

using locks::GateState;
using locks::Party;

Json party_json(const Party& party, bool holder) {
  Json out = {{"owner", party.owner}, {"process", party.process}};
  if (holder) {
    out["token"] = party.token;
    out["since_ms"] = party.since_ms;
  }
  out["lease_left_ms"] = party.lease_left_ms;
  return out;
}

Json gate_json(const GateState& gate) {
  Json out = {{"kind", gate.kind}, {"name", gate.name}};
  if (gate.permits > 0) out["permits"] = gate.permits;
  out["holders"] = Json::array();
  for (const Party& party : gate.holders) out["holders"].push_back(party_json(party, true));
  out["waiters"] = Json::array();
  for (const Party& party : gate.waiters) out["waiters"].push_back(party_json(party, false));
  return out;
}

// "job:7:4294967297" is job 7; "process:host:12:...": process 12 on host.
std::string owner_text(const Party& party) {
  const std::string& owner = party.owner;
  const auto first = owner.find(':');
  const auto second = owner.find(':', first + 1);
  if (owner.starts_with("job:")) return "job " + owner.substr(first + 1, second - first - 1);
  if (!owner.starts_with("process:") || second == std::string::npos) return harmless(owner);
  const auto third = owner.find(':', second + 1);
  return harmless(fmt::format("{} pid {}", owner.substr(first + 1, second - first - 1),
                              owner.substr(second + 1, third - second - 1)));
}

// A row for each holder; for what is only waited for, one.
Table table(const std::vector<GateState>& gates) {
  Table out{{"KIND", "NAME", "HOLDER", ">TOKEN", "SINCE", ">WAITING", "NEXT"}, {}};
  const Wall now = read_clocks().wall;
  for (const GateState& gate : gates) {
    const std::string next = gate.waiters.empty() ? "-" : owner_text(gate.waiters.front());
    const auto row = [&](const std::string& holder, const std::string& token, const std::string& since) {
      out.rows.push_back(
          {gate.kind, harmless(gate.name), holder, token, since, count(gate.waiters.size()), next});
    };
    if (gate.holders.empty()) row("-", "-", "-");
    for (const Party& party : gate.holders) {
      row(owner_text(party), fmt::format("{}", party.token), ago(party.since_ms, now));
    }
  }
  return out;
}

ExitCode list_locks(Context& context) {
  const std::string text = context.client().redis_url();
  if (text.empty())
    throw ClientError({Code::redis_unreachable, "the broker has no Redis, and so no locks", {}});
  auto url = redis::parse_url(text);
  if (!url) throw ClientError(url.error());
  redis::Client redis(*std::move(url), context.settings.timeout.value);
  const auto gates = locks::list(redis, to_hex(context.client().broker_id()));
  if (!gates) throw ClientError(gates.error());
  if (context.out.json()) {
    Json all = Json::array();
    for (const GateState& gate : *gates) all.push_back(gate_json(gate));
    context.out.value(all);
  } else {
    context.out.table(table(*gates), "no locks are held or waited for");
  }
  return ExitCode::success;
}

constexpr const char* examples =
    R"(  joinery lock ls          who holds what since when, with which token, and who waits
  joinery lock ls --json   an array: kind, name, permits, holders, waiters (the first in line first))";

}  // namespace

Run define_lock_ls(Arguments& arguments) {
  arguments.examples(examples);
  return list_locks;
}

}  // namespace joinery::cli
