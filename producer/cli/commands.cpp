#include "producer/cli/command.h"

namespace joinery::cli {
namespace {

constexpr const char* daily = "Daily";
constexpr const char* looking = "Looking and tending";

constexpr Command table[] = {
    {"up", daily, "start a broker and a worker here; Ctrl-C stops both", define_up},
    {"down", daily, "stop what `joinery up` started", define_down},
    {"submit", daily, "submit one job", define_submit},
    {"map", daily, "submit a job for each line, item or argument, and wait", define_map},
    {"join", daily, "wait until a queue, a batch or jobs are finished", define_join},
    {"result", daily, "wait for jobs and print their results", define_result},
    {"cancel", daily, "cancel jobs", define_cancel},
    {"status", daily, "what is there, and how much waits", define_status},
    {"explain", daily, "why jobs do not run", define_explain},
    {"stats", looking, "status with journal, memory and traffic", define_stats},
    {"queue ls", "", "list the queues", define_queue_ls},
    {"queue show", "", "one queue", define_queue_show},
    {"queue pause", "", "hand out no more jobs of a queue", define_queue_pause},
    {"queue resume", "", "hand them out again", define_queue_resume},
    {"queue purge", "", "cancel every job that waits in a queue", define_queue_purge},
    {"queue configure", "", "change mode, durability, maxsize or fairness", define_queue_configure},
    {"job ls", "", "list unfinished jobs", define_job_ls},
    {"job show", "", "all that is known of jobs, and why they do not run", define_job_show},
    {"job retry", "", "run failed jobs again", define_job_retry},
    {"job update", "", "change priority or time of jobs that wait", define_job_update},
    {"job move", "", "move jobs to another queue", define_job_move},
    {"job cancel", "", "cancel jobs", define_cancel},
    {"dead ls", "", "list failed jobs", define_dead_ls},
    {"dead show", "", "all that is known of failed jobs", define_dead_show},
    {"dead retry", "", "run failed jobs again", define_dead_retry},
    {"dead delete", "", "forget failed jobs", define_dead_delete},
    {"limit set", "", "limit what runs of a key", define_limit_set},
    {"limit ls", "", "list the limits", define_limit_ls},
    {"limit rm", "", "take a limit back", define_limit_rm},
    {"worker ls", "", "list the workers", define_worker_ls},
    {"lock ls", "", "who holds which lock, and who waits", define_lock_ls},
    {"batch open", "", "open a batch and print its id", define_batch_open},
    {"batch show", "", "counts of a batch", define_batch_show},
    {"batch close", "", "let a held batch finish", define_batch_close},
    {"batch cancel", "", "cancel every unfinished job of a batch", define_batch_cancel},
    {"flow submit", "", "submit a graph of jobs from a JSON file", define_flow_submit},
};

constexpr Noun noun_table[] = {
    {"queue", looking, "ls, show, pause, resume, purge, configure"},
    {"job", looking, "ls, show, retry, update, move, cancel"},
    {"dead", looking, "ls, show, retry, delete: jobs that failed for good"},
    {"limit", looking, "ls, set, rm: of the keys of jobs"},
    {"worker", looking, "ls"},
    {"lock", looking, "ls: shared locks and semaphores"},
    {"batch", looking, "open, show, close, cancel"},
    {"flow", looking, "submit: jobs that come after each other, from a file"},
};

}  // namespace

std::span<const Command> commands() { return table; }
std::span<const Noun> nouns() { return noun_table; }

}  // namespace joinery::cli
