#ifndef SWIFT_MESOS_C_PROCESS_LAUNCH_H
#define SWIFT_MESOS_C_PROCESS_LAUNCH_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

// The step of a launch that failed.
enum swift_mesos_launch_stage {
  SWIFT_MESOS_STAGE_NONE = 0,
  SWIFT_MESOS_STAGE_FORK = 1,
  SWIFT_MESOS_STAGE_SESSION = 2,
  SWIFT_MESOS_STAGE_DIRECTORY = 3,
  SWIFT_MESOS_STAGE_STDIN = 4,
  SWIFT_MESOS_STAGE_STDOUT = 5,
  SWIFT_MESOS_STAGE_STDERR = 6,
  SWIFT_MESOS_STAGE_DESCRIPTORS = 7,
  SWIFT_MESOS_STAGE_GROUPS = 8,
  SWIFT_MESOS_STAGE_GROUP = 9,
  SWIFT_MESOS_STAGE_USER = 10,
  SWIFT_MESOS_STAGE_EXECUTE = 11,
  SWIFT_MESOS_STAGE_HOLD = 12,
};

// Where an output stream of the child goes: `path` when it is not null, else a copy of `descriptor`.
struct swift_mesos_output {
  const char *path;
  int descriptor;
};

struct swift_mesos_launch {
  char *const *candidates;  // null-terminated paths, tried in order like execvp does
  char *const *arguments;   // null-terminated
  char *const *environment; // null-terminated
  const char *directory;    // null: the caller's
  int input;                // a descriptor of which a copy becomes standard input, or -1 for /dev/null
  struct swift_mesos_output output;
  struct swift_mesos_output error;
  int gives_files;          // files made for output belong to these two
  uid_t file_uid;
  gid_t file_gid;
  int new_session;
  int switch_user;
  uid_t uid;
  gid_t gid;
  const gid_t *groups;
  size_t group_count;
  // A stream socket, or -1. A child that has one writes its pid there when only the program is left to be executed, and executes
  // it once it reads a byte; it ends when the other end is closed, as it is when the launching process dies.
  int hold;
};

struct swift_mesos_launch_failure {
  int stage;
  int error;
};

// Starts a child; returns its pid once the program is executed, or -1 with `failure` filled in and no child left. With `hold` the
// calling thread is stopped for as long as the child is held back, and no other thread is.
pid_t swift_mesos_launch(const struct swift_mesos_launch *request, struct swift_mesos_launch_failure *failure);

// A close-on-exec descriptor that becomes readable when the process ends, or -1 with errno.
int swift_mesos_pidfd_open(pid_t pid);

// Sends a signal to the process behind a pidfd: 0, or -1 with errno.
int swift_mesos_pidfd_signal(int pidfd, int signal);

// Takes the status of a child behind a pidfd without blocking.
// 1: `*exited` tells an exit (status is its code) from a signal (status is its number, `*dumped` a core dump);
// 0: still running; -1: errno says why (ECHILD: not a child of this process, or taken before).
int swift_mesos_pidfd_reap(int pidfd, int *exited, int *status, int *dumped);

// A set of descriptors to wait on from one thread; each carries a token. All return -1 with errno on failure.
int swift_mesos_watch_create(void);
int swift_mesos_watch_event(void);
int swift_mesos_watch_add(int set, int descriptor, uint64_t token);
int swift_mesos_watch_remove(int set, int descriptor);
// Waits without limit; writes the tokens of up to `capacity` readable descriptors and returns how many.
int swift_mesos_watch_wait(int set, uint64_t *tokens, int capacity);

#endif
