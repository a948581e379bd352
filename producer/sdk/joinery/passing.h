// How open descriptors reach a process of one's own beside the packed arguments of its task: packing notes
// them and writes their index, unpacking takes them by it. For types that hold one (Connection).
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "shared/base/unique_fd.h"

namespace joinery::sdk {

using PassedDescriptors = std::vector<std::shared_ptr<const unique_fd>>;

// While it lives, what this thread packs may leave copies of descriptors in `into`.
class CollectDescriptors {
 public:
  explicit CollectDescriptors(PassedDescriptors& into);
  ~CollectDescriptors();
  CollectDescriptors(const CollectDescriptors&) = delete;
  CollectDescriptors& operator=(const CollectDescriptors&) = delete;

 private:
  PassedDescriptors* before_;
};

// Its index. Throws ValueError where nothing is collected: in an argument of a pool's task, or an item of a
// queue. OSError if there are no more descriptors.
std::size_t pass_descriptor(int fd);

// In the process: what it was given, and each of them, once. Throws ValueError.
void set_given_descriptors(std::vector<unique_fd> given);
unique_fd take_descriptor(std::size_t index);

}  // namespace joinery::sdk
