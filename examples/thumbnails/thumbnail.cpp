#include "thumbnail.h"

#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <stdexcept>
#include <vips/vips8>

namespace thumbnails {
namespace {

// libvips writes a line for each thing that it tried.
std::string in_one_line(std::string text) {
  while (!text.empty() && text.back() == '\n') text.pop_back();
  for (std::size_t at = 0; (at = text.find('\n', at)) != std::string::npos;) text.replace(at, 1, "; ");
  return text;
}

}  // namespace

void prepare() {
  if (VIPS_INIT("joinery-thumbnails") != 0) throw std::runtime_error(in_one_line(vips_error_buffer()));
  vips_concurrency_set(1);
  vips_cache_set_max(0);  // no image comes twice
}

void make(const Order& order) {
  using vips::VImage;
  const std::string half_made =
      order.to + "." + std::to_string(getpid()) + std::filesystem::path(order.to).extension().string();
  try {
    const VImage image = VImage::thumbnail(order.from.c_str(), order.size,
                                           VImage::option()
                                               ->set("height", order.size)
                                               ->set("size", VIPS_SIZE_DOWN)
                                               ->set("fail_on", VIPS_FAIL_ON_ERROR));
    image.write_to_file(half_made.c_str(), VImage::option()->set("strip", true));
  } catch (const vips::VError& error) {
    const std::string why = in_one_line(error.what());
    vips_error_clear();
    std::error_code ignored;
    std::filesystem::remove(half_made, ignored);
    throw std::runtime_error(why);
  }
  std::filesystem::rename(half_made, order.to);
}

}  // namespace thumbnails
