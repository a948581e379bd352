// Spoils valid inputs at random, from a seed.
#pragma once

#include <algorithm>
#include <random>
#include <vector>

#include "shared/base/bytes.h"

namespace joinery::fuzz {

class Spoiler {
 public:
  explicit Spoiler(std::uint64_t seed) : random_(seed) {}

  Buffer next(const std::vector<Buffer>& frames) {
    Buffer frame = frames[below(frames.size())];
    frame.resize(std::min<std::size_t>(frame.size(), 2000));
    for (std::size_t i = 1 + below(4); i > 0; --i) spoil(frame, frames);
    return frame;
  }

 private:
  std::size_t below(std::size_t limit) {
    return std::uniform_int_distribution<std::size_t>(0, limit - 1)(random_);
  }
  std::size_t place(const Buffer& frame) { return below(frame.size() + 1); }

  void spoil(Buffer& frame, const std::vector<Buffer>& frames) {
    // First bytes of every kind, and lengths that are not there.
    static const std::vector<Buffer> heads{Buffer(1, '\0'),
                                           "\x7f",
                                           "\xff",
                                           "\xc0",
                                           "\xc1",
                                           "\xc3",
                                           "\x90",
                                           "\x80",
                                           "\xa0",
                                           "\xcc\xff",
                                           "\xcd\xff\xff",
                                           "\xcf\xff\xff\xff\xff\xff\xff\xff\xff",
                                           "\xd9\xff",
                                           "\x9f",
                                           "\xc4\xff",
                                           "\xdd\xff\xff\xff\xff",
                                           "\xdf\x7f\xff\xff\xff",
                                           "\xdc\xff\xff",
                                           "\xc6\x7f\xff\xff\xff",
                                           "\xd4\x01\x01",
                                           "\xcb\x7f\xf8\x01\x01\x01\x01\x01\x01",
                                           "\xd0\x80"};
    const std::size_t at = place(frame);
    switch (below(7)) {
      case 0: frame.resize(at); break;
      case 1: frame.erase(at, 1 + below(8)); break;
      case 2: frame.insert(at, heads[below(heads.size())]); break;
      case 3:
        if (at < frame.size())
          frame[at] = static_cast<char>(static_cast<unsigned char>(frame[at]) ^ (1U << below(8)));
        break;
      case 4: frame.replace(at, 1, heads[below(heads.size())]); break;
      case 5: frame.insert(at, frame.substr(place(frame), 40)); break;
      default: {
        const Buffer& other = frames[below(frames.size())];
        frame.replace(at, 20, other.substr(place(other), 20));
      }
    }
  }

  std::mt19937_64 random_;
};

}  // namespace joinery::fuzz
