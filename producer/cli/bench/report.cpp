#include "producer/cli/bench/report.h"

#include <fmt/format.h>

#include <algorithm>

#include "producer/cli/human.h"

namespace joinery::cli::bench {
namespace {

std::string whole(double value) { return count(static_cast<std::uint64_t>(value + 0.5)); }
std::string one_digit(double value) { return fmt::format("{:.1f}", value); }
std::string two_digits(double value) { return fmt::format("{:.2f}", value); }
std::string four_digits(double value) { return fmt::format("{:.4f}", value); }
std::string bytes(double value) { return size(static_cast<std::uint64_t>(value)); }

struct Column {
  const char* key;
  const char* heading;
  std::string (*show)(double);  // null: a text
};

constexpr Column columns[] = {
    {"scenario", "SCENARIO", nullptr},
    {"variant", "", nullptr},
    {"durability", "LEVEL", nullptr},
    {"payload", ">BYTES", whole},
    {"batch", ">BATCH", whole},
    {"window", ">WINDOW", whole},
    {"workers", ">WORKERS", whole},
    {"processes", ">PROC", whole},
    {"jobs", ">JOBS", whole},
    {"jobs_per_s", ">JOBS/S", whole},
    {"mb_per_s", ">MB/S", whole},
    {"latency", "TIME TO", nullptr},
    {"p50_us", ">P50 us", whole},
    {"p99_us", ">P99 us", whole},
    {"p999_us", ">P99.9 us", whole},
    {"cpu_us", ">CPU us", two_digits},
    {"client_us", ">CLIENT us", two_digits},
    {"broker_us", ">BROKER us", two_digits},
    {"supervisor_us", ">SUPERV us", two_digits},
    {"pool_us", ">POOL us", two_digits},
    {"broker_rss_bytes", ">BROKER RSS", bytes},
    {"rss_bytes_per_job", ">RSS/JOB", one_digit},
    {"journal_bytes_per_job", ">DISK/JOB", one_digit},
    {"syncs_per_job", ">SYNCS/JOB", four_digits},
    {"note", "", nullptr},
};

std::string cell(const Json& row, const Column& column) {
  if (!row.contains(column.key)) return "-";
  const Json& value = row[column.key];
  return column.show == nullptr ? value.get<std::string>() : column.show(value.get<double>());
}

std::string amount(double value, const std::string& unit) {
  return fmt::format("{} {}", value < 10 ? two_digits(value) : whole(value), unit);
}

std::size_t width_of(const Table& table, std::size_t column) {
  std::size_t widest = width(table.headings[column]);
  for (const auto& row : table.rows) widest = std::max(widest, width(row[column]));
  return widest;
}

void append_column(Table& to, const Table& from, std::size_t column) {
  to.headings.push_back(from.headings[column]);
  to.rows.resize(from.rows.size());
  for (std::size_t i = 0; i < from.rows.size(); ++i) to.rows[i].push_back(from.rows[i][column]);
}

// As many columns as the terminal is wide, and the others below them, so that nothing is cut. The first two,
// which say what a row is about, begin each block.
void print_blocks(Output& out, const Table& table) {
  constexpr std::size_t names = 2;
  for (std::size_t next = names; next < table.headings.size();) {
    if (next != names) out.line("");
    Table block;
    std::size_t used = 0;
    const auto append = [&](std::size_t column) {
      append_column(block, table, column);
      used += width_of(table, column) + 2;
    };
    for (std::size_t i = 0; i < names; ++i) append(i);
    do append(next++);
    while (next < table.headings.size() &&
           (out.columns() == 0 || used + width_of(table, next) <= out.columns()));
    out.raw(render(block, 0));
  }
}

}  // namespace

Json& Report::row(const std::string& scenario, const std::string& variant) {
  rows_.push_back(Json{{"scenario", scenario}, {"variant", variant}});
  return rows_.back();
}

void Report::at_most(const std::string& what, double measured, double target, const std::string& unit) {
  reach(what, measured, target, unit, measured <= target, "at most");
}

void Report::at_least(const std::string& what, double measured, double target, const std::string& unit) {
  reach(what, measured, target, unit, measured >= target, "at least");
}

void Report::reach(const std::string& what, double measured, double target, const std::string& unit, bool met,
                   const char* bound) {
  reach_.push_back(Json{{"what", what},
                        {"measured", measured},
                        {"bound", bound},
                        {"target", target},
                        {"unit", unit},
                        {"met", judged_ ? Json(met) : Json()},
                        {"verdict", !judged_ ? "too small to judge"
                                    : met    ? "met"
                                             : "MISSED"}});
}

void Report::machine(const Machine& machine) {
  machine_ = Json{{"fdatasync_us", machine.fdatasync_us},
                  {"fdatasync_p99_us", machine.fdatasync_p99_us},
                  {"round_trip_us", machine.round_trip_us},
                  {"disk_bytes_per_s", machine.disk_bytes_per_s},
                  {"loopback_bytes_per_s", machine.loopback_bytes_per_s}};
}

// Only columns in which something stands, and the two that name a row.
Table Report::table() const {
  Table table;
  std::vector<const Column*> shown;
  for (const Column& column : columns) {
    const auto has = [&](const Json& row) { return row.contains(column.key) && row[column.key] != ""; };
    if (&column < columns + 2 || std::ranges::any_of(rows_, has)) shown.push_back(&column);
  }
  for (const Column* column : shown) table.headings.emplace_back(column->heading);
  for (const Json& row : rows_) {
    std::vector<std::string>& cells = table.rows.emplace_back();
    for (const Column* column : shown) cells.push_back(cell(row, *column));
  }
  return table;
}

Table Report::reach_table() const {
  Table table{{"TARGET", "", ">", ">MEASURED", ""}, {}};
  for (const Json& each : reach_)
    table.rows.push_back({text(each, "what"), text(each, "bound"),
                          amount(each["target"].get<double>(), text(each, "unit")),
                          amount(each["measured"].get<double>(), text(each, "unit")), text(each, "verdict")});
  return table;
}

void Report::print(Output& out) const {
  if (out.json()) {
    return out.value(Json{{"machine", machine_}, {"rows", rows_}, {"reach", reach_}});
  }
  print_blocks(out, table());
  if (!machine_.is_null())
    out.line(fmt::format(
        "\nThis machine: fdatasync {:.0f} us (p99 {:.0f}), ZeroMQ round trip {:.0f} us, disk {} MB/s, "
        "loopback {} MB/s",
        machine_["fdatasync_us"].get<double>(), machine_["fdatasync_p99_us"].get<double>(),
        machine_["round_trip_us"].get<double>(), whole(machine_["disk_bytes_per_s"].get<double>() / 1e6),
        whole(machine_["loopback_bytes_per_s"].get<double>() / 1e6)));
  if (reach_.empty()) return;
  out.line("");
  out.raw(render(reach_table(), 0));  // longer than the terminal is wide, it goes on in the next line
}

}  // namespace joinery::cli::bench
