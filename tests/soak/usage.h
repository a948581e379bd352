// What processes use over a long time, and whether that is bounded: nothing may be more in the second half of
// the time than in the first, but for some slack, and for moments: what leaks does not come back.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace joinery::soak {

// One figure over time.
class Series {
 public:
  // `slack`: by how much, besides a tenth, the second half may be above the first. `unit`: of one shown.
  Series(std::string name, std::uint64_t slack, std::uint64_t unit)
      : name_(std::move(name)), slack_(slack), unit_(unit) {}

  void add(std::chrono::seconds at, std::uint64_t value);
  const std::string& name() const { return name_; }
  bool is_bounded() const;
  // By least squares over the second half, for each hour.
  double growth_per_hour() const;
  // The most in each of `parts` equal pieces of the time, then the growth and a verdict.
  std::string row(std::size_t parts) const;

 private:
  struct Sample {
    std::chrono::seconds at;
    std::uint64_t value;
  };
  std::vector<std::uint64_t> values(std::chrono::seconds from, std::chrono::seconds to) const;
  std::uint64_t most(std::chrono::seconds from, std::chrono::seconds to) const;
  // What all but a twentieth of the values are at most.
  std::uint64_t usual_most(std::chrono::seconds from, std::chrono::seconds to) const;
  std::string name_;
  std::uint64_t slack_, unit_;
  std::vector<Sample> samples_;
};

}  // namespace joinery::soak
