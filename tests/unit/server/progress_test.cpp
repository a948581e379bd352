#include "broker/server/progress.h"

#include <gtest/gtest.h>

namespace joinery::broker::server {
namespace {

TEST(Progress, IsOfOneDeliveryOnly) {
  ProgressBook book;
  book.note({7, 1, 1}, 0.5, "half");
  ASSERT_NE(book.find({7, 1, 1}), nullptr);
  EXPECT_EQ(book.find({7, 1, 1})->text, "half");
  EXPECT_EQ(book.find({7, 2, 1}), nullptr);
}

TEST(Progress, OfTheOldestJobIsForgottenFirst) {
  ProgressBook book(2);
  for (JobId job = 1; job <= 3; ++job) book.note({job, 1, 1}, 0.1, "");
  EXPECT_EQ(book.find({1, 1, 1}), nullptr);
  EXPECT_NE(book.find({2, 1, 1}), nullptr);
  EXPECT_NE(book.find({3, 1, 1}), nullptr);
}

TEST(Progress, IsKeptWithinBounds) {
  ProgressBook book;
  book.note({1, 1, 1}, 7.0, std::string(100'000, 'x'));
  EXPECT_EQ(book.find({1, 1, 1})->fraction, 1.0);
  EXPECT_LE(book.find({1, 1, 1})->text.size(), 256U);
  book.note({1, 1, 1}, 0.5, std::string(255, 'x') + "\u00fc");  // no half a character
  EXPECT_EQ(book.find({1, 1, 1})->text, std::string(255, 'x'));
}

}  // namespace
}  // namespace joinery::broker::server
