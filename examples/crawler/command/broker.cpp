#include "command/broker.h"

#include "crawl/children.h"

namespace crawler {

Json ask(joinery::Client& client, const std::string& verb, const Json& arguments) {
  const std::vector<std::uint8_t> packed = Json::to_msgpack(arguments);
  const joinery::Buffer reply =
      client.request(verb, {reinterpret_cast<const char*>(packed.data()), packed.size()});
  return Json::from_msgpack(reply);
}

void open_crawl(joinery::Client& client, CrawlConfig& config) {
  config.batch = client.open_batch("crawl of " + config.seeds.front().substr(0, 200));
  config.queue = "crawl-" + std::to_string(config.batch);
  // As durable as what the crawl writes: it survives every death, and loses at most a second with the power.
  ask(client, "queue.configure", {{"queue", config.queue}, {"fair", true}, {"durability", "interval"}});
  Json limit{{"pattern", config.key_of("*")}, {"concurrency", config.per_host}};
  if (config.delay_ms != 0) limit["interval_ms"] = config.delay_ms;
  ask(client, "limit.set", limit);
}

void close_crawl(joinery::Client& client, const CrawlConfig& config) {
  try {
    ask(client, "limit.delete", {{"pattern", config.key_of("*")}});
  } catch (const joinery::ClientError& error) {
    if (error.code() != joinery::Code::invalid_argument) throw;  // it has gone already
  }
}

void submit_seeds(joinery::Client& client, const CrawlConfig& config, const std::string& directory) {
  const auto submit = [&](const std::string& seed, VisitKind kind) {
    const auto url = parse_url(seed);
    if (!url) throw std::invalid_argument("'" + seed + "' is no address: " + url.error());
    const Visit visit{.directory = directory,
                      .url = url->text(),
                      .kind = kind,
                      .depth = 0,
                      .hops = 0,
                      .from = {},
                      .parent = 0,
                      .parent_fence = 0,
                      .origin = {}};
    joinery::SubmitOptions options;
    options.queue = config.queue;
    options.spec = spec_of(config);
    options.batch = config.batch;
    options.key = config.key_of(url->authority());
    options.unique_key = unique_key_of(url->text());
    client.submit(visit_handler, joinery::pack(visit), options).get();
  };
  for (const std::string& seed : config.seeds) submit(seed, VisitKind::page);
  for (const std::string& sitemap : config.sitemap_urls) submit(sitemap, VisitKind::sitemap);
}

}  // namespace crawler
