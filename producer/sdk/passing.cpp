#include "joinery/passing.h"

#include <fcntl.h>

#include <cerrno>
#include <mutex>

#include "joinery/errors.h"

namespace joinery::sdk {
namespace {

thread_local PassedDescriptors* collected = nullptr;

struct Given {
  std::mutex mutex;
  std::vector<unique_fd> descriptors;
};
Given& given_here() {
  static Given given;
  return given;
}

}  // namespace

CollectDescriptors::CollectDescriptors(PassedDescriptors& into) : before_(std::exchange(collected, &into)) {}
CollectDescriptors::~CollectDescriptors() { collected = before_; }

std::size_t pass_descriptor(int fd) {
  if (collected == nullptr) {
    throw ValueError("an open connection can be given to a joinery::Process and to nothing else");
  }
  const int copy = ::fcntl(fd, F_DUPFD_CLOEXEC, 0);
  if (copy < 0) throw OSError(errno, "a connection for another process");
  collected->push_back(std::make_shared<const unique_fd>(copy));
  return collected->size() - 1;
}

void set_given_descriptors(std::vector<unique_fd> given) {
  Given& here = given_here();
  const std::lock_guard lock(here.mutex);
  here.descriptors = std::move(given);
}

unique_fd take_descriptor(std::size_t index) {
  Given& here = given_here();
  const std::lock_guard lock(here.mutex);
  if (index >= here.descriptors.size() || !here.descriptors[index]) {
    throw ValueError("the process was not given this connection, or has taken it before");
  }
  return std::move(here.descriptors[index]);
}

}  // namespace joinery::sdk
