#include "command/options.h"

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <iostream>
#include <thread>

#include "crawl/scope.h"

namespace crawler {
namespace {

// "1.5", "250ms": seconds unless it says otherwise.
std::uint32_t milliseconds_of(const std::string& text) {
  char* end = nullptr;
  double value = std::strtod(text.c_str(), &end);
  const std::string unit = end;
  if (unit != "ms") value *= 1000;
  const bool fits = value >= 0 && value <= 86'400'000;  // not so for what is not a number
  if (end == text.c_str() || !fits || (unit != "" && unit != "s" && unit != "ms")) {
    throw CLI::ValidationError("'" + text +
                               "' is no time; expected seconds, as 1.5, or 250ms; at most a day");
  }
  return static_cast<std::uint32_t>(value);
}

// A line end would add a line of the user's to each request.
std::string check_header_text(const std::string& text) {
  for (const char each : text) {
    if (static_cast<unsigned char>(each) < ' ' || each == '\x7f')
      return "expected text without control characters";
  }
  return {};
}

void add_time(CLI::App& app, const std::string& name, std::uint32_t& ms, const std::string& help) {
  app.add_option_function<std::string>(
         name, [&ms](const std::string& text) { ms = milliseconds_of(text); }, help)
      ->type_name("SECONDS")
      ->default_str(std::to_string(ms / 1000));
}

void add_worker_options(CLI::App& app, CommandOptions& options) {
  options.processes = std::max(std::thread::hardware_concurrency(), 1U);
  app.add_option("--endpoint", options.config.endpoint, "the broker")
      ->envname("JOINERY_ENDPOINT")
      ->capture_default_str();
  app.add_flag("!--no-worker", options.worker,
               "start none; some run elsewhere (joinery-crawl worker) and share the directory");
  app.add_option("--processes", options.processes, "of the worker")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  app.add_option("--threads", options.threads, "fetches at a time in each")
      ->check(CLI::Range(1, 63))
      ->capture_default_str();
}

// May be given several times, each with one value: what follows is no more of it.
void add_each(CLI::App& app, const std::string& name, std::vector<std::string>& values,
              const std::string& help) {
  app.add_option(name, values, help)->allow_extra_args(false);
}

void add_crawl_options(CLI::App& app, CommandOptions& options) {
  CrawlConfig& config = options.config;
  app.add_option("URL", config.seeds, "where to begin")->required();
  app.add_option("-o,--output", options.directory, "directory of the crawl")->default_str("crawl");
  const auto scope = app.add_option_group("Scope");
  scope->add_option("--depth", config.depth, "links from a URL, at most")->capture_default_str();
  scope->add_option("--pages", config.pages, "stop after about so many; 0: no limit")->capture_default_str();
  add_each(*scope, "--host", config.hosts, "further hosts (with :PORT unless it is the usual one)");
  scope->add_flag("--any-host", options.any_host, "follow links to every host");
  scope->add_flag("--whole-host", options.whole_host, "not only pages below the folders of the URLs");
  add_each(*scope, "--include", config.include,
           "regular expression (POSIX extended): one must match the address");
  add_each(*scope, "--exclude", config.exclude, "regular expression: none may match");
  add_each(*scope, "--type", config.types,
           "content types that are kept, as text/html or image/; else all. Pages are read all the same");
  scope->add_flag("!--no-resources", config.resources, "no images, scripts, style sheets");
  add_each(*scope, "--sitemap", config.sitemap_urls, "URL of a sitemap, whose pages are taken too");
  scope->add_flag("--sitemaps", config.sitemaps, "take the sitemaps that robots.txt names");
  const auto manners = app.add_option_group("Manners");
  add_time(*manners, "--delay", config.delay_ms,
           "between two requests to a host; its Crawl-delay, if longer");
  manners->add_option("--per-host", config.per_host, "requests at a time to a host")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  manners->add_option("--user-agent", config.user_agent, "its first word is who we are in robots.txt")
      ->check(check_header_text)
      ->capture_default_str();
  manners->add_flag("!--no-robots", config.robots, "do not ask for robots.txt: for hosts of your own");
  manners->add_flag("!--ignore-nofollow", config.nofollow, "follow nofollow links");
  const auto fetch = app.add_option_group("Fetches");
  add_time(*fetch, "--timeout", config.timeout_ms, "for a page, in all");
  fetch->add_option("--size-max", config.body_max, "bytes of a page, as sent")
      ->transform(CLI::AsSizeValue(false))
      ->capture_default_str();
  fetch->add_option("--attempts", config.attempts, "if it may go better another time")
      ->check(CLI::Range(1, 100))
      ->capture_default_str();
  add_time(*fetch, "--retry", config.retry_ms, "before the second attempt, then twice as long each time");
  fetch->add_option("--ca-file", config.ca_file, "certificates (PEM) to trust, instead of the system's")
      ->check(CLI::ExistingFile);
  fetch
      ->add_option("--previous", config.previous,
                   "directory of an earlier crawl: what has not changed is not sent again")
      ->check(CLI::ExistingDirectory);
  const auto output = app.add_option_group("Output");
  output->add_flag("!--no-warc", config.warc, "keep no pages");
  output->add_flag("!--no-links", config.links,
                   "keep no link graph; dead links are then told without where they are linked from");
}

constexpr const char* examples =
    "Examples:\n"
    "  joinery-crawl https://example.org/docs/ -o docs\n"
    "  joinery-crawl http://localhost:8080/ --delay 0 --per-host 16 --no-robots\n"
    "  joinery-crawl resume docs          go on after whatever ended it\n"
    "  joinery-crawl cancel docs          all that waits; what runs is stopped\n"
    "  joinery-crawl report docs          docs/report.html of what there is so far\n"
    "  joinery-crawl worker --queues crawl-7 --threads 16      on another host: takes the options of "
    "joinery-worker\n"
    "It ends when the last page is done. A broker must run: joinery up.\n";

}  // namespace

std::optional<int> parse_command(int argc, char** argv, CommandOptions& options) {
  options.config.endpoint = "tcp://127.0.0.1:7733";
  options.directory = "crawl";
  CLI::App app("a web crawler on a Joinery broker", "joinery-crawl");
  app.footer(examples);
  const std::string first = argc > 1 ? argv[1] : "";
  using What = CommandOptions::What;
  const std::pair<const char*, What> verbs[] = {
      {"resume", What::resume}, {"cancel", What::cancel}, {"report", What::report}};
  for (const auto& [verb, what] : verbs) {
    if (first == verb) options.what = what;
  }
  if (options.what == What::crawl) {
    add_crawl_options(app, options);
  } else {
    app.name("joinery-crawl " + first);
    app.add_option("DIR", options.directory, "directory of the crawl")->required();
    --argc;
    ++argv;
  }
  add_worker_options(app, options);
  try {
    app.parse(argc, argv);
    static_cast<void>(Scope(options.config));
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 64;
  } catch (const std::invalid_argument& error) {
    std::cerr << "joinery-crawl: " << error.what() << '\n';
    return 64;
  }
  return std::nullopt;
}

}  // namespace crawler
