#include "worker/sdk/joinery/job_manager.h"

#include <mutex>
#include <optional>

#include "shared/base/exceptions.h"
#include "shared/manager/owner.h"

namespace joinery {

Manager manager(const JobContext& job, ManagerOptions options) {
  // The last one is kept, so that connections and thread outlive the jobs that use them.
  static std::mutex mutex;
  static std::optional<Manager> last;
  const SharedPlace place = job.shared_place();
  if (place.redis_url.empty()) throw Exception(Code::redis_unreachable, "the broker has no Redis");
  if (options.owner.empty()) options.owner = manager_detail::job_owner(job.id(), job.token().fence());
  Manager made(place.redis_url, place.name_space, std::move(options));
  const std::lock_guard guard(mutex);
  last = made;
  return made;
}

}  // namespace joinery
