// Addresses of which this process knows for sure that the crawl has them, so that it need not submit them
// again and again: the same hundred links stand on every page of a site.
//
// The broker's unique keys decide; this only spares them questions. So an address may count as known only if
// its submission was accepted, and nobody tells a process that its finish was. But a finish and its children
// are one change: whoever is given a child sees that all children of that delivery of its parent were
// accepted. Addresses are kept as hashes of 64 bits: two that collide among a million are as likely as one in
// thirty million.
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <mutex>
#include <unordered_set>
#include <vector>

namespace crawler {

class Known {
 public:
  // `parent` names a delivery: a job and its fence.
  struct Delivery {
    std::uint64_t job = 0;
    std::uint64_t fence = 0;
    auto operator<=>(const Delivery&) const = default;
  };

  using Hash = std::uint64_t;  // hash_of(url)

  // A job for `url` was delivered to us, which `parent` had submitted.
  void delivered(Hash url, Delivery parent);
  bool has(Hash url) const;
  // `parent`, which runs here, submits these.
  void submitted(Delivery parent, std::vector<Hash> urls);

 private:
  mutable std::mutex mutex_;
  std::unordered_set<Hash> known_;
  std::map<Delivery, std::vector<Hash>> unconfirmed_;
};

}  // namespace crawler
