#include "shared/redis/descriptor_watch.h"

#include <sys/epoll.h>

#include "shared/base/check.h"

namespace joinery::redis {

void DescriptorWatch::update(int poll, std::uint64_t data, int descriptor, std::uint64_t opened,
                             bool writes) {
  // A descriptor that was closed has left the epoll by itself.
  const bool same = descriptor == descriptor_ && opened == opened_;
  if (descriptor < 0 || (same && writes == writes_)) return;
  epoll_event event{.events = EPOLLIN | (writes ? EPOLLOUT : 0U), .data = {.u64 = data}};
  JOINERY_CHECK(::epoll_ctl(poll, same ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, descriptor, &event) == 0);
  descriptor_ = descriptor;
  opened_ = opened;
  writes_ = writes;
}

}  // namespace joinery::redis
