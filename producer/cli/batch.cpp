// joinery batch open|ls|show|close|cancel
#include <fmt/core.h>

#include <charconv>

#include "producer/cli/command.h"
#include "producer/cli/human.h"
#include "producer/cli/outcome.h"

namespace joinery::cli {
namespace {

struct Flags {
  std::string batch;
  std::string name;
  std::uint64_t parent = 0;
  bool hold = false;
  std::optional<milliseconds> grace;
};

BatchId batch_id(const std::string& text) {
  BatchId id = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, id);
  if (error != std::errc{} || stop != end || id == 0)
    throw UsageError(fmt::format("BATCH: \"{}\" is not the id of a batch", text), "batch");
  return id;
}

std::string flags_of(const Json& batch) {
  std::string all;
  for (const char* flag : {"held", "cancelled"}) {
    if (truth(batch, flag)) all += (all.empty() ? "" : ", ") + std::string(flag);
  }
  return all.empty() ? "-" : all;
}

std::string parent_of(const Json& batch) {
  const std::uint64_t parent = number(batch, "parent");
  return parent == 0 ? "-" : fmt::format("{}", parent);
}

}  // namespace

Run define_batch_open(Arguments& arguments) {
  auto flags = std::make_shared<Flags>();
  arguments.optional_positional("NAME", flags->name, "what lists call it");
  arguments.option("--parent", flags->parent, "a batch that is not finished before this one is", 1);
  arguments.flag("--hold", flags->hold, "not finished before `joinery batch close`");
  return [flags](Context& context) {
    Json map{{"name", flags->name}, {"hold", flags->hold}};
    if (flags->parent != 0) map["parent"] = flags->parent;
    const BatchId batch = number(context.request("batch.open", map), "batch");
    context.out.json() ? context.out.value(Json{{"batch", batch}})
                       : context.out.line(fmt::format("{}", batch));
    return ExitCode::success;
  };
}

Run define_batch_show(Arguments& arguments) {
  auto flags = std::make_shared<Flags>();
  arguments.positional("BATCH", flags->batch, "id of the batch");
  return [flags](Context& context) {
    const Json reply = context.request("batch.show", Json{{"batch", batch_id(flags->batch)}});
    if (context.out.json()) {
      context.out.value(reply);
    } else {
      const auto opened = static_cast<std::int64_t>(number(reply, "opened_at_ms"));
      context.out.pairs({{"batch", text(reply, "batch")},
                         {"name", text(reply, "name", "-")},
                         {"in", parent_of(reply)},
                         {"opened", ago(opened, read_clocks().wall)},
                         {"is", flags_of(reply)},
                         {"unfinished batches in it", count(number(reply, "nested"))},
                         {"jobs", summary(counts_of(member(reply, "counts")))}});
    }
    return ExitCode::success;
  };
}

namespace {

ExitCode list(Context& context, std::uint64_t most, std::uint64_t after) {
  const Json reply = context.request("batch.list", Json{{"most", most}, {"after", after}});
  const Json& batches = member(reply, "batches");
  if (context.out.json()) {
    context.out.value(batches);
    return ExitCode::success;
  }
  Table table{{">BATCH", "NAME", "IN", "OPENED", "IS", "JOBS"}, {}};
  for (const Json& batch : batches) {
    const auto opened = static_cast<std::int64_t>(number(batch, "opened_at_ms"));
    table.rows.push_back({text(batch, "batch"), text(batch, "name", "-"), parent_of(batch),
                          ago(opened, read_clocks().wall), flags_of(batch),
                          summary(counts_of(member(batch, "counts")))});
  }
  context.out.table(table, "no batches");
  if (batches.size() == most)
    context.out.note(
        fmt::format("there may be more; go on with --after {}", number(batches.back(), "batch")));
  return ExitCode::success;
}

}  // namespace

Run define_batch_ls(Arguments& arguments) {
  struct Page {
    std::uint64_t most = 100;
    std::uint64_t after = 0;
  };
  auto page = std::make_shared<Page>();
  arguments.option("--most", page->most, "at most so many", 1, 10'000);
  arguments.option("--after", page->after, "go on after this batch");
  return [page](Context& context) { return list(context, page->most, page->after); };
}

Run define_batch_close(Arguments& arguments) {
  auto flags = std::make_shared<Flags>();
  arguments.positional("BATCH", flags->batch, "id of the batch");
  return [flags](Context& context) {
    context.request("batch.close", Json{{"batch", batch_id(flags->batch)}});
    return ExitCode::success;
  };
}

Run define_batch_cancel(Arguments& arguments) {
  auto flags = std::make_shared<Flags>();
  arguments.positional("BATCH", flags->batch, "id of the batch");
  arguments.option("--grace", flags->grace, "how long running ones have to stop before they are killed");
  return [flags](Context& context) {
    Json map{{"batch", batch_id(flags->batch)}};
    if (flags->grace) map["grace_ms"] = flags->grace->count();
    const Json reply = context.request("batch.cancel", map);
    if (context.out.json())
      context.out.value(reply);
    else
      context.out.line(fmt::format("{} cancelled", plural(number(reply, "number"), "job")));
    return ExitCode::success;
  };
}

}  // namespace joinery::cli
