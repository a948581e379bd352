// The option table of joinery-worker, and the command line that it becomes for the built-in pool.
#include <fmt/format.h>
#include <unistd.h>

#include <charconv>
#include <sstream>

#include "shared/job/job.h"
#include "shared/job/limit.h"
#include "shared/transport/endpoint.h"
#include "worker/supervisor/supervisor.h"

namespace joinery::worker {
namespace {

Result<std::uint32_t> parse_processes(const std::string& pool, const std::string& text) {
  std::uint32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || value == 0 || value > 1024) {
    return fail(Code::invalid_config, "expected a number of processes from 1 to 1024, got \"" + text + "\"",
                "handler." + pool + ".processes");
  }
  return value;
}

// "sh -c foo" as "sh", "-c", "foo".
std::string quoted_words(const std::string& line) {
  std::istringstream words(line);
  std::string out;
  for (std::string word; words >> word;) out += (out.empty() ? "\"" : ", \"") + word + "\"";
  return out;
}

// No shell is involved, so that a whole command line would be taken for the name of a program.
Result<> check_command(const std::string& pool, const std::vector<std::string>& command) {
  const std::string field = "handler." + pool + ".command";
  if (command.empty() || command.front().empty()) {
    return fail(Code::invalid_config, "expected an array: the program and its arguments", field);
  }
  const std::string& program = command.front();
  if (command.size() > 1 || program.find_first_of(" \t") == std::string::npos) return {};
  if (::access(program.c_str(), X_OK) == 0) return {};
  return fail(Code::invalid_config,
              "command = \"" + program + "\" names one program; expected an array of words: command = [" +
                  quoted_words(program) + "]",
              field);
}

Result<> check_queues(const std::vector<std::string>& queues) {
  if (queues.empty())
    return fail(Code::invalid_config, "no queue is named; the worker would get no job", "queues");
  for (const std::string& queue : queues)
    if (auto valid = validate_name(queue, "queues"); !valid) return valid;
  return {};
}

// One table [handler.NAME]: a program that speaks the pool-process protocol.
Result<CommandPool> parse_pool(const std::string& name, const config::Options::Table& entries) {
  CommandPool pool;
  pool.name = name;
  for (const auto& [key, values] : entries) {
    if (key == "command") pool.command = values;
    if (key == "processes") {
      const auto count = parse_processes(name, values.empty() ? "" : values.front());
      if (!count) return std::unexpected(count.error());
      pool.processes = *count;
    }
  }
  if (auto sound = check_command(name, pool.command); !sound) return std::unexpected(sound.error());
  return pool;
}

}  // namespace

Result<std::vector<std::uint32_t>> queue_weights(const SupervisorOptions& options) {
  std::vector<std::uint32_t> weights;
  for (const std::string& text : options.weights) {
    std::uint32_t weight = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), weight);
    if (error != std::errc{} || end != text.data() + text.size() || weight == 0 ||
        weight > limits::weight_max)
      return fail(Code::invalid_config,
                  fmt::format("weights has \"{}\", expected numbers from 1 to {}", text, limits::weight_max),
                  "weights");
    weights.push_back(weight);
  }
  if (weights.empty() || weights.size() == options.queues.size()) return weights;
  return fail(Code::invalid_config,
              fmt::format("weights has {} numbers for {} queues; expected one for each, or none",
                          weights.size(), options.queues.size()),
              "weights");
}

void add_options(config::Options& table, SupervisorOptions& options) {
  table.add("endpoint", options.endpoint, "ZeroMQ endpoint of the broker");
  table.check("endpoint", transport::check_remote);
  table.add("name", options.name, "name of this worker in `joinery worker ls` (default: host:pid)");
  table.add("queues", options.queues, "queues to serve; the first with a job that can run goes first");
  table.check("queues", check_queues);
  table.add("weights", options.weights, "a number for each queue: they take turns, so many jobs at a time");
  table.add("processes", options.processes, "pool processes; 0: one per core", 0, 1024);
  table.add("threads", options.threads, "handlers at a time in each pool process", 1, 63);
  table.add("concurrency", options.concurrency, "jobs at a time on each thread, whose handlers wait", 1,
            1023);
  table.add("prefetch", options.prefetch, "jobs held ahead per thread; 0: by how long they run", 0, 65'536);
  table.add("max-jobs-per-process", options.max_jobs_per_process,
            "a pool process is replaced after so many jobs; 0: never");
  table.add("memory-limit", options.memory_limit,
            "resident memory at which a pool process is killed, looked at twice a second; 0: no limit");
  table.add("drain-timeout", options.drain_timeout, "after SIGTERM, running jobs may go on for so long");
  table.add("burst", options.burst, "exit when the broker has nothing more to run");
  table.add("allow-exec", options.allow_exec, "offer the handler exec, which runs any command");
  table.add("noop", options.noop, "offer the handlers noop and clock, for measuring");
  table.add("plugin", options.plugins, "shared library with handlers");
  table.add("exec.output_max", options.exec_output_max,
            "bytes kept of a command's stdout, and of its stderr");
  table.add("log.level", options.log_level, "least severity that is logged", config::log_levels);
  table.add("health-file", options.health_file, "file written every few seconds, for --health");
  table.add("health", options.health, "exit 0 if the worker that writes health_file is well, else 1");
  table.add("ready-fd", options.ready_fd,
            "write a line to this descriptor when the broker has welcomed the worker; 0: do not");
  table.tables("handler", {"command", "processes"},
               [&options](const std::string& name, const config::Options::Table& entries) -> Result<> {
                 auto pool = parse_pool(name, entries);
                 if (!pool) return std::unexpected(pool.error());
                 options.pools.push_back(std::move(*pool));
                 return {};
               });
  table.examples(
      "  joinery-worker --allow-exec                      run commands, one process per core\n"
      "  joinery-worker --plugin ./mail.so --queues mail  handlers of a plug-in, one queue\n"
      "  joinery-worker --allow-exec --burst              work until nothing is left, then exit\n");
}

std::vector<std::string> pool_arguments(const SupervisorOptions& options) {
  std::vector<std::string> arguments{"--pool-process",
                                     "--threads",
                                     std::to_string(options.threads),
                                     "--concurrency",
                                     std::to_string(options.concurrency),
                                     "--exec-output-max",
                                     std::to_string(options.exec_output_max.value),
                                     "--log-level",
                                     options.log_level};
  if (options.allow_exec) arguments.emplace_back("--allow-exec");
  if (options.noop) arguments.emplace_back("--noop");
  for (const auto& file : options.plugins) {
    arguments.emplace_back("--plugin");
    arguments.push_back(file);
  }
  return arguments;
}

}  // namespace joinery::worker
