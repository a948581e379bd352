// Who has the claim to a unique key. Most claims are a job's: it says until when in its Spec, and frees it
// with what becomes of it. A claim for a time belongs to nobody and ends with its time.
#pragma once

#include <cstdint>
#include <map>
#include <unordered_map>

#include "shared/base/time.h"
#include "shared/job/job.h"

namespace joinery::broker {

// Within what a key is unique, and which key (interned).
struct ClaimKey {
  std::uint64_t scope = 0;
  std::uint32_t key = 0;
  bool operator==(const ClaimKey&) const = default;

  static std::uint64_t scope_of(UniqueScope scope, std::uint32_t queue, BatchId batch) {
    return scope == UniqueScope::batch ? batch | std::uint64_t{1} << 63U : queue;
  }
};

struct Claim {
  JobId job = 0;  // that made it; it may be gone if the claim is for a time
  Wall until = never_wall;
};

class Claims {
 public:
  // Null: the key is free.
  const Claim* find(const ClaimKey& key, Wall now) const;
  void take(const ClaimKey& key, const Claim& claim);
  // Of this job, if it still is.
  void free(const ClaimKey& key, JobId job);
  // Takes out one claim whose time is over.
  bool take_expired(Wall now, ClaimKey& key);

  template <typename F>
  void for_each_timed(F&& see) const {
    for (const auto& [until, key] : timed_) see(key, claims_.at(key));
  }
  std::size_t timed_count() const { return timed_.size(); }

 private:
  struct Hash {
    std::size_t operator()(const ClaimKey& key) const {
      return (key.scope ^ std::uint64_t{key.key} << 32U) * 0x9e37'79b9'7f4a'7c15ULL;
    }
  };
  void forget_time(const ClaimKey& key, Wall until);

  std::unordered_map<ClaimKey, Claim, Hash> claims_;
  std::multimap<Wall, ClaimKey> timed_;
};

}  // namespace joinery::broker
