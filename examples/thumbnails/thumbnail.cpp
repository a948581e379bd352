#include "thumbnail.h"

#include <turbojpeg.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <optional>
#include <stdexcept>
#include <vips/vips8>

#include <vips/vector.h>  // behind the other

namespace thumbnails {
namespace {

using vips::VImage;

// libvips writes a line for each thing that it tried.
std::string in_one_line(std::string text) {
  while (!text.empty() && text.back() == '\n') text.pop_back();
  for (std::size_t at = 0; (at = text.find('\n', at)) != std::string::npos;) text.replace(at, 1, "; ");
  return text;
}

std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string bytes{std::istreambuf_iterator<char>(file), {}};
  if (!file) throw std::runtime_error("cannot be read");
  return bytes;
}

struct Size {
  int width = 0;
  int height = 0;
};

// Within a square, in its proportions; never larger than it is.
Size fitted(Size whole, int most) {
  const double scale = std::min(1.0, static_cast<double>(most) / std::max(whole.width, whole.height));
  const auto scaled = [scale](int length) {
    return std::max(static_cast<int>(std::lround(length * scale)), 1);
  };
  return {scaled(whole.width), scaled(whole.height)};
}

// A plain JPEG, decoded at the eighth, quarter or half of its size that is still larger than the thumbnail.
// nullopt: libvips must see to it, because it is another kind of image, may lie on its side (Exif), or is
// damaged.
std::optional<VImage> small_jpeg(const std::string& bytes, int most, std::string& pixels) {
  static const std::unique_ptr<void, int (*)(tjhandle)> decoder(tjInitDecompress(), tjDestroy);
  constexpr std::size_t head = 65'536;
  const auto* data = reinterpret_cast<const unsigned char*>(bytes.data());
  Size whole;
  int subsampling = 0;
  int colors = 0;
  if (tjDecompressHeader3(decoder.get(), data, bytes.size(), &whole.width, &whole.height, &subsampling,
                          &colors) != 0 ||
      colors != TJCS_YCbCr || std::string_view(bytes).substr(0, head).find("Exif") != std::string::npos) {
    return std::nullopt;
  }
  const Size target = fitted(whole, most);
  tjscalingfactor eighths{8, 8};
  while (eighths.num > 1 && whole.width * eighths.num / 16 >= target.width) eighths.num /= 2;
  const Size small{TJSCALED(whole.width, eighths), TJSCALED(whole.height, eighths)};
  pixels.resize(std::size_t{3} * static_cast<std::size_t>(small.width) *
                static_cast<std::size_t>(small.height));
  if (tjDecompress2(decoder.get(), data, bytes.size(), reinterpret_cast<unsigned char*>(pixels.data()),
                    small.width, 0, small.height, TJPF_RGB, 0) != 0) {
    return std::nullopt;
  }
  const VImage image =
      VImage::new_from_memory(pixels.data(), pixels.size(), small.width, small.height, 3, VIPS_FORMAT_UCHAR)
          .copy(VImage::option()->set("interpretation", VIPS_INTERPRETATION_sRGB));
  return image.resize(static_cast<double>(target.width) / small.width,
                      VImage::option()
                          ->set("vscale", static_cast<double>(target.height) / small.height)
                          ->set("kernel", VIPS_KERNEL_CUBIC));
}

VImage small_image(const std::string& path, int most) {
  return VImage::thumbnail(
      path.c_str(), most,
      VImage::option()->set("height", most)->set("size", VIPS_SIZE_DOWN)->set("fail_on", VIPS_FAIL_ON_ERROR));
}

}  // namespace

void prepare() {
  if (VIPS_INIT("joinery-thumbnails") != 0) throw std::runtime_error(in_one_line(vips_error_buffer()));
  vips_concurrency_set(1);
  vips_cache_set_max(0);  // no image comes twice
  // To compile vector code for an image takes longer than to make one so small.
  vips_vector_set_enabled(FALSE);
}

void make(const Order& order) {
  const std::string half_made =
      order.to + "." + std::to_string(getpid()) + std::filesystem::path(order.to).extension().string();
  try {
    const std::string bytes = read_file(order.from);
    std::string pixels;
    const auto small = small_jpeg(bytes, order.size, pixels);
    const VImage image = small ? *small : small_image(order.from, order.size);
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
