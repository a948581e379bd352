// What the bare machine does: the measures that ours are compared with, taken in the same run.
#pragma once

#include <string>

#include "producer/cli/bench/latencies.h"
#include "shared/base/unique_fd.h"

namespace joinery::cli::bench {

struct Machine {
  double fdatasync_us = 0;  // median: a small write in place, and fdatasync
  double fdatasync_p99_us = 0;
  double round_trip_us = 0;  // median: two ZeroMQ sockets, a small message there and back
  double disk_bytes_per_s = 0;
  double loopback_bytes_per_s = 0;  // one TCP connection
};

// fdatasyncs of small writes in place, as the journal writes into its recycled segments: no sync then has to
// write where the file is, too.
class Syncs {
 public:
  // Throws Failed, as once().
  explicit Syncs(const std::string& dir);
  void once();
  Latencies& taken() { return taken_; }

 private:
  static constexpr std::size_t size = 1U << 20U;
  static constexpr std::size_t record_size = 256;
  unique_fd file_;
  std::size_t at_ = 0;
  Latencies taken_;
};

// Bytes per second of one file written from its beginning to its end, and synced. Throws Failed.
double disk_speed(const std::string& dir);

// Some seconds of work; the files are in `dir`. Throws Failed.
Machine measure_machine(const std::string& dir);

}  // namespace joinery::cli::bench
