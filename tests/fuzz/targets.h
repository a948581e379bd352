// What every reader of bytes from elsewhere must stand, whatever it is given.
#pragma once

#include <array>
#include <vector>

#include "shared/base/bytes.h"

namespace joinery::fuzz {

// Each gives the bytes to a reader, which may refuse them; what it takes must come back the same when it is
// written and read again. They end the process (JOINERY_CHECK) where that does not hold.

// Frames of the wire, their hot paths, specs and values.
void feed_wire(Bytes bytes);
// Bytes of a peer on a unix socket. The first one: how they are cut.
void feed_zmtp(Bytes bytes);
// Messages of pool processes.
void feed_pool(Bytes bytes);
// A segment of a journal: opened, checked, repaired, opened again. The first byte: whether sums are made
// right first.
void feed_journal(Bytes bytes);
// A TOML file.
void feed_config(Bytes bytes);
// Commands into the core, packed as the feeder likes.
void feed_core(Bytes bytes);

// Valid inputs, small.
std::vector<Buffer> wire_corpus();
std::vector<Buffer> zmtp_corpus();
std::vector<Buffer> pool_corpus();
std::vector<Buffer> journal_corpus();
std::vector<Buffer> config_corpus();
std::vector<Buffer> core_corpus();

struct Target {
  const char* name;
  void (*feed)(Bytes);
  std::vector<Buffer> (*corpus)();
  int rounds;  // of a test run
};
inline constexpr std::array targets{Target{"wire", feed_wire, wire_corpus, 30'000},
                                    Target{"zmtp", feed_zmtp, zmtp_corpus, 30'000},
                                    Target{"pool", feed_pool, pool_corpus, 30'000},
                                    Target{"journal", feed_journal, journal_corpus, 3'000},
                                    Target{"config", feed_config, config_corpus, 3'000},
                                    Target{"core", feed_core, core_corpus, 500}};

}  // namespace joinery::fuzz
