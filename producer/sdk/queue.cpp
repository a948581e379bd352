#include "joinery/queue.h"

#include <fmt/format.h>

#include <atomic>
#include <cstdlib>
#include <future>
#include <mutex>
#include <random>

#include "producer/client/consumer.h"
#include "producer/sdk/puts.h"
#include "shared/protocol/value.h"

namespace joinery::sdk {
namespace {

using protocol::Value;

constexpr const char* handler = "item";
constexpr std::size_t chunk_items = 4096;
constexpr std::size_t chunk_bytes = 1U << 20U;
constexpr auto in_queue = {"scheduled", "blocked", "ready"};

std::string endpoint_or_default(std::string endpoint) {
  if (!endpoint.empty()) return endpoint;
  const char* set = std::getenv("JOINERY_ENDPOINT");
  return set != nullptr && *set != '\0' ? set : "tcp://127.0.0.1:7733";
}

std::string name_or_new(std::string name) {
  if (!name.empty()) return name;
  std::random_device random;
  return fmt::format("queue-{:08x}{:08x}", random(), random());
}

std::shared_ptr<Client> new_client(const std::string& endpoint, std::chrono::milliseconds timeout) {
  ClientOptions options;
  options.endpoint = endpoint;
  options.timeout = timeout;
  return std::make_shared<Client>(std::move(options));
}

template <typename T>
T need(Result<T> result) {
  if (!result) throw ClientError(std::move(result.error()));
  return std::move(*result);
}

}  // namespace

class QueueCore::Impl {
 public:
  Impl(std::string name, QueueSettings settings)
      : name_(name_or_new(std::move(name))),
        endpoint_(endpoint_or_default(std::move(settings.endpoint))),
        timeout_(settings.timeout),
        client_(settings.client ? settings.client : new_client(endpoint_, timeout_)) {
    open(settings);
  }
  ~Impl() {
    try {
      close();
    } catch (const std::exception&) {
      // Who wants to know calls close().
    }
    client_.reset();  // if it is ours, what it still has is answered now
    puts_.wait();
  }

  void submit(std::span<const Bytes> items, const PutOptions& options);
  // Of the queue's counts, their sum.
  std::uint64_t count(std::initializer_list<const char*> names);
  client::Consumer& consumer();
  void close();
  void check_open() const {
    if (closed_) throw ValueError(fmt::format("queue \"{}\" is closed", name_));
  }

  // What was put here before is there for the consumer, which goes another way.
  void see_own_puts() {
    puts_.wait_for_these();
    puts_.check();
  }

  // A call of the consumer, which does not know the queue's name.
  auto tell_closed(auto call) const {
    try {
      return call();
    } catch (const ClientError& error) {
      if (error.code() == Code::closed) check_open();
      throw;
    }
  }

  const std::string name_;
  const std::string endpoint_;
  const std::chrono::milliseconds timeout_;
  SubmitOptions usual_;
  std::uint64_t maxsize_ = 0;
  bool in_order_ = false;
  std::atomic<bool> closed_ = false;
  Puts puts_;
  std::shared_ptr<Client> client_;
  std::mutex mutex_;
  std::unique_ptr<client::Consumer> consumer_;
  std::atomic<client::Consumer*> opened_ = nullptr;

 private:
  void open(const QueueSettings& settings);
  Value ask(const std::string& verb, const Value& arguments) {
    return need(protocol::decode_map(client_->request(verb, protocol::encode(arguments), timeout_)));
  }
};

void QueueCore::Impl::open(const QueueSettings& settings) {
  Value arguments = Value::map().set("queue", name_);
  if (settings.mode) arguments.set("mode", word(*settings.mode)).set("keep_mode", true);
  if (settings.maxsize) arguments.set("maxsize", *settings.maxsize);
  if (settings.durability) arguments.set("durability", word(*settings.durability));
  const Value queue = ask("queue.configure", arguments);
  usual_.queue = name_;
  usual_.spec.attempts = 1;
  maxsize_ = need(queue.u64("maxsize"));
  in_order_ = need(queue.str("mode")) != word(Mode::fifo);
}

std::uint64_t QueueCore::Impl::count(std::initializer_list<const char*> names) {
  const Value queue = ask("queue.show", Value::map().set("queue", name_));
  const Value* counts = queue.find("counts");
  if (counts == nullptr) throw ClientError({Code::internal, "queue.show told no counts", {}});
  std::uint64_t sum = 0;
  for (const char* name : names) sum += need(counts->u64(name));
  return sum;
}

client::Consumer& QueueCore::Impl::consumer() {
  if (auto* opened = opened_.load(std::memory_order_acquire)) return *opened;
  const std::lock_guard lock(mutex_);
  check_open();
  if (!consumer_) {
    client::ConsumerOptions options;
    options.endpoint = endpoint_;
    options.queue = name_;
    options.handler = handler;
    options.timeout = timeout_;
    options.in_order = in_order_;
    consumer_ = std::make_unique<client::Consumer>(std::move(options));
    opened_.store(consumer_.get(), std::memory_order_release);
  }
  return *consumer_;
}

// With a limit only the broker knows whether there is room, so the answer is waited for.
void QueueCore::Impl::submit(std::span<const Bytes> items, const PutOptions& options) {
  if (maxsize_ == 0) {
    puts_.begin();
    auto done = [puts = &puts_](const Result<JobId>& answer) { puts->end(answer); };
    if (options.priority == 0) {
      client_->submit_many(handler, items, usual_, done);
    } else {
      SubmitOptions how = usual_;
      how.priority = options.priority;
      client_->submit_many(handler, items, how, done);
    }
    return puts_.check();
  }
  SubmitOptions how = usual_;
  how.priority = options.priority;
  how.refuse_when_full = !options.block || (options.timeout && options.timeout->count() <= 0);
  if (!how.refuse_when_full) how.full_timeout = options.timeout;
  std::promise<Result<JobId>> promise;
  client_->submit_many(handler, items, how, [&](const Result<JobId>& answer) { promise.set_value(answer); });
  const Result<JobId> answer = promise.get_future().get();
  if (answer) return;
  if (answer.error().code != Code::queue_full) throw ClientError(answer.error());
  throw Full(fmt::format("queue \"{}\" is full: it holds {} items", name_, maxsize_));
}

void QueueCore::Impl::close() {
  const std::lock_guard lock(mutex_);
  if (closed_.exchange(true)) return;
  if (consumer_) consumer_->close();
  puts_.wait();
  puts_.check();
}

QueueCore::QueueCore(std::string name, QueueSettings settings)
    : impl_(std::make_unique<Impl>(std::move(name), std::move(settings))) {}
QueueCore::~QueueCore() = default;

const std::string& QueueCore::name() const { return impl_->name_; }
const std::string& QueueCore::endpoint() const { return impl_->endpoint_; }

void QueueCore::put(Bytes item, const PutOptions& options) {
  impl_->check_open();
  impl_->puts_.check();
  impl_->submit({&item, 1}, options);
}

void QueueCore::put_many(const PackedItems& items, const PutOptions& options) {
  impl_->check_open();
  impl_->puts_.check();
  const bool whole = impl_->maxsize_ != 0 && (!options.block || options.timeout);
  if (whole && items.sizes.size() > limits::jobs_per_frame_max) {
    throw ValueError(
        fmt::format("put_many of {} items to a queue with maxsize must block; at most {} can be put at once",
                    items.sizes.size(), limits::jobs_per_frame_max));
  }
  std::vector<Bytes> chunk;
  std::size_t bytes = 0;
  std::size_t at = 0;
  for (const std::uint32_t size : items.sizes) {
    chunk.push_back(Bytes(items.bytes).substr(at, size));
    at += size;
    bytes += size;
    if (whole || (chunk.size() < chunk_items && bytes < chunk_bytes)) continue;
    impl_->submit(chunk, options);
    chunk.clear();
    bytes = 0;
  }
  if (!chunk.empty()) impl_->submit(chunk, options);
}

void QueueCore::flush() {
  impl_->puts_.wait();
  impl_->puts_.check();
}

std::size_t QueueCore::take(std::span<client::Delivery> out, bool block, Timeout timeout) {
  impl_->check_open();
  if (out.empty()) return 0;
  if (!block) timeout = std::chrono::milliseconds(0);
  if (timeout) impl_->see_own_puts();
  const std::size_t number = impl_->tell_closed([&] { return impl_->consumer().take(out, timeout); });
  if (number != 0) return number;
  throw Empty(fmt::format("queue \"{}\" is empty", impl_->name_));
}

std::optional<client::Delivery> QueueCore::next() {
  client::Delivery item;
  try {
    take({&item, 1}, true, std::nullopt);
  } catch (const ValueError&) {
    return std::nullopt;
  }
  return item;
}

void QueueCore::finish(const Token& token) { impl_->consumer().finish(token); }

void QueueCore::reject(const Token& token, const std::string& why) {
  impl_->consumer().reject(token, {Code::malformed_payload, "TypeError", why, {}, {}});
}

void QueueCore::release(std::span<const client::Delivery> items) { impl_->consumer().release(items); }

void QueueCore::task_done() {
  auto* consumer = impl_->opened_.load(std::memory_order_acquire);
  if (consumer == nullptr || !consumer->finish_oldest()) {
    throw ValueError("task_done() was called more often than items were got here");
  }
}

bool QueueCore::join(Timeout timeout) {
  flush();
  if (timeout && timeout->count() <= 0) return impl_->count({"unfinished"}) == 0;
  try {
    impl_->client_->join_queue(impl_->name_, timeout);
    return true;
  } catch (const ClientError& error) {
    if (error.code() == Code::timed_out) return false;
    throw;
  }
}

std::uint64_t QueueCore::qsize() {
  impl_->puts_.check();
  auto* opened = impl_->opened_.load(std::memory_order_acquire);
  if (opened == nullptr || impl_->closed_) return impl_->count(in_queue);
  impl_->see_own_puts();
  return impl_->tell_closed([&] { return opened->waiting(); });
}

// As the broker counts: what was taken ahead has left its room to others.
bool QueueCore::full() {
  impl_->puts_.check();
  return impl_->maxsize_ != 0 && impl_->count(in_queue) >= impl_->maxsize_;
}

void QueueCore::close() { impl_->close(); }

}  // namespace joinery::sdk
