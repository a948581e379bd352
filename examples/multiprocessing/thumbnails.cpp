// Images to thumbnails by map. The images are binary PPM, so that no library is needed.
//
//   thumbnails DIRECTORY SIZE FILE...     writes DIRECTORY/NAME, at most SIZE pixels wide and high
#include <joinery/pool.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

struct Image {
  std::size_t width = 0;
  std::size_t height = 0;
  std::string pixels;  // three bytes each, row by row
};

Image read_image(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string kind;
  Image image;
  int depth = 0;
  file >> kind >> image.width >> image.height >> depth;
  file.get();
  constexpr std::size_t side_max = 20'000;
  if (!file || kind != "P6" || depth != 255 || image.width > side_max || image.height > side_max) {
    throw std::runtime_error(path + " is no binary PPM of 8 bits");
  }
  image.pixels.resize(image.width * image.height * 3);
  file.read(image.pixels.data(), static_cast<std::streamsize>(image.pixels.size()));
  if (!file) throw std::runtime_error(path + " ends too early");
  return image;
}

// The nearest pixel of each.
Image scaled(const Image& from, std::size_t size) {
  const std::size_t longest = std::max({from.width, from.height, std::size_t{1}});
  if (longest <= size) return from;
  Image to;
  to.width = std::max<std::size_t>(from.width * size / longest, 1);
  to.height = std::max<std::size_t>(from.height * size / longest, 1);
  for (std::size_t y = 0; y < to.height; ++y) {
    for (std::size_t x = 0; x < to.width; ++x) {
      const std::size_t pixel = y * from.height / to.height * from.width + x * from.width / to.width;
      to.pixels.append(from.pixels, pixel * 3, 3);
    }
  }
  return to;
}

// Of each pool process: where its thumbnails go, and how large they are.
struct Target {
  std::string directory;
  std::size_t size = 0;
} target;

void set_up(const std::string& directory, std::size_t size) { target = {directory, size}; }

std::string thumbnail(const std::string& path) {
  const Image image = scaled(read_image(path), target.size);
  const std::string to = target.directory + "/" + std::filesystem::path(path).filename().string();
  std::ofstream file(to, std::ios::binary);
  file << "P6\n" << image.width << ' ' << image.height << "\n255\n" << image.pixels;
  if (!file.flush()) throw std::runtime_error("cannot write " + to);
  return std::to_string(image.width) + "x" + std::to_string(image.height);
}

}  // namespace

int main(int argc, char** argv) try {
  joinery::Program program(argc, argv);
  auto task = program.task("thumbnail", thumbnail);
  auto initializer = program.task("set_up", set_up);
  if (auto code = program.child()) return *code;
  if (argc < 4) {
    std::fputs("usage: thumbnails DIRECTORY SIZE FILE...\n", stderr);
    return 64;
  }
  std::vector<std::string> paths;
  for (int i = 3; i < argc; ++i) paths.push_back(std::filesystem::absolute(argv[i]));
  joinery::Pool pool(program, {.initializer = initializer.bind(std::filesystem::absolute(argv[1]),
                                                               std::strtoul(argv[2], nullptr, 10))});
  const auto sizes = pool.map(task, paths);
  for (std::size_t i = 0; i < sizes.size(); ++i) std::printf("%s %s\n", argv[i + 3], sizes[i].c_str());
} catch (const std::exception& error) {
  std::fprintf(stderr, "thumbnails: %s\n", error.what());
  return 1;
}
