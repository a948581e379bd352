// A worker whose jobs wait for a word, and then write everywhere a job can write.
#include <joinery/job_manager.h>
#include <joinery/locks.h>
#include <joinery/pack.h>
#include <joinery/worker.h>
#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <fstream>
#include <iostream>
#include <string>
#include <thread>
#include <vector>

using namespace std::chrono_literals;

int main(int argc, char** argv) {
  joinery::Worker worker;
  // The first attempt waits for the file GO after it has said that it has begun; then it is late.
  worker.handle("late", [](joinery::JobContext& job, std::string directory) {
    const auto manager = joinery::manager(job);
    joinery::Lock lock(manager, "shop", {.lease = 500ms});
    lock.lock();
    const std::string attempt = std::to_string(job.attempt());
    std::ofstream(directory + "/began-" + attempt) << ::getpid();
    while (job.attempt() == 1 && ::access((directory + "/GO").c_str(), F_OK) != 0)
      std::this_thread::sleep_for(1ms);
    job.progress(0.5, "attempt " + attempt);
    joinery::Group child;
    child.spec.handler = "child";
    child.queue = "children";
    child.payloads = {"\xc0"};
    job.submit(std::move(child));
    std::string found = "released";
    try {
      lock.release();
    } catch (const joinery::LockLost&) {
      found = "lost";
    }
    std::ofstream(directory + "/lock-" + attempt + ".new") << found;
    std::rename((directory + "/lock-" + attempt + ".new").c_str(), (directory + "/lock-" + attempt).c_str());
    return "attempt " + attempt;
  });
  // Submits two of itself until the depth is reached.
  worker.handle("grow", [](joinery::JobContext& job, int depth) {
    if (depth == 0) return;
    for (int i = 0; i < 2; ++i) job.submit("grow", joinery::pack(depth - 1));
  });
  worker.handle_raw("slow", [](joinery::JobContext&, joinery::Bytes) {
    std::this_thread::sleep_for(1ms);
    return joinery::Buffer();
  });
  worker.handle("crash", [](joinery::JobContext& job, std::string trail) {
    std::ofstream(trail, std::ios::app) << job.attempt() << "\n";
    std::cerr << "the last words" << std::endl;
    job.progress(0.25, "a quarter");
    std::this_thread::sleep_for(std::chrono::milliseconds(200));  // works on: progress is not sent at once
    ::signal(SIGSEGV, SIG_DFL);                                   // a sanitizer would tell of it and exit
    ::raise(SIGSEGV);
  });
  // Waits for the file GO after it has said which process it is; then takes far more memory than it is given.
  worker.handle("eat", [](joinery::JobContext&, std::string directory) {
    std::ofstream(directory + "/eats.new") << ::getpid();
    std::rename((directory + "/eats.new").c_str(), (directory + "/eats").c_str());
    while (::access((directory + "/GO").c_str(), F_OK) != 0) std::this_thread::sleep_for(1ms);
    std::vector<std::string> eaten;
    while (eaten.size() < 512) eaten.emplace_back(std::size_t{1} << 20U, 'x');
    return eaten.size();
  });
  return worker.run(argc, argv);
}
