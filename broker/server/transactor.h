// One command, whole: decide, append its changes as one record with their payloads, hand its effects on. The
// only place where the core, the journal and what goes out meet.
#pragma once

#include <span>

#include "broker/core/core.h"
#include "broker/journal/journal.h"
#include "broker/server/outgoing.h"
#include "shared/base/time.h"

namespace joinery::broker::server {

class Transactor {
 public:
  // payloads[g]: those of group g of the command, as views into the frame.
  using Payloads = std::span<const std::span<const Bytes>>;

  Transactor(Core& core, Journal& journal, Outgoing& outgoing)
      : core_(core), journal_(journal), outgoing_(outgoing) {}

  // The clocks of this turn.
  void set_now(Now now) { now_ = now; }
  Now now() const { return now_; }
  // Where specs are interned before the command that uses them: they belong to its record.
  Effects& effects() { return effects_; }

  void start();
  void apply(const Command& command, Payloads payloads = {}, const Outgoing::Aside& aside = {});
  void tick();
  // Moves at most `most` payloads so that their space comes back. How many there were. `busy`: as of to_move.
  std::size_t move(std::size_t most, bool busy);
  // Ends a turn: hands what was appended to the sync thread, and writes a checkpoint if it is time.
  void commit();

 private:
  void settle(Payloads payloads, const Outgoing::Aside& aside);

  Core& core_;
  Journal& journal_;
  Outgoing& outgoing_;
  Now now_{};
  Effects effects_;
  Buffer moved_;
};

}  // namespace joinery::broker::server
