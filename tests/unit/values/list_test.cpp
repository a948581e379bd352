#include "shared/values/joinery/list.h"

#include "fixture.h"
#include "shared/values/joinery/array.h"
#include "shared/values/joinery/set.h"

namespace joinery::values {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

TEST_F(Values, AListHasItsUsualVerbs) {
  List<std::string> names(manager(), "names");
  names.append("b");
  names.extend(std::vector<std::string>{"d", "e"});
  names.insert(0, "a");
  names.insert(2, "c");
  names.insert(99, "f");
  names.insert(-1, "x");
  EXPECT_THAT(names.items(), ElementsAre("a", "b", "c", "d", "e", "x", "f"));
  EXPECT_EQ(names.pop(-2), "x");
  EXPECT_EQ(names.get(2), "c");
  EXPECT_EQ(names[-1].get(), "f");
  names[-1] = "F";
  names.set(0, "A");
  EXPECT_EQ(names.pop(), "F");
  EXPECT_EQ(names.pop(0), "A");
  EXPECT_EQ(names.pop(1), "c");
  EXPECT_THAT(names.items(), ElementsAre("b", "d", "e"));
  EXPECT_EQ(names.index("e"), 2);
  EXPECT_TRUE(names.contains("d"));
  names.remove("d");
  EXPECT_THROW(names.remove("d"), ValueError);
  EXPECT_THROW((void)names.index("d"), ValueError);
  EXPECT_THROW((void)names.get(5), IndexError);
  EXPECT_THROW(names.set(5, "x"), IndexError);
  EXPECT_THROW(names.pop(5), IndexError);
  names.clear();
  EXPECT_TRUE(names.empty());
  EXPECT_THROW(names.pop(), IndexError);
  EXPECT_THROW(names.set(0, "x"), IndexError);
}

TEST_F(Values, SlicesAreThoseOfPython) {
  List<int> list(manager(), "list");
  list.extend(std::vector<int>{0, 1, 2, 3, 4});
  EXPECT_THAT(list.slice(1, 3), ElementsAre(1, 2));
  EXPECT_THAT(list.slice(-2), ElementsAre(3, 4));
  EXPECT_THAT(list.slice(0, -1), ElementsAre(0, 1, 2, 3));
  EXPECT_THAT(list.slice(0, 0), IsEmpty());
  EXPECT_THAT(list.slice(3, 99), ElementsAre(3, 4));
}

TEST_F(Values, ElementsAndWholeListsAreUpdated) {
  List<int> list(manager(), "list");
  list.extend(std::vector<int>{3, 1, 2});
  list[0] += 4;
  EXPECT_EQ(list.update(1, [](int& n) { n *= 10; }), 10);
  EXPECT_EQ(list[2] -= 1, 1);
  list.sort();
  EXPECT_THAT(list.items(), ElementsAre(1, 7, 10));
  list.reverse();
  EXPECT_THAT(list.items(), ElementsAre(10, 7, 1));
  list.update([](std::vector<int>& all) { all.resize(1); });
  EXPECT_THAT(list.items(), ElementsAre(10));
  EXPECT_THROW(list[5] += 1, IndexError);
  EXPECT_THROW(list.update(5, [](int&) {}), IndexError);
}

TEST_F(Values, AnArrayKeepsItsSize) {
  Array<double> sums(manager(), "sums", 3);
  sums[1] += 0.5;
  sums[1] += 0.25;
  sums.set(-1, 9);
  EXPECT_THAT(sums.items(), ElementsAre(0, 0.75, 9));
  EXPECT_THROW(sums[3] += 1, IndexError);
  EXPECT_EQ(Array<double>(manager(), "sums", 3).get(1), 0.75);
  EXPECT_THROW(Array<double>(manager(), "sums", 4), ValueError);
  Array<std::int64_t> whole(manager(), "whole", 2000, 5);
  EXPECT_EQ(whole.size(), 2000U);
  whole.set(7, std::numeric_limits<std::int64_t>::max() - 1);
  EXPECT_EQ(whole.add(7, 1), std::numeric_limits<std::int64_t>::max());
  EXPECT_THROW(whole.add(7, 1), ValueError);
}

TEST_F(Values, ASetHoldsEachMemberOnce) {
  Set<int> set(manager(), "set");
  EXPECT_TRUE(set.add(1));
  EXPECT_FALSE(set.add(1));
  EXPECT_EQ(set.update(std::vector<int>{1, 2, 3}), 2U);
  Set<int> other(manager(), "other");
  other.update(std::vector<int>{3, 4});
  EXPECT_THAT(set.set_union(other), UnorderedElementsAre(1, 2, 3, 4));
  EXPECT_THAT(set.intersection(other), ElementsAre(3));
  EXPECT_THAT(set.difference(other), UnorderedElementsAre(1, 2));
  EXPECT_TRUE(set.contains(2));
  EXPECT_TRUE(set.discard(2));
  EXPECT_THROW(set.remove(2), KeyError);
  EXPECT_EQ(set.size(), 2U);
  other.pop();
  other.pop();
  EXPECT_THROW(other.pop(), KeyError);
}

}  // namespace
}  // namespace joinery::values
