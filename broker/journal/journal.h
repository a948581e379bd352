// What survives. A journal is an ordered stream of records; a record is the changes of one command with their
// payloads, whole or not at all. This interface names no file, segment or offset, so that another log can
// stand behind it.
//
// Life: open_journal() (open_journal.h) recovers; then append, commit and durable() as often as there is
// work; the destructor makes everything durable. Threads: one owner, the engine's thread. The journal has one
// thread of its own, which writes and syncs. A failed write or sync ends the process through the `fatal`
// callback: it is never tried again, and nothing is answered as if it had held.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "broker/core/change.h"
#include "shared/base/bytes.h"
#include "shared/base/error.h"

namespace joinery::broker {

// End of a record in the stream. A change is durable once Journal::durable() >= the Position that append
// returned.
using Position = std::uint64_t;

// Where the payloads of one Put (or Move) of a record begin; they lie back to back.
struct PutPlace {
  JobId first = 0;
  std::uint32_t count = 0;
  std::uint64_t position = 0;
};

struct Appended {
  Position end = 0;
  std::span<const PutPlace> puts;  // valid until the next append
};

// What was found at the start.
struct Opened {
  std::array<char, 16> id{};  // of the data directory, random, made with it
  bool clean = true;          // the last life stopped in order; if not, the log was cut at its end:
  std::string end;            // "segment-0000000000000000 at offset 1234"
  std::uint64_t records = 0;  // behind the checkpoint
};

// What recovery is told, in order.
class Recovery {
 public:
  virtual ~Recovery() = default;
  // The newest whole checkpoint, at most once and first.
  virtual Result<> checkpoint(Bytes state) = 0;
  // A change behind the checkpoint; `position` is where its payloads begin.
  virtual Result<> change(const Change& change, std::uint64_t position) = 0;
  // Asked behind the last change: the payloads of the jobs that are left must be there.
  virtual void each_payload(const std::function<void(JobId job, Place place)>& /*each*/) const {}
  // At the end, before open_journal returns.
  virtual void opened(const Opened& /*opened*/) {}
  // For a progress line: bytes read of bytes in all.
  virtual void progress(std::uint64_t /*done*/, std::uint64_t /*all*/) {}
};

class Journal {
 public:
  virtual ~Journal() = default;

  // Adds one record. `payloads[g][i]` is payload i of the Put with group g (a second Put of that group goes
  // on where the first ended), and payloads[0][k] that of the k-th Move. One copy, into the write buffer.
  virtual Appended append(std::span<const Change> changes,
                          std::span<const std::span<const Bytes>> payloads) = 0;
  // Hands what was appended to the sync thread, if it is idle; the next group is what comes until it is done.
  // `sync`: someone waits for it (else it is written, and synced within the interval).
  virtual void commit(bool sync) = 0;
  // End of what is synced.
  virtual Position durable() const = 0;
  // Becomes readable whenever durable() has grown; drained by durable(). For the event loop.
  virtual int descriptor() const = 0;
  // End of what is appended.
  virtual Position end() const = 0;

  // Reads a payload back, appending it to `out`. Error: missing_payload with the exact place, if its record
  // does not check.
  virtual Result<> read(Place place, Buffer& out) = 0;
  // The payload is not needed any more; its space comes back with a later checkpoint.
  virtual void release(Place place) = 0;
  // At recovery: the payload of a live job is there (the owner calls it for each live job after open).
  virtual void retain(Place place) = 0;

  // Whether there is room for a record of so many payload bytes and jobs, beyond what finishes of
  // `unfinished` jobs will need.
  virtual bool has_room(std::uint64_t bytes, std::uint64_t unfinished) = 0;

  // Whether enough was appended since the last checkpoint for a new one to pay.
  virtual bool wants_checkpoint() const = 0;
  // Writes a checkpoint of the state as of end(): `save` is given a sink and called once, here or in a child
  // process. When it is durable, segments that hold nothing live are given back.
  virtual void checkpoint(const std::function<void(const std::function<void(Bytes)>&)>& save) = 0;

  // Space: jobs whose payloads should be moved so that their space comes back. At most `most`; empty: nothing
  // to do now. The owner appends a Move for those that are still there (Core::is_at). `busy`: others come
  // meanwhile, so that most jobs of a segment that was left a moment ago end by themselves before long.
  struct Candidate {
    JobId job = 0;
    Place place;
  };
  virtual std::vector<Candidate> to_move(std::size_t most, bool busy = false) = 0;

  struct Stats {
    std::uint64_t appended_bytes = 0, live_bytes = 0, disk_bytes = 0, syncs = 0, records = 0, checkpoints = 0;
  };
  virtual Stats stats() const = 0;
};

}  // namespace joinery::broker
