// The index of jobs, against a map; and how much a waiting job takes.
#include "broker/core/jobs.h"

#include <gmock/gmock.h>

#include <map>
#include <random>

#include "conversation.h"

namespace joinery::tests {
namespace {

using broker::JobIndex;
using broker::no_slot;

TEST(JobIndex, AgreesWithAMapThroughManyRandomChanges) {
  std::mt19937_64 random(11);
  JobIndex index;
  std::map<JobId, broker::Slot> model;
  for (int step = 0; step < 100'000; ++step) {
    // Dense runs and lonely survivors.
    const JobId id = random() % 3 == 0 ? random() % 1'000'000 : static_cast<JobId>(step / 4) + random() % 100;
    if (model.contains(id)) {
      EXPECT_EQ(index.find(id), model[id]);
      index.erase(id);
      model.erase(id);
      EXPECT_EQ(index.find(id), no_slot);
    } else {
      index.insert(id, static_cast<broker::Slot>(step));
      model[id] = static_cast<broker::Slot>(step);
    }
  }
  EXPECT_EQ(index.size(), model.size());
  for (const auto& [id, slot] : model) EXPECT_EQ(index.find(id), slot);
}

TEST(Memory, AWaitingFifoJobTakesAtMost72Bytes) {
  Conversation talk;
  talk.producer("p");
  const std::size_t before = talk.driver.core->memory_bytes();
  for (int i = 0; i < 20; ++i) talk.submit("p", "mail", 10'000);
  EXPECT_LE(talk.driver.core->memory_bytes() - before, 200'000 * 72U);
}

TEST(Memory, AWaitingJobWithAKeyOfItsOwnTakesAtMost150Bytes) {
  Conversation talk;
  talk.producer("p");
  const std::size_t before = talk.driver.core->memory_bytes();
  for (int i = 0; i < 20; ++i) {
    Put put{.count = 10'000};
    for (int k = 0; k < 10'000; ++k) put.key.push_back("host:" + std::to_string(1'000'000 + 10'000 * i + k));
    talk.submit("p", "crawl", std::move(put));
  }
  EXPECT_LE(talk.driver.core->memory_bytes() - before, 200'000 * 150U);
}

}  // namespace
}  // namespace joinery::tests
