#include "targets.h"

#include "shared/base/check.h"
#include "shared/base/utf8.h"
#include "shared/protocol/codec.h"
#include "shared/protocol/pool.h"
#include "shared/protocol/value.h"

namespace joinery::fuzz {
namespace {

constexpr std::size_t payload_max = 1024;

void feed_message(Bytes bytes) {
  const auto message = protocol::decode(bytes);
  if (!message) {
    JOINERY_CHECK(message.error().code != Code::internal);
    JOINERY_CHECK(!message.error().field.empty());
    return;
  }
  Buffer once;
  protocol::encode(*message, once);
  const auto again = protocol::decode(once);
  JOINERY_CHECK(again);
  Buffer twice;
  protocol::encode(*again, twice);
  JOINERY_CHECK(once == twice);
}

void feed_hot_paths(Bytes bytes) {
  // Kept from call to call, as the broker does.
  static protocol::RawSubmit submit;
  static protocol::Dispatch dispatch;
  static protocol::Finish finish;
  if (protocol::decode_submit(bytes, payload_max, submit)) {
    std::size_t jobs = 0;
    for (std::size_t i = 0; i < submit.group_count; ++i) {
      const protocol::RawGroup& group = submit.groups[i];
      JOINERY_CHECK(group.payloads.size() == group.sizes.size());
      for (Bytes payload : group.payloads) JOINERY_CHECK(payload.size() <= payload_max);
      jobs += group.payloads.size();
    }
    JOINERY_CHECK(jobs > 0 && jobs <= limits::jobs_per_frame_max);
  } else {
    JOINERY_CHECK(submit.group_count == 0);
  }
  if (protocol::decode_finish(bytes, finish)) JOINERY_CHECK(protocol::decode(bytes));
  if (protocol::decode_dispatch(bytes, dispatch)) JOINERY_CHECK(protocol::decode(bytes));
}

void feed_value(Bytes bytes) {
  const auto value = protocol::decode_value(bytes);
  if (!value) return;
  const Buffer once = protocol::encode(*value);
  const auto again = protocol::decode_value(once);
  JOINERY_CHECK(again && protocol::encode(*again) == once);
  JOINERY_CHECK(is_utf8(protocol::to_json(*value)));
}

void feed_spec(Bytes bytes) {
  const auto spec = protocol::decode_spec(bytes);
  if (!spec) return;
  Buffer once;
  protocol::encode_spec(*spec, once);
  JOINERY_CHECK(protocol::decode_spec(once) == spec);
}

}  // namespace

void feed_wire(Bytes bytes) {
  feed_message(bytes);
  feed_hot_paths(bytes);
  feed_value(bytes);
  feed_spec(bytes);
}

void feed_pool(Bytes bytes) {
  static pool::Message kept;
  const auto taken = pool::decode(bytes, kept);
  JOINERY_CHECK(!taken || *taken <= bytes.size());
  if (!taken || *taken == 0) return;
  Buffer once;
  pool::encode(kept, once);
  pool::Message again;
  const auto same = pool::decode(once, again);
  JOINERY_CHECK(same && *same == once.size());
  Buffer twice;
  pool::encode(again, twice);
  JOINERY_CHECK(once == twice);
}

}  // namespace joinery::fuzz
