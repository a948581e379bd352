#include "broker/journal/lost_payloads.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "broker/journal/recovery.h"

namespace joinery::broker::journal {
namespace {

// What is lost of one segment.
struct Loss {
  Position first = ~Position{0};
  std::uint64_t jobs = 0;
  std::uint64_t bytes = 0;
};

using Sizes = std::map<std::uint64_t, std::uint64_t>;

Result<Sizes> sizes_of(Directory& directory, const std::set<std::uint64_t>& segments) {
  Sizes sizes;
  for (const std::uint64_t segment : segments) {
    const auto size = size_of(directory, segment_name(segment));
    if (!size) return std::unexpected(size.error());
    sizes[segment] = *size;
  }
  return sizes;
}

}  // namespace

Result<LostPayloads> find_lost_payloads(Directory& directory, const Format& format,
                                        const std::set<std::uint64_t>& segments, const Recovery& recovery) {
  const auto sizes = sizes_of(directory, segments);
  if (!sizes) return std::unexpected(sizes.error());
  LostPayloads lost;
  std::map<std::uint64_t, Loss> losses;
  recovery.each_payload([&](JobId job, Place place) {
    if (place.size == 0) return;
    const std::uint64_t segment = format.segment_of(place.position);
    const auto found = sizes->find(segment);
    if (found != sizes->end() && format.offset_of(place.position) + place.size <= found->second) return;
    Loss& loss = losses[segment];
    loss.first = std::min(loss.first, place.position);
    loss.bytes += place.size;
    ++loss.jobs;
    lost.jobs.push_back(job);
  });
  for (const auto& [segment, loss] : losses) {
    const auto found = sizes->find(segment);
    const std::string what =
        found == sizes->end() ? "no such file" : fmt::format("a file of {} bytes", found->second);
    lost.damages.push_back({place_name(format, loss.first), loss.bytes,
                            fmt::format("expected the payloads of {} jobs, found {}", loss.jobs, what)});
  }
  return lost;
}

}  // namespace joinery::broker::journal
