// Which workers serve a queue, and which of a worker's queues may have something ready: so that neither costs
// more with a hundred thousand queues than with one.
#pragma once

#include <bit>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "broker/core/by_name.h"

namespace joinery::broker {

struct Session;
class Ledger;

// A set of small numbers that is gone through in order: bits, and bits that say which words of them are not
// 0.
class Places {
 public:
  static constexpr std::uint32_t none = 0xffff'ffff;

  void reset(std::size_t size) {
    words_.assign(size / 64 + 1, 0);
    summary_.assign(words_.size() / 64 + 1, 0);
  }
  void set(std::uint32_t place) {
    words_[place / 64] |= bit(place);
    summary_[place / 4096] |= bit(place / 64);
  }
  void clear(std::uint32_t place) {
    words_[place / 64] &= ~bit(place);
    if (words_[place / 64] == 0) summary_[place / 4096] &= ~bit(place / 64);
  }
  // The first one that is not before `from`; none.
  std::uint32_t next(std::uint32_t from) const {
    const std::uint32_t place = next_in(words_, from, from / 64 + 1);
    if (place != none) return place;
    const std::uint32_t word = next_in(summary_, from / 64 + 1, summary_.size());
    return word == none ? none : next_in(words_, word * 64, word + 1);
  }

 private:
  static std::uint64_t bit(std::uint32_t number) { return std::uint64_t{1} << number % 64; }
  // Looks through words from that of `from` up to the one numbered `end`.
  static std::uint32_t next_in(const std::vector<std::uint64_t>& words, std::uint32_t from, std::size_t end) {
    std::uint64_t mask = ~std::uint64_t{0} << from % 64;
    for (std::size_t word = from / 64; word < end && word < words.size(); ++word) {
      if (const std::uint64_t left = words[word] & mask; left != 0)
        return static_cast<std::uint32_t>(word * 64) + static_cast<std::uint32_t>(std::countr_zero(left));
      mask = ~std::uint64_t{0};
    }
    return none;
  }
  std::vector<std::uint64_t> words_;
  std::vector<std::uint64_t> summary_;
};

class Serving {
 public:
  struct Place {
    Session* worker = nullptr;
    std::uint32_t at = 0;  // in its list of queues
    bool operator==(const Place&) const = default;
  };

  // Those of info.queues; fills in which they are, as far as they are there.
  void add(Session& worker, const Ledger& ledger);
  void remove(Session& worker);
  // A queue was made.
  void made(std::uint32_t queue, const std::string& name);
  // Notes which queues have something ready now, of those where that changed.
  void note(Ledger& ledger);
  const std::vector<Place>& of(std::uint32_t queue) const {
    static const std::vector<Place> nobody;
    return queue < by_queue_.size() ? by_queue_[queue] : nobody;
  }

 private:
  std::vector<std::vector<Place>> by_queue_;
  ByName<std::vector<Place>> wanted_;  // queues that are not there yet
};

}  // namespace joinery::broker
