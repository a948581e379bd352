// Typed handlers: arguments out of payloads, results out of values, and what an error says.
#include <gmock/gmock.h>

#include <map>

#include "fake_context.h"
#include "worker/handlers/registry.h"

namespace joinery::handlers {
namespace {

using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

struct Size {
  int width = 0;
  int height = 0;
  MSGPACK_DEFINE(width, height)
};

struct Stubborn {};

class Typed : public ::testing::Test {
 protected:
  template <typename F>
  Buffer run(F fn, Bytes payload) {
    return typed(std::move(fn))(context_, payload);
  }
  template <typename F>
  void expect_malformed(F fn, const Buffer& payload, const std::string& message) {
    EXPECT_THAT([&] { run(fn, payload); }, ThrowsMessage<MalformedPayload>(HasSubstr(message)));
  }
  FakeContext context_;
};

int add(int a, int b) { return a + b; }

TEST_F(Typed, calls_a_function_with_its_arguments_and_packs_what_it_returns) {
  EXPECT_EQ(unpack<int>(run(add, pack(2, 3))), 5);
}

TEST_F(Typed, knows_lambdas_strings_containers_and_own_types) {
  const auto area = [](const std::string& name, const std::vector<Size>& sizes,
                       std::map<std::string, double> weights) {
    return name + ":" + std::to_string(sizes.at(0).width * sizes.at(0).height * weights["x"]);
  };
  const auto result = run(area, pack("n", std::vector{Size{2, 3}}, std::map<std::string, double>{{"x", 1}}));
  EXPECT_EQ(unpack<std::string>(result), "n:6.000000");
}

TEST_F(Typed, gives_the_context_to_a_function_that_asks_for_it) {
  const auto progress = [](JobContext& job, double to) {
    job.progress(to);
    return job.id();
  };
  EXPECT_EQ(unpack<JobId>(run(progress, pack(0.25))), 7U);
  EXPECT_EQ(context_.last_progress, 0.25);
}

TEST_F(Typed, a_string_view_points_into_the_payload) {
  const Buffer payload = pack("a longer string than any short one is");
  const auto inside = [&](std::string_view text) {
    return text.data() > payload.data() && text.data() < payload.data() + payload.size();
  };
  EXPECT_TRUE(unpack<bool>(run(inside, payload)));
}

// The thread runs other jobs while one waits, whose arguments take the memory of those that have ended.
TEST_F(Typed, a_handler_that_waits_keeps_its_arguments_while_others_run) {
  struct Pause {
    std::coroutine_handle<>& here;
    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> suspended) const { here = suspended; }
    void await_resume() const noexcept {}
  };
  std::vector<std::coroutine_handle<>> paused(2);
  std::size_t begun = 0;
  const auto words = [&](const msgpack::object& object) -> Coroutine<std::string> {
    Pause pause{paused[begun++]};
    co_await pause;
    co_return object.as<std::vector<std::string>>().back();
  };
  const auto handler = typed(words);
  const Buffer first = pack(std::vector<std::string>{"a", "first"});
  const Buffer second = pack(std::vector<std::string>{"b", "c", "d", "second"});
  auto one = handler(context_, first);
  auto other = handler(context_, second);
  one.handle().resume();
  other.handle().resume();
  paused[0].resume();
  paused[1].resume();
  EXPECT_EQ(unpack<std::string>(one.take()), "first");
  EXPECT_EQ(unpack<std::string>(other.take()), "second");
}

TEST_F(Typed, a_function_that_can_only_be_moved_can_be_a_handler) {
  const Buffer result = run([owned = std::make_unique<int>(4)](int n) { return *owned * n; }, pack(3));
  EXPECT_EQ(unpack<int>(result), 12);
}

TEST_F(Typed, void_has_an_empty_result) {
  EXPECT_EQ(run([](int) {}, pack(1)), "");
}

TEST_F(Typed, returned_bytes_are_packed_as_bin) {
  EXPECT_EQ(run([] { return std::vector<char>{'a'}; }, {}),
            "\xc4\x01"
            "a");
}

TEST_F(Typed, a_single_argument_may_be_the_bare_value) {
  EXPECT_EQ(unpack<int>(run([](int n) { return n; }, pack_value(9))), 9);
}

TEST_F(Typed, no_arguments_may_be_an_empty_payload_or_an_empty_array) {
  EXPECT_EQ(unpack<int>(run([] { return 1; }, {})), 1);
  EXPECT_EQ(unpack<int>(run([] { return 1; }, pack())), 1);
}

TEST_F(Typed, a_wrong_number_of_arguments_is_told_with_both_numbers) {
  expect_malformed(add, pack(1), "the payload has 1 argument, expected 2");
  expect_malformed(add, pack(1, 2, 3), "the payload has 3 arguments, expected 2");
  expect_malformed(add, pack_value(1), "the payload is the integer 1, expected an array of 2 arguments");
  expect_malformed(add, {}, "the payload has 0 arguments, expected 2");
}

TEST_F(Typed, a_wrong_type_is_told_with_its_place_and_what_was_expected) {
  expect_malformed(add, pack(1, "two"),
                   "argument 2 is a string of 3 bytes, expected an integer from -2147483648 to 2147483647");
  expect_malformed([](std::uint8_t) {}, pack(256),
                   "argument 1 is the integer 256, expected an integer from 0 to 255");
  expect_malformed([](const std::string&) {}, pack(msgpack::type::nil_t()),
                   "argument 1 is nil, expected a string");
  expect_malformed([](Size) {}, pack(true), "Size");
}

TEST_F(Typed, bytes_that_are_no_msgpack_are_malformed) {
  expect_malformed(add, "\xc1", "not valid msgpack");
  expect_malformed(add, "\x92\x01", "not valid msgpack");
  expect_malformed(add, pack(1, 2) + "x", "the payload is longer than one msgpack value, by 1 byte");
  expect_malformed(add, pack(1, 2) + "xy", "by 2 bytes");
  expect_malformed(add, "\xdd\xff\xff\xff\xff", "not valid msgpack");
  expect_malformed(add, std::string(100'000, '\x91'), "not valid msgpack");
}

TEST_F(Typed, what_the_function_throws_goes_through) {
  EXPECT_THROW(run([]() -> int { throw std::out_of_range("x"); }, {}), std::out_of_range);
}

TEST(Unpack, tells_a_wrong_type_apart_from_the_value) {
  EXPECT_THROW(unpack<int>(pack_value("x")), UnpackError);
  EXPECT_EQ((unpack<std::tuple<int, std::string>>(pack(1, "x"))), std::tuple(1, std::string("x")));
}

}  // namespace
}  // namespace joinery::handlers

// A type whose packing fails, as a user's own may.
template <>
struct msgpack::adaptor::pack<joinery::handlers::Stubborn> {
  template <typename Stream>
  packer<Stream>& operator()(packer<Stream>&, const joinery::handlers::Stubborn&) const {
    throw std::runtime_error("will not be packed");
  }
};

namespace joinery::handlers {
namespace {

TEST_F(Typed, a_result_that_cannot_be_packed_is_unencodable) {
  EXPECT_THAT([&] { run([] { return Stubborn(); }, {}); },
              ThrowsMessage<UnencodableResult>(HasSubstr("will not be packed")));
}

}  // namespace
}  // namespace joinery::handlers
