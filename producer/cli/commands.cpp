#include "producer/cli/command.h"

namespace joinery::cli {
namespace {

constexpr const char* daily = "Daily";
constexpr const char* looking = "Looking and tending";

constexpr Command table[] = {
    {"up", daily, "start a broker and a worker here; Ctrl-C stops both", define_up},
    {"down", daily, "stop what `joinery up` started", define_down,
     "  joinery down\n  joinery down --data-dir /var/tmp/jobs"},
    {"submit", daily, "submit one job", define_submit},
    {"map", daily, "submit a job for each line, item or argument, and wait", define_map},
    {"join", daily, "wait until a queue, a batch or jobs are finished", define_join},
    {"result", daily, "wait for jobs and print their results", define_result},
    {"cancel", daily, "cancel jobs", define_cancel,
     "  joinery cancel 17 18\n  joinery cancel --batch 3 --grace 10s    running ones have 10 s to stop"},
    {"status", daily, "what is there, and how much waits", define_status, "  joinery status --json"},
    {"explain", daily, "why jobs do not run", define_explain},
    {"stats", looking, "status with journal, memory and traffic", define_stats, "  joinery stats --json"},
    {"bench", looking, "measure this machine: jobs per second, latencies, what a job costs", define_bench},
    {"queue ls", "", "list the queues", define_queue_ls, "  joinery queue ls"},
    {"queue show", "", "one queue", define_queue_show, "  joinery queue show mail"},
    {"queue pause", "", "hand out no more jobs of a queue", define_queue_pause,
     "  joinery queue pause mail --reason 'smtp is down'"},
    {"queue resume", "", "hand them out again", define_queue_resume, "  joinery queue resume mail"},
    {"queue purge", "", "cancel every job that waits in a queue", define_queue_purge,
     "  joinery queue purge mail"},
    {"queue configure", "", "change its options, and the defaults of its jobs", define_queue_configure},
    {"queue forget", "", "forget the jobs of a queue that have ended", define_queue_forget,
     "  joinery queue forget mail --older-than 1d"},
    {"job ls", "", "list unfinished or finished jobs", define_job_ls,
     "  joinery job ls --queue mail --state ready\n  joinery job ls --finished --newer-than 1h"},
    {"job show", "", "all that is known of jobs, and why they do not run", define_job_show,
     "  joinery job show 17 --payload\n  joinery job show 17 --follow"},
    {"job retry", "", "run failed jobs again", define_job_retry, "  joinery job retry 17"},
    {"job update", "", "change priority or time of jobs that wait", define_job_update,
     "  joinery job update 17 --priority -5"},
    {"job move", "", "move jobs to another queue", define_job_move, "  joinery job move 17 18 --to slow"},
    {"job cancel", "", "cancel jobs", define_cancel, "  joinery job cancel 17 18"},
    {"dead ls", "", "list failed jobs", define_dead_ls, "  joinery dead ls --queue mail"},
    {"dead show", "", "all that is known of failed jobs", define_dead_show, "  joinery dead show 17"},
    {"dead retry", "", "run failed jobs again", define_dead_retry,
     "  joinery dead retry --queue mail\n  joinery dead retry 17 18"},
    {"dead delete", "", "forget failed jobs", define_dead_delete, "  joinery dead delete --all"},
    {"limit set", "", "limit what runs of a key", define_limit_set},
    {"limit ls", "", "list the limits", define_limit_ls, "  joinery limit ls"},
    {"limit rm", "", "take a limit back", define_limit_rm, "  joinery limit rm 'host:*'"},
    {"schedule add", "", "submit a job again and again, by cron", define_schedule_add},
    {"schedule ls", "", "list the schedules", define_schedule_ls, "  joinery schedule ls"},
    {"schedule show", "", "one schedule, with its next times", define_schedule_show,
     "  joinery schedule show nightly"},
    {"schedule rm", "", "remove a schedule", define_schedule_rm, "  joinery schedule rm nightly"},
    {"schedule run", "", "submit its job once now", define_schedule_run, "  joinery schedule run nightly"},
    {"schedule pause", "", "submit nothing until it is resumed", define_schedule_pause,
     "  joinery schedule pause nightly --reason 'the disk is full'"},
    {"schedule resume", "", "go on with it", define_schedule_resume, "  joinery schedule resume nightly"},
    {"worker ls", "", "list the workers", define_worker_ls, "  joinery worker ls"},
    {"lock ls", "", "who holds which lock, and who waits", define_lock_ls},
    {"batch open", "", "open a batch and print its id", define_batch_open,
     "  joinery batch open nightly              prints its id, for submit --batch ID"},
    {"batch ls", "", "batches, with their counts", define_batch_ls, "  joinery batch ls"},
    {"batch show", "", "counts of a batch", define_batch_show, "  joinery batch show 3"},
    {"batch close", "", "let a held batch finish", define_batch_close, "  joinery batch close 3"},
    {"batch cancel", "", "cancel every unfinished job of a batch", define_batch_cancel,
     "  joinery batch cancel 3"},
    {"flow submit", "", "submit a graph of jobs from a JSON file", define_flow_submit},
};

constexpr Noun noun_table[] = {
    {"queue", looking, "ls, show, pause, resume, purge, configure, forget"},
    {"job", looking, "ls, show, retry, update, move, cancel"},
    {"dead", looking, "ls, show, retry, delete: jobs that failed for good"},
    {"limit", looking, "ls, set, rm: of the keys of jobs"},
    {"schedule", looking, "add, ls, show, rm, run, pause, resume: jobs by cron"},
    {"worker", looking, "ls"},
    {"lock", looking, "ls: shared locks and semaphores"},
    {"batch", looking, "open, ls, show, close, cancel"},
    {"flow", looking, "submit: jobs that come after each other, from a file"},
};

}  // namespace

std::span<const Command> commands() { return table; }
std::span<const Noun> nouns() { return noun_table; }

}  // namespace joinery::cli
