// joinery-crawl: a web crawler on a Joinery broker. A command, and the worker that does its jobs.
#include <joinery/worker.h>

#include <cstdio>
#include <string_view>

#include "command/crawl.h"
#include "crawl/site.h"
#include "crawl/visitor.h"

namespace {

int run_worker(int argc, char** argv) {
  joinery::Worker worker;
  crawler::Sites sites;
  worker.handle(crawler::visit_handler, [&sites](joinery::JobContext& job, const crawler::Visit& visit) {
    crawler::Visitor(sites.at(visit.directory), job, visit).run();
  });
  return worker.run(argc, argv);
}

}  // namespace

int main(int argc, char** argv) try {
  const std::string_view first = argc > 1 ? argv[1] : "";
  if (first == "worker") return run_worker(argc - 1, argv + 1);
  if (first.starts_with("--pool-process")) return run_worker(argc, argv);
  crawler::CommandOptions options;
  if (const auto code = crawler::parse_command(argc, argv, options)) return *code;
  using What = crawler::CommandOptions::What;
  switch (options.what) {
    case What::crawl: return crawler::begin_crawl(options);
    case What::resume: return crawler::resume_crawl(options);
    case What::cancel: return crawler::cancel_crawl(options);
    case What::report: return crawler::report_crawl(options);
  }
} catch (const std::exception& error) {
  std::fprintf(stderr, "joinery-crawl: %s\n", error.what());
  return 1;
}
