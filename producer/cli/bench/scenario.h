// The scenarios. Their one table, from which --list and what runs follow, is in command.cpp.
#pragma once

#include "producer/cli/bench/run.h"

namespace joinery::cli::bench {

struct Scenario {
  const char* name;
  const char* summary;
  bool usual;    // runs when none is named
  bool running;  // also against a broker that runs already (--broker)
  void (*run)(Run&);
};

void flood(Run&);
void single(Run&);
void put(Run&);
void drain(Run&);
void results(Run&);
void payloads(Run&);
void idle(Run&);
void load(Run&);
void rest(Run&);
void queues(Run&);
void keys(Run&);
void limits(Run&);
void clients(Run&);
void backlog(Run&);
void restart(Run&);

}  // namespace joinery::cli::bench
