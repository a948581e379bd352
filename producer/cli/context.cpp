#include "producer/cli/context.h"

#include <fmt/core.h>

#include <algorithm>

#include "producer/cli/human.h"

namespace joinery::cli {

Client& Context::client() {
  if (client_) return *client_;
  ClientOptions options;
  options.endpoint = settings.endpoint;
  options.name = "joinery";
  options.timeout = settings.timeout.value;
  options.tool = true;
  std::unique_ptr<Client> client;
  try {
    client = std::make_unique<Client>(options);
  } catch (const ClientError& error) {
    throw UsageError(fmt::format("--endpoint: {}", error.what()));
  }
  for (bool told = false;;) try {
      client->connect();
      break;
    } catch (const ClientError& error) {
      if (error.code() != Code::broker_unreachable && error.code() != Code::timed_out) throw;
      if (!settings.retry)
        throw ClientError(
            {Code::broker_unreachable,
             fmt::format("no broker answered at {} within {}; `joinery up` starts one, --retry waits for it",
                         settings.endpoint, span(settings.timeout.value.count())),
             {}});
      if (!std::exchange(told, true))
        out.note(fmt::format("no broker at {} yet; still trying", settings.endpoint));
    }
  client_ = std::move(client);
  return *client_;
}

Json Context::request(const std::string& verb, const Json& arguments) {
  const Buffer reply = client().request(verb, to_msgpack(arguments));
  auto value = from_msgpack(reply);
  if (!value) throw ClientError(value.error());
  return std::move(*value);
}

Json Context::all_of(const std::string& verb, const char* list) {
  constexpr std::size_t page = 1000;
  Json all = Json::array();
  for (std::string after;;) {
    const Json reply = request(verb, Json{{"after", after}, {"most", page}});
    const Json& some = member(reply, list);
    for (const Json& one : some) all.push_back(one);
    if (some.size() < page) return all;
    after = text(some.back(), "name");
  }
}

Json Context::jobs(const std::string& verb, Json arguments, std::size_t most) {
  std::vector<Json> all;
  arguments["most"] = most;
  for (std::uint64_t next = 0;;) {
    Json reply = request(verb, arguments);
    for (Json& job : reply["jobs"]) all.push_back(std::move(job));
    std::ranges::sort(all, {}, [](const Json& job) { return number(job, "job"); });
    if (all.size() > most) all.resize(most);
    next = number(reply, "next");
    if (next == 0) return all;
    arguments["from"] = next;
  }
}

ExitCode Context::act(const std::string& verb, const Json& arguments, std::string_view done) {
  Json reply = request(verb, arguments);
  std::uint64_t jobs = number(reply, "number");
  // What concerns many jobs is done in slices.
  while (number(reply, "next") != 0) {
    Json rest = arguments;
    rest["from"] = number(reply, "next");
    reply = request(verb, rest);
    reply["number"] = jobs += number(reply, "number");
  }
  if (out.json())
    out.value(reply);
  else
    out.line(fmt::format("{} {}", plural(number(reply, "number"), "job"), done));
  return ExitCode::success;
}

}  // namespace joinery::cli
