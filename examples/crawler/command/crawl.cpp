#include "command/crawl.h"

#include <fmt/format.h>
#include <signal.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <optional>
#include <stdexcept>

#include "command/broker.h"
#include "command/view.h"
#include "command/worker_process.h"
#include "crawl/files.h"
#include "report/merge.h"
#include "report/report.h"
#include "url/url.h"

namespace crawler {
namespace {

using joinery::Client;
using joinery::ClientError;
using joinery::Code;

std::atomic<bool> interrupted = false;

void stop_on_signals() {
  struct sigaction action {};
  action.sa_handler = [](int) { interrupted = true; };
  for (const int number : {SIGINT, SIGTERM}) sigaction(number, &action, nullptr);
}

// The seeds in their normal form, and the scope that follows from them.
void complete(CommandOptions& options) {
  CrawlConfig& config = options.config;
  for (std::string& seed : config.seeds) {
    const auto url = parse_url(seed);
    if (!url) throw std::invalid_argument("'" + seed + "' is no address: " + url.error());
    seed = url->text();
    config.hosts.push_back(url->authority());
    if (!options.whole_host) config.prefixes.push_back(url->path.substr(0, url->path.rfind('/') + 1));
  }
  if (options.any_host) config.hosts.clear();
  if (options.any_host) config.prefixes.clear();
  for (std::string* path : {&config.previous, &config.ca_file}) {
    if (!path->empty()) *path = std::filesystem::canonical(*path);
  }
}

std::vector<std::string> worker_arguments(const CommandOptions& options, const CrawlConfig& config) {
  return {"joinery-crawl",   "worker",
          "--endpoint",      config.endpoint,
          "--queues",        config.queue,
          "--processes",     std::to_string(options.processes),
          "--threads",       std::to_string(options.threads),
          "--drain-timeout", "5s"};
}

// Waits for the last page, and returns what became of the jobs; nullopt: interrupted before.
std::optional<joinery::Counts> watch(Client& client, const CrawlConfig& config, WorkerProcess* worker,
                                     View& view) {
  bool cancelled = false;
  while (!interrupted) {
    std::string trouble;
    try {
      const joinery::Counts counts = client.join_batch(config.batch, std::chrono::milliseconds(300));
      view.refresh();
      return counts;
    } catch (const ClientError& error) {
      if (error.code() == Code::broker_unreachable)
        trouble = "no broker";
      else if (error.code() != Code::timed_out)
        throw;
    }
    if (worker != nullptr) worker->look_after();
    view.refresh();
    if (!trouble.empty()) {
      view.show(0, 0, trouble);
      continue;
    }
    try {
      if (config.pages != 0 && view.pages() >= config.pages && !cancelled) {
        ask(client, "batch.cancel", {{"batch", config.batch}});
        cancelled = true;
      }
      const Json counts = ask(client, "batch.show", {{"batch", config.batch}}).at("counts");
      const auto number = [&](const char* name) { return counts.value(name, std::uint64_t{0}); };
      view.show(number("ready") + number("scheduled"), number("running"), "");
    } catch (const ClientError& error) {
      if (error.code() != Code::broker_unreachable && error.code() != Code::timed_out) throw;
    }
  }
  return std::nullopt;
}

void write_report(const std::string& directory, const CrawlConfig& config) {
  merge_parts(directory);
  files::write_whole(files::report(directory), report_html(collect_report(directory), config.seeds));
}

int run(const CommandOptions& options, const CrawlConfig& config, Client& client) {
  stop_on_signals();
  submit_seeds(client, config, options.directory);
  View view(options.directory);
  std::optional<joinery::Counts> done;
  {
    std::optional<WorkerProcess> worker;
    if (options.worker) worker.emplace(worker_arguments(options, config), options.directory + "/worker.log");
    done = watch(client, config, worker ? &*worker : nullptr, view);
  }
  view.end();
  if (done) close_crawl(client, config);
  write_report(options.directory, config);
  fmt::print("{}: {}\n", done ? "done" : "stopped", view.summary());
  fmt::print("{}\n", files::report(options.directory));
  if (done && done->failed != 0) {
    fmt::print("{} addresses failed in all attempts: joinery dead ls, joinery dead retry --queue {}\n",
               done->failed, config.queue);
  }
  if (!done) fmt::print("go on with: joinery-crawl resume {}\n", options.directory);
  return done ? 0 : 130;
}

joinery::ClientOptions client_options(const CrawlConfig& config) {
  joinery::ClientOptions options;
  options.endpoint = config.endpoint;
  options.name = "joinery-crawl";
  return options;
}

}  // namespace

int begin_crawl(CommandOptions options) {
  complete(options);
  std::filesystem::create_directories(options.directory);
  options.directory = std::filesystem::canonical(options.directory);
  if (has_config(options.directory)) {
    throw std::runtime_error(
        options.directory + " has a crawl already; go on with it: joinery-crawl resume " + options.directory);
  }
  for (const auto& folder :
       {files::parts(options.directory), files::warc(options.directory), files::robots(options.directory)}) {
    std::filesystem::create_directories(folder);
  }
  Client client(client_options(options.config));
  open_crawl(client, options.config);
  save_config(options.directory, options.config);
  return run(options, options.config, client);
}

int resume_crawl(const CommandOptions& given) {
  CommandOptions options = given;
  options.directory = std::filesystem::canonical(options.directory);
  CrawlConfig config = load_config(options.directory);
  Client client(client_options(config));
  return run(options, config, client);
}

int cancel_crawl(const CommandOptions& options) {
  const CrawlConfig config = load_config(options.directory);
  Client client(client_options(config));
  const Json reply = ask(client, "batch.cancel", {{"batch", config.batch}});
  fmt::print("{} jobs cancelled\n", reply.value("number", std::uint64_t{0}));
  return 0;
}

int report_crawl(const CommandOptions& options) {
  const CrawlConfig config = load_config(options.directory);
  write_report(options.directory, config);
  fmt::print("{}\n", files::report(options.directory));
  return 0;
}

}  // namespace crawler
