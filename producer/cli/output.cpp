#include "producer/cli/output.h"

#include <fmt/core.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>

#include "producer/cli/human.h"
#include "shared/base/exit_code.h"

namespace joinery::cli {
namespace {

std::size_t terminal_columns(std::FILE* file) {
  winsize window{};
  if (::isatty(::fileno(file)) == 0 || ::ioctl(::fileno(file), TIOCGWINSZ, &window) != 0) return 0;
  return window.ws_col;
}

// A reader that has gone away (`joinery job ls | head`) ends the program as SIGPIPE would, without a word.
[[noreturn]] void output_lost() {
  const int reason = errno;
  if (reason == EPIPE) std::_Exit(128 + SIGPIPE);
  fmt::print(stderr, "joinery: the output cannot be written: {}\n", std::strerror(reason));
  std::_Exit(static_cast<int>(ExitCode::failure));
}

void write(std::FILE* file, std::string_view bytes) {
  if (std::fwrite(bytes.data(), 1, bytes.size(), file) != bytes.size() && file != stderr) output_lost();
}

std::string pad(std::string_view text, std::size_t columns, bool right) {
  const std::string space(columns - std::min(columns, width(text)), ' ');
  return right ? space + std::string(text) : std::string(text) + space;
}

std::string render_row(const std::vector<std::string>& row, const std::vector<std::size_t>& widths,
                       const std::vector<bool>& right, std::size_t columns) {
  std::string line;
  for (std::size_t i = 0; i < row.size(); ++i)
    line += (i == 0 ? "" : "  ") + pad(harmless(row[i]), widths[i], right[i]);
  line.erase(line.find_last_not_of(' ') + 1);
  return (columns == 0 ? line : cut(line, columns)) + "\n";
}

}  // namespace

std::string render(const Table& table, std::size_t columns) {
  std::vector<std::string> headings = table.headings;
  std::vector<bool> right;
  for (std::string& heading : headings) {
    right.push_back(heading.starts_with('>'));
    if (right.back()) heading.erase(0, 1);
  }
  std::vector<std::size_t> widths;
  for (std::size_t i = 0; i < headings.size(); ++i) {
    widths.push_back(width(headings[i]));
    for (const auto& row : table.rows) widths[i] = std::max(widths[i], width(harmless(row[i])));
  }
  std::string out = render_row(headings, widths, right, columns);
  for (const auto& row : table.rows) out += render_row(row, widths, right, columns);
  return out;
}

Json error_json(const Error& error) {
  Json inner{{"code", word(error.code)},
             {"number", static_cast<unsigned>(error.code)},
             {"message", error.message},
             {"retry", may_retry(error.code)}};
  if (!error.field.empty()) inner["field"] = error.field;
  return Json{{"error", inner}};
}

Output::Output(bool json, std::FILE* out, std::FILE* err)
    : json_(json),
      watched_(!json && ::isatty(::fileno(err)) != 0),
      columns_(terminal_columns(out)),
      out_(out),
      err_(err) {}

void Output::line(std::string_view text) { write(out_, fmt::format("{}\n", text)); }
void Output::raw(Bytes bytes) { write(out_, bytes); }
void Output::raw_error(Bytes bytes) { write(err_, bytes); }
void Output::value(const Json& value) { line(to_line(value)); }
void Output::note(std::string_view text) {
  if (json_) return write(err_, to_line(Json{{"note", text}}) + "\n");
  write(err_, fmt::format("joinery: {}\n", harmless(text)));
}
void Output::flush() {
  if (std::fflush(out_) != 0) output_lost();
}

void Output::table(const Table& table, std::string_view empty) {
  if (table.rows.empty() && !empty.empty()) return line(empty);
  write(out_, render(table, columns_));
}

void Output::pairs(const std::vector<std::pair<std::string, std::string>>& pairs) {
  std::size_t widest = 0;
  for (const auto& [name, value] : pairs) widest = std::max(widest, width(name));
  for (const auto& [name, value] : pairs) line(pad(name, widest, false) + "  " + harmless(value));
}

void Output::error(const Error& of_fields) {
  const Error error = in_options(of_fields, has_option_);
  if (json_) return write(err_, to_line(error_json(error)) + "\n");
  const bool names_field = error.code == Code::invalid_argument && !error.field.empty() &&
                           error.message.find(error.field) == std::string::npos;
  const std::string field = names_field ? error.field + ": " : "";
  note(fmt::format("{}{} ({})", field, error.message, word(error.code)));
}

}  // namespace joinery::cli
