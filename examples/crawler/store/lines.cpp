#include "store/lines.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <system_error>

#include "page/text.h"

namespace crawler {

LineWriter::~LineWriter() {
  if (file_ >= 0) ::close(file_);
}

void append_json(std::string& out, std::string_view ascii) {
  static constexpr Characters specials("\"\\");
  out += '"';
  for (std::size_t at = specials.find(ascii); at < ascii.size(); at = specials.find(ascii)) {
    ((out += ascii.substr(0, at)) += '\\') += ascii[at];
    ascii.remove_prefix(at + 1);
  }
  (out += ascii) += '"';
}

void LineWriter::append(const Json& line) {
  // What a page says of itself may be no UTF-8.
  append(line.dump(-1, ' ', false, Json::error_handler_t::replace));
}

void LineWriter::append(std::string text) {
  text += '\n';
  const std::lock_guard guard(mutex_);
  if (file_ < 0) file_ = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  std::size_t written = 0;
  while (file_ >= 0 && written < text.size()) {
    const ssize_t now = ::write(file_, text.data() + written, text.size() - written);
    if (now < 0 && errno != EINTR) break;
    written += now < 0 ? 0 : static_cast<std::size_t>(now);
  }
  if (written < text.size()) throw std::system_error(errno, std::generic_category(), path_);
}

void LineTail::read(const std::function<void(std::string_view)>& call) {
  std::ifstream file(path_, std::ios::binary);
  file.seekg(static_cast<std::streamoff>(offset_));
  std::string line;
  while (std::getline(file, line) && !file.eof()) {
    offset_ += line.size() + 1;
    call(line);
  }
}

void each_line(const std::string& path, const std::function<void(Json)>& call) {
  std::ifstream file(path, std::ios::binary);
  for (std::string line; std::getline(file, line);) {
    Json json = Json::parse(line, nullptr, false);
    if (json.is_object()) call(std::move(json));
  }
}

}  // namespace crawler
