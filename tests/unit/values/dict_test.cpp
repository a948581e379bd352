#include "shared/values/joinery/dict.h"

#include "fixture.h"
#include "shared/values/joinery/list.h"
#include "shared/values/joinery/namespace.h"

namespace joinery::values {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::UnorderedElementsAre;

using Stock = Dict<std::string, int>;

struct Point {
  int x = 0;
  std::vector<std::string> names;
  bool operator==(const Point&) const = default;
  MSGPACK_DEFINE(x, names)
};

TEST_F(Values, ADictHasItsUsualVerbs) {
  Stock stock(manager(), "stock");
  EXPECT_TRUE(stock.empty());
  stock.set("apple", 3);
  stock["pear"] = 4;
  EXPECT_EQ(stock.get("apple"), 3);
  EXPECT_EQ(stock["pear"], 4);
  EXPECT_EQ(stock.get_or("fig", 9), 9);
  EXPECT_EQ(stock.find("fig"), std::nullopt);
  EXPECT_TRUE(stock.contains("pear"));
  EXPECT_EQ(stock.size(), 2U);
  EXPECT_THAT(stock.keys(), UnorderedElementsAre("apple", "pear"));
  EXPECT_THAT(stock.values(), UnorderedElementsAre(3, 4));
  EXPECT_THAT(stock.items(), ElementsAre(Pair("apple", 3), Pair("pear", 4)));
  EXPECT_EQ(stock.setdefault("apple", 7), 3);
  EXPECT_EQ(stock.setdefault("fig", 7), 7);
  EXPECT_EQ(stock.pop("fig"), 7);
  EXPECT_EQ(stock.pop("fig", 1), 1);
  EXPECT_TRUE(stock.erase("apple"));
  EXPECT_FALSE(stock.erase("apple"));
  EXPECT_EQ(stock.popitem(), std::pair(std::string("pear"), 4));
  EXPECT_THROW(stock.popitem(), KeyError);
  EXPECT_THROW((void)stock.get("apple"), KeyError);
  EXPECT_THROW(stock.pop("apple"), KeyError);
  EXPECT_THAT(thrown<KeyError>([&] {
                int x = stock["kiwi"];
                (void)x;
              }),
              HasSubstr("stock[kiwi]"));
}

TEST_F(Values, BulkVerbsTakeOneRoundTrip) {
  Dict<int, double> squares(manager(), "squares");
  std::map<int, double> many;
  std::vector<int> keys;
  for (int i = 0; i < 100; ++i) many[i] = i * i, keys.push_back(i);
  (void)squares.size();
  const auto before = commands();
  squares.update(many);
  EXPECT_EQ(squares.items(), many);
  EXPECT_EQ(squares.get_many({3, 1000, 4})[1], std::nullopt);
  EXPECT_EQ(squares.erase_many(keys), 100U);
  EXPECT_EQ(commands() - before, 5U);  // with the one that asks
}

TEST_F(Values, ElementsMayBeWhateverMsgpackKnows) {
  Dict<int, Point> points(manager(), "points");
  const Point point{3, {"a", "b"}};
  points.set(-5, point);
  EXPECT_EQ(points.get(-5), point);
  EXPECT_THAT(points.keys(), ElementsAre(-5));
  Dict<std::string, std::map<std::string, std::vector<int>>> nested(manager(), "nested");
  nested["a"] = {{"b", {1, 2}}};
  EXPECT_EQ(nested.get("a").at("b").size(), 2U);
  Dict<std::string, std::string> texts(manager(), "texts");
  texts["number"] = "12";
  EXPECT_EQ(texts.get("number"), "12");
  Dict<std::string, bool> truths(manager(), "truths");
  truths["yes"] = true;
  EXPECT_TRUE(truths.get("yes"));
}

// A change of a copy cannot pretend to be one of the dict.
template <typename D>
concept ChangesInPlace = requires(D d) {
  d.get("a").push_back(1);
}
|| requires(D d) { d["a"].push_back(1); };
static_assert(!ChangesInPlace<Dict<std::string, std::vector<int>>>);

TEST_F(Values, NestedValuesAreChangedByUpdate) {
  Dict<std::string, std::vector<int>> lists(manager(), "lists");
  lists.set("a", {});
  lists.update("a", [](std::vector<int>& list) { list.push_back(1); });
  lists["a"].update([](std::vector<int>& list) { list.push_back(2); });
  lists.update("b", [](std::vector<int>& list) { list.push_back(3); }, {});
  EXPECT_THAT(lists.get("a"), ElementsAre(1, 2));
  EXPECT_THAT(lists.get("b"), ElementsAre(3));
  EXPECT_THROW(lists.update("c", [](std::vector<int>&) {}), KeyError);
}

TEST_F(Values, AddingIsAtomicAndExact) {
  Dict<std::string, std::int64_t> sums(manager(), "sums");
  EXPECT_EQ(sums["new"] += 5, 5);
  sums["big"] = std::numeric_limits<std::int64_t>::max() - 1;
  EXPECT_EQ(++sums["big"], std::numeric_limits<std::int64_t>::max());
  EXPECT_THROW(++sums["big"], ValueError);
  EXPECT_EQ(sums["new"] -= 7, -2);
  Dict<std::string, double> floats(manager(), "floats");
  floats["x"] = 0.1;
  EXPECT_EQ(floats["x"] += 0.2, 0.1 + 0.2);
  EXPECT_EQ(floats["x"] -= 0.2, 0.1 + 0.2 - 0.2);
  Dict<std::string, std::string> texts(manager(), "texts");
  texts["x"] = "ab";
  EXPECT_EQ(texts["x"] += "cd", "abcd");
}

TEST_F(Values, AnotherTypeThanWasExpectedIsNamed) {
  Dict<std::string, std::string> texts(manager(), "box");
  texts.set("a", "twelve");
  Stock numbers(manager(), "box");
  EXPECT_EQ(thrown<TypeError>([&] { (void)numbers.get("a"); }), "box[a]: expected an integer, found a text");
  EXPECT_THAT(thrown<TypeError>([&] { numbers["a"] += 1; }), HasSubstr("expected an integer to add to"));
  numbers.set("a", 12);
  EXPECT_EQ(thrown<TypeError>([&] { (void)texts.get("a"); }),
            "box[a]: expected a text, found the integer 12");
  List<int> list(manager(), "box");
  EXPECT_EQ(thrown<TypeError>([&] { list.append(1); }), "box: expected a list, found a dict");
  Dict<std::string, std::uint8_t> small(manager(), "box");
  numbers.set("a", 300);
  EXPECT_THROW((void)small.get("a"), TypeError);
  Dict<std::string, double> floats(manager(), "box");
  EXPECT_EQ(floats.get("a"), 300.0);
}

TEST_F(Values, AWriteWithAnOlderFenceIsRefused) {
  Stock stock(manager(), "stock");
  stock.set("apple", 1, 7);
  stock.set("apple", 2, 7);
  stock.set("pear", 3, std::uint64_t{5} << 32);
  EXPECT_THAT(thrown<StaleFence>([&] { stock.set("apple", 9, 8); }), HasSubstr("21474836480"));
  EXPECT_THROW(stock.erase("apple", 8), StaleFence);
  EXPECT_EQ(stock.get("apple"), 2);
  EXPECT_TRUE(stock.erase("apple", (std::uint64_t{5} << 32) + 1));
  EXPECT_THROW(stock.set("apple", 1, std::uint64_t{5} << 32), StaleFence);
}

TEST_F(Values, ANamespaceHoldsAnyTypes) {
  Namespace config(manager(), "config");
  config.set("retries", 3);
  config.set("name", "ada");
  config.set("list", std::vector<int>{1});
  EXPECT_EQ(config.get<int>("retries"), 3);
  EXPECT_EQ(config.get<std::string>("name"), "ada");
  EXPECT_EQ(config.add("retries", 2), 5);
  EXPECT_EQ(config.get_or("none", 1.5), 1.5);
  EXPECT_THROW((void)config.get<int>("name"), TypeError);
  EXPECT_THROW((void)config.get<int>("none"), KeyError);
  config.update<std::vector<int>>("list", [](auto& list) { list.push_back(2); });
  EXPECT_THAT(config.get<std::vector<int>>("list"), ElementsAre(1, 2));
  EXPECT_TRUE(config.erase("list"));
  EXPECT_THAT(config.names(), UnorderedElementsAre("retries", "name"));
}

}  // namespace
}  // namespace joinery::values
