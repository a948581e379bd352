// Worker-local state, as thread-local data: objects that are built once per thread (or process) of a pool
// before its first job, and that handlers are given.
//
//   worker.local([] { return Database("app.db"); });                     // one per thread
//   worker.local([] { return Model("large.bin"); }, LocalTo::process);   // one for all threads of a process
//   worker.handle("query", [](joinery::JobContext& job, int id) { return job.local<Database>().row(id); });
//
// An object is known by its type; of two of one type the later one counts. What its function throws ends the
// process, as an initializer does. Objects of a thread go with the thread.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <type_traits>
#include <typeindex>
#include <unordered_map>

namespace joinery {

enum class LocalTo : unsigned char { thread, process };

namespace handlers {

// Those of the calling thread.
class Locals {
 public:
  static Locals& here();

  void put(std::type_index type, std::shared_ptr<void> object) { objects_[type] = std::move(object); }
  // Throws std::logic_error, which names the type, if there is none.
  void* get(const std::type_info& type) const;

 private:
  std::unordered_map<std::type_index, std::shared_ptr<void>> objects_;
};

// The initializer that puts what `make` returns, a T that can be moved.
template <typename F>
std::function<void()> put_local(F make, LocalTo scope) {
  using T = std::remove_cvref_t<std::invoke_result_t<F&>>;
  static_assert(!std::is_void_v<T>, "the function returns the object");
  struct Shared {
    F make;
    std::mutex mutex;
    std::shared_ptr<T> object;  // for all threads
    explicit Shared(F how) : make(std::move(how)) {}
  };
  return [scope, shared = std::make_shared<Shared>(std::move(make))] {
    const std::lock_guard lock(shared->mutex);
    std::shared_ptr<T> object = shared->object;
    if (!object) object = std::make_shared<T>(shared->make());
    if (scope == LocalTo::process) shared->object = object;
    Locals::here().put(typeid(T), std::move(object));
  };
}

}  // namespace handlers

// The calling thread's object; for functions that are given no JobContext. Throws std::logic_error if no
// worker of this process makes one.
template <typename T>
T& local() {
  return *static_cast<T*>(handlers::Locals::here().get(typeid(T)));
}

}  // namespace joinery
