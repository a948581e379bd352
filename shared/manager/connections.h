// Connections to one Redis, one per call under way: borrowed, and given back.
#pragma once

#include <mutex>
#include <vector>

#include "shared/redis/redis.h"

namespace joinery::manager_detail {

class Connections {
 public:
  Connections(redis::Url url, Duration timeout) : url_(std::move(url)), timeout_(timeout) {}

  class Borrowed {
   public:
    Borrowed(Connections& from, redis::Client client) : from_(from), client_(std::move(client)) {}
    ~Borrowed() { from_.give_back(std::move(client_), sound_); }
    Borrowed(const Borrowed&) = delete;
    Borrowed& operator=(const Borrowed&) = delete;
    redis::Client* operator->() { return &client_; }
    redis::Client& operator*() { return client_; }
    // A call on it failed: it is not kept.
    void broken() { sound_ = false; }

   private:
    Connections& from_;
    redis::Client client_;
    bool sound_ = true;
  };
  // One that Redis has answered on, perhaps long ago. Tries for the timeout; throws redis_unreachable.
  Borrowed borrow();
  Duration timeout() const { return timeout_; }

 private:
  void give_back(redis::Client client, bool sound);

  const redis::Url url_;
  const Duration timeout_;
  std::mutex mutex_;
  std::vector<redis::Client> idle_;
};

}  // namespace joinery::manager_detail
