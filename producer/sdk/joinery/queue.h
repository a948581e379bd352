// joinery::Queue and joinery::JoinableQueue: multiprocessing's, over the broker. Any number of producers and
// consumers, in any processes on any hosts, that name the same queue.
//
//   joinery::JoinableQueue<int> queue("numbers", {.maxsize = 10});
//   queue.put(42);                          // in one process
//   int number = queue.get();               // in another
//   queue.task_done();
//   queue.join();                           // until every item that was put is done
//
// What is another than in Python:
// - Items outlive processes and, by the queue's durability, the broker. A consumer that dies gives back what
//   it had not got; of a JoinableQueue also what it had got and was not done with. So an item can come twice,
//   but is never lost. One that was lost with its consumer ten times becomes a dead letter. close() gives
//   back at once; of one that was killed the broker only sees that its connection broke, which a network
//   does, too: it has the broker's worker.reconnect_grace (1 s) to come back before its items go to others.
// - put() to a queue without maxsize returns when the item is on its way; flush(), join() and close() wait
//   until the broker has accepted it, and throw if it could not be put; so does the next put(). With a
//   maxsize put() waits.
// - A get() that does not wait (get_nowait, a timeout of zero or less) asks the broker whether there is
//   something.
// - A consumer takes a few items ahead of demand, 20 ms of its own work at most, and gives back what nobody
//   here has asked for in 100 ms. Of lifo and priority queues it takes none ahead: each get() is a round
//   trip, and gives the item that is the first at that moment.
// - A get() whose time is over tells the broker so, and waits for its word (100 ms at most): what was on its
//   way is this get()'s, and nothing comes for it afterwards.
// - An item of another type throws TypeError from get(), and is then a dead letter (`joinery dead ls`). It
//   counts as done for join().
//
// A queue object is a handle: copies share one connection, and closing one closes all of them in this
// process. It can be passed as an argument to a Process or a task; there it is a handle of that process.
//
// Threads: any. Errors: ClientError, e.g. broker_unreachable when there was no broker for settings.timeout
// (or at the end of a get's own time, which does not begin before its first connection); the next call tries
// again.
#pragma once

#include <chrono>
#include <cstdint>
#include <iterator>
#include <memory>
#include <optional>
#include <ranges>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "joinery/client.h"
#include "joinery/delivery.h"
#include "joinery/message.h"

namespace joinery {

// What is not given here stays as the queue has it (or the broker's default, for a new one). A mode must be
// the one that the queue has, if there is one: handles that are open go by it (`joinery queue configure`
// changes it). Else ClientError, invalid_state.
struct QueueSettings {
  std::string endpoint = {};  // empty: $JOINERY_ENDPOINT, or tcp://127.0.0.1:7733
  std::optional<Mode> mode = {};
  std::optional<std::uint64_t> maxsize = {};  // of items waiting; 0: no limit
  std::optional<Durability> durability = {};
  std::chrono::milliseconds timeout{10'000};  // without a broker; negative: for ever
  std::shared_ptr<Client> client = {};        // of the same endpoint, instead of one of its own
};

struct PutOptions {
  bool block = true;                                      // while the queue is full; else Full
  std::optional<std::chrono::milliseconds> timeout = {};  // then Full; zero and less: as without block
  std::int64_t priority = 0;                              // lower first; for queues of mode priority
};

namespace sdk {

// Values packed one after the other.
struct PackedItems {
  Buffer bytes;
  std::vector<std::uint32_t> sizes;

  template <typename T>
  void add(const T& item) {
    const std::size_t before = bytes.size();
    pack_message(item, bytes);
    sizes.push_back(static_cast<std::uint32_t>(bytes.size() - before));
  }
};

// A queue of bytes, which the templates below make one of values.
class QueueCore {
 public:
  using Timeout = std::optional<std::chrono::milliseconds>;

  QueueCore(std::string name, QueueSettings settings);
  ~QueueCore();

  const std::string& name() const;
  const std::string& endpoint() const;

  void put(Bytes item, const PutOptions& options);
  void put_many(const PackedItems& items, const PutOptions& options);
  void flush();
  // At least one, at the begin of `out`; returns how many. Throws Empty.
  std::size_t take(std::span<client::Delivery> out, bool block, Timeout timeout);
  // nullopt: the queue was closed.
  std::optional<client::Delivery> next();
  void finish(const Token& token);
  void reject(const Token& token, const std::string& why);
  void release(std::span<const client::Delivery> items);
  void task_done();
  bool join(Timeout timeout);
  std::uint64_t qsize();
  bool full();
  void close();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace sdk

template <typename T>
class Queue {
 public:
  using Timeout = sdk::QueueCore::Timeout;

  // Makes the queue if there is none of this name. An empty name: one that nobody else has.
  explicit Queue(std::string name = {}, QueueSettings settings = {})
      : core_(std::make_shared<sdk::QueueCore>(std::move(name), std::move(settings))) {}

  // Throws Full, ValueError (closed).
  void put(const T& item, const PutOptions& options = {}) {
    Buffer bytes;
    sdk::pack_message(item, bytes);
    core_->put(bytes, options);
  }
  void put_nowait(const T& item) { put(item, {.block = false}); }
  // Many in one go, the cheapest way. If it does not block, all or none of them are put, and they are at most
  // limits::jobs_per_frame_max.
  void put_many(const std::ranges::input_range auto& items, const PutOptions& options = {}) {
    sdk::PackedItems packed;
    for (const T& item : items) packed.add(item);
    core_->put_many(packed, options);
  }
  void put_many(std::initializer_list<T> items, const PutOptions& options = {}) {
    put_many(std::span<const T>(items.begin(), items.size()), options);
  }
  // Waits until all that was put here is accepted by the broker, durable at the queue's level.
  void flush() { core_->flush(); }

  // Throws Empty, TypeError, ValueError (closed).
  T get(bool block = true, Timeout timeout = {}) {
    client::Delivery item;
    core_->take({&item, 1}, block, timeout);
    return open(item);
  }
  T get_nowait() { return get(false); }
  // As many as are at hand, at most `most`; waits as get() does for the first one.
  std::vector<T> get_many(std::size_t most, bool block = true, Timeout timeout = {}) {
    std::vector<client::Delivery> items(most);
    items.resize(core_->take(items, block, timeout));
    std::vector<T> values;
    values.reserve(items.size());
    for (const auto& item : items) {
      try {
        values.push_back(open(item));
      } catch (const TypeError&) {
        core_->release(std::span(items).subspan(values.size() + 1));
        if (values.empty()) throw;
        break;  // the caller gets what was good; the other one is a dead letter
      }
    }
    return values;
  }

  // Each item as it comes, until close(): for (auto& item : queue). Nobody else can know that no more will be
  // put; let the last item say so, as in Python.
  class Iterator {
   public:
    using difference_type = std::ptrdiff_t;
    using value_type = T;
    explicit Iterator(Queue* queue) : queue_(queue) { ++*this; }
    T& operator*() const { return *item_; }
    Iterator& operator++() {
      item_ = queue_->next();
      return *this;
    }
    void operator++(int) { ++*this; }
    bool operator==(std::default_sentinel_t) const { return !item_; }

   private:
    Queue* queue_;
    mutable std::optional<T> item_;
  };
  Iterator begin() { return Iterator(this); }
  std::default_sentinel_t end() const { return {}; }

  // Items that wait to be got, also those that were taken ahead here; not those that a consumer elsewhere has
  // taken ahead, for as long as it has them. As in Python, by the time that you look at it, it may be another
  // number.
  std::uint64_t qsize() const { return core_->qsize(); }
  bool empty() const { return core_->qsize() == 0; }
  bool full() const { return core_->full(); }  // whether a put() would wait; what was taken ahead has left

  // This process will neither put nor get any more. Waits until what was put is accepted and what was got is
  // acknowledged, settings.timeout at most. The queue itself, and its items, stay.
  void close() { core_->close(); }

  const std::string& name() const { return core_->name(); }
  const std::string& endpoint() const { return core_->endpoint(); }

 protected:
  Queue(std::shared_ptr<sdk::QueueCore> core, bool joinable) : core_(std::move(core)), joinable_(joinable) {}

  std::shared_ptr<sdk::QueueCore> core_;
  bool joinable_ = false;  // who got an item is not done with it

 private:
  T open(const client::Delivery& item) {
    try {
      T value = sdk::unpack_message<T>(item.payload);
      if (!joinable_) core_->finish(item.token);
      return value;
    } catch (const TypeError& error) {
      core_->reject(item.token, error.what());
      throw;
    }
  }
  std::optional<T> next() {
    const auto item = core_->next();
    if (!item) return std::nullopt;
    return open(*item);
  }
};

template <typename T>
class JoinableQueue : public Queue<T> {
 public:
  using Timeout = sdk::QueueCore::Timeout;

  explicit JoinableQueue(std::string name = {}, QueueSettings settings = {})
      : Queue<T>(std::make_shared<sdk::QueueCore>(std::move(name), std::move(settings)), true) {}

  // The item that this process got first, of those it is not done with, is done. Once for each get(), in the
  // process that got it. Throws ValueError if there is none.
  void task_done() { this->core_->task_done(); }
  // Waits until every item that was put, by anybody, is done; a consumer's death does not matter, its items
  // come to another. False: not so until the timeout.
  bool join(Timeout timeout = {}) { return this->core_->join(timeout); }
};

namespace sdk {

// A queue as an argument: a map that names it.
struct QueueName {
  std::string queue;
  std::string endpoint;
  MSGPACK_DEFINE_MAP(queue, endpoint)
};

template <typename Q>
struct QueueAdaptor {
  struct Pack {
    template <typename Stream>
    msgpack::packer<Stream>& operator()(msgpack::packer<Stream>& out, const Q& queue) const {
      return out.pack(QueueName{queue.name(), queue.endpoint()});
    }
  };
  struct As {
    Q operator()(const msgpack::object& object) const {
      const auto name = object.as<QueueName>();
      QueueSettings settings;
      settings.endpoint = name.endpoint;
      return Q(name.queue, settings);
    }
  };
};

}  // namespace sdk
}  // namespace joinery

namespace msgpack {
MSGPACK_API_VERSION_NAMESPACE(MSGPACK_DEFAULT_API_NS) {
  namespace adaptor {

  template <typename T>
  struct pack<joinery::Queue<T>> : joinery::sdk::QueueAdaptor<joinery::Queue<T>>::Pack {};
  template <typename T>
  struct as<joinery::Queue<T>> : joinery::sdk::QueueAdaptor<joinery::Queue<T>>::As {};
  template <typename T>
  struct pack<joinery::JoinableQueue<T>> : joinery::sdk::QueueAdaptor<joinery::JoinableQueue<T>>::Pack {};
  template <typename T>
  struct as<joinery::JoinableQueue<T>> : joinery::sdk::QueueAdaptor<joinery::JoinableQueue<T>>::As {};

  }  // namespace adaptor
}
}  // namespace msgpack
