// joinery-thumbnails over a directory with images of both kinds, some broken.
#include <gmock/gmock.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <vips/vips8>

#include "tests/support/stack.h"

namespace joinery::testing {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::Not;

class ThumbnailsExample : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { ASSERT_EQ(VIPS_INIT("thumbnails_test"), 0); }

  void paint(const std::string& name, int width, int height) const {
    fs::create_directories(fs::path(photos_ / name).parent_path());
    const auto noise = vips::VImage::gaussnoise(width, height).cast(VIPS_FORMAT_UCHAR);
    noise.bandjoin(noise).bandjoin(noise).write_to_file((photos_ / name).c_str());
  }
  Finished thumbnails(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(),
                     {program("joinery-thumbnails"), photos_.string(), "--to", small_.string()});
    return run(arguments, {.environment = {{"JOINERY_ENDPOINT", stack_.endpoint()}},
                           .directory = {},
                           .input = {},
                           .ready = false});
  }
  std::pair<int, int> size_of(const std::string& name) const {
    const auto image = vips::VImage::new_from_file((small_ / name).c_str());
    return {image.width(), image.height()};
  }

  const Stack stack_;
  const fs::path photos_ = stack_.dir() / "photos";
  const fs::path small_ = stack_.dir() / "photos/small";  // inside: and still not taken for photos
};

TEST_F(ThumbnailsExample, MakesOneOfEachImageInTheSameFolders) {
  paint("wide.jpg", 400, 200);
  paint("holidays/high.PNG", 100, 300);
  paint("tiny.jpeg", 20, 10);
  std::ofstream(photos_ / "notes.txt") << "no image";
  for (int run = 0; run < 2; ++run) {
    const Finished finished = thumbnails({"--size", "60", "--processes", "2"});
    EXPECT_EQ(finished.status, 0) << finished.err;
    EXPECT_THAT(finished.out, HasSubstr("3 thumbnails in "));
  }
  EXPECT_EQ(size_of("wide.jpg"), std::pair(60, 30));
  EXPECT_EQ(size_of("holidays/high.PNG"), std::pair(20, 60));
  EXPECT_EQ(size_of("tiny.jpeg"), std::pair(20, 10));
}

TEST_F(ThumbnailsExample, NamesBrokenImagesAndMakesTheOthers) {
  for (const char* name : {"a.jpg", "b.png", "c.jpg"}) paint(name, 200, 200);
  fs::resize_file(photos_ / "b.png", fs::file_size(photos_ / "b.png") / 2);
  fs::resize_file(photos_ / "c.jpg", fs::file_size(photos_ / "c.jpg") / 2);
  std::ofstream(photos_ / "d.jpg") << "no image";
  std::ofstream(photos_ / "e.png").flush();
  for (const bool queue : {true, false}) {
    const Finished finished = queue ? thumbnails({}) : thumbnails({"--without-queue"});
    EXPECT_EQ(finished.status, 2);
    EXPECT_THAT(finished.out, HasSubstr("1 thumbnails in "));
    EXPECT_THAT(finished.out, HasSubstr(" 4 broken images\n"));
    if (!queue) continue;
    for (const char* name : {"b.png: ", "c.jpg: ", "d.jpg: ", "e.png: "})
      EXPECT_THAT(finished.err, HasSubstr(name));
    EXPECT_THAT(finished.err, Not(HasSubstr("a.jpg: ")));
  }
  const auto left = std::ranges::distance(fs::directory_iterator(small_), fs::directory_iterator());
  EXPECT_EQ(left, 1) << "what could not be finished is removed";
}

}  // namespace
}  // namespace joinery::testing
