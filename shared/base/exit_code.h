// The exit codes of the three programs: one table, which docs/operating.md repeats (a test compares the two).
#pragma once

namespace joinery {

// X(name, number, meaning). 64-78 follow sysexits.h where it has a word for it.
#define JOINERY_EXIT_CODES(X)                                                                       \
  X(success, 0, "done, and every job asked about succeeded")                                        \
  X(failure, 1, "the request was refused, or a command failed")                                     \
  X(jobs_failed, 2, "the request worked, but not every job succeeded")                              \
  X(timed_out, 3, "the time given with --timeout ran out first")                                    \
  X(usage, 64, "the command line is wrong")                                                         \
  X(unreachable, 69, "no broker answers at the endpoint")                                           \
  X(internal, 70, "a mistake of ours: an assertion failed")                                         \
  X(disk_full, 73, "the disk has no room for the journal")                                          \
  X(io_error, 74, "a write or sync of the journal failed")                                          \
  X(config, 78, "the configuration has a mistake")                                                  \
  X(endpoint_taken, 80, "the endpoint is in use or cannot be bound")                                \
  X(data_locked, 81, "another broker uses this data directory")                                     \
  X(journal_corrupt, 82, "the journal is damaged; segment and offset are named")                    \
  X(redis_missing, 83, "redis-server was not found or did not start, or redis.url does not answer") \
  X(unsupported_format, 84, "the data directory was written by a newer version")                    \
  X(no_handlers, 85, "the worker has no handler to offer")

enum class ExitCode : int {
#define X(name, number, meaning) name = number,
  JOINERY_EXIT_CODES(X)
#undef X
};

}  // namespace joinery
