// The handler of the crawl's jobs: one request to one server, what came of it on disk, and where it leads as
// child jobs. Never a second request: the limits of the queue count jobs.
//
// - A page whose host's robots.txt nobody has read: reads that, and leaves the page to a child, whose turn
// comes after the delay.
// - A redirect is a child, too: its target has a host, a robots.txt and a claim of its own.
// - What may go better another time fails the attempt (the queue tries again, by the job's budget); what does
// not is an
//   answer, and the job has succeeded.
#pragma once

#include "crawl/site.h"
#include "crawl/visit.h"
#include "worker/handlers/registry.h"

namespace crawler {

class Visitor {
 public:
  Visitor(Site& site, joinery::JobContext& job, Visit visit);
  void run();

 private:
  // False: this delivery is used up for robots.txt, or the page may not be visited.
  bool may_visit();
  void read_robots(const Url& at, const std::string& origin);
  void take_robots(const std::string& text, const std::string& origin);
  void follow_robots(const Fetched& fetched, const Url& at, const std::string& origin);

  void visit_page();
  Fetched fetch(FetchRequest request);
  // Politeness, in the queue: no job of the host starts before the pause from now is over, on any worker.
  void keep_away(const std::string& authority, Milliseconds pause);
  void write_warc(const Fetched& fetched, const std::string& digest);
  void take_answer(Fetched fetched);
  void take_redirect(const Fetched& fetched);
  void take_body(const Fetched& fetched, std::string body);
  void take_page(const Fetched& fetched, std::string body);
  void take_sitemap(std::string body);
  void take_unchanged(const Fetched& fetched);
  void take_validators(const Fetched& fetched);

  void follow(const std::vector<Link>& links);
  void submit(const Url& url, VisitKind kind, std::uint32_t depth, std::uint32_t hops);
  void submit_again(std::uint64_t delay_ms);
  void write_links(const std::vector<Link>& links);
  void record_error(std::string_view error, std::string_view message);
  // Writes what is known so far, then fails the attempt.
  [[noreturn]] void try_again(std::string_view error, const std::string& message);

  Site& site_;
  joinery::JobContext& job_;
  const Visit visit_;
  const Url url_;
  const Known::Delivery self_;
  Json line_;
  std::vector<Known::Hash> submitted_;
};

}  // namespace crawler
