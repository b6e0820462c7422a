#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif
#include "CProcessLaunch.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#ifdef __linux__
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>

#ifndef SYS_pidfd_send_signal
#define SYS_pidfd_send_signal 424
#endif
#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif
#ifndef SYS_close_range
#define SYS_close_range 436
#endif
#define SWIFT_MESOS_P_PIDFD 3

// Everything below, down to `run_child`, runs in a child that borrows its parent's memory: system calls only, no
// library state. Identities change through raw system calls because the C library's wrappers would change every
// thread of the parent.

static void fail(struct swift_mesos_launch_failure *failure, int stage) {
  failure->stage = stage;
  failure->error = errno;
  _exit(127);
}

// Opens a file to append to. A link in the last place is refused and nothing blocks: the folder belongs to the task's
// user, who must not lead a privileged launcher elsewhere. Only a file made here is given away.
static int open_output(const struct swift_mesos_launch *request, const char *path) {
  const int flags = O_WRONLY | O_APPEND | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
  for (int attempt = 0; attempt < 3; attempt++) {
    int descriptor = open(path, flags);
    if (descriptor < 0 && errno == ENOENT) {
      descriptor = open(path, flags | O_CREAT | O_EXCL, 0600);
      if (descriptor < 0 && errno == EEXIST) continue;
      if (descriptor < 0) return -1;
      if (request->gives_files && syscall(SYS_fchown, descriptor, request->file_uid, request->file_gid) < 0) return -1;
      if (fchmod(descriptor, 0644) < 0) return -1;
    }
    if (descriptor < 0) return -1;
    int status = fcntl(descriptor, F_GETFL);
    if (status < 0 || fcntl(descriptor, F_SETFL, status & ~O_NONBLOCK) < 0) return -1;
    return descriptor;
  }
  return -1;
}

// A copy above the standard streams, so that none of them is overwritten before it is used.
static int lift(int descriptor) { return fcntl(descriptor, F_DUPFD_CLOEXEC, 3); }

static int close_from(int first) {
  if (syscall(SYS_close_range, first, ~0U, 0) == 0) return 0;
  if (errno != ENOSYS) return -1;
  long limit = sysconf(_SC_OPEN_MAX);
  if (limit < 0 || limit > 1048576) limit = 1048576;
  for (int descriptor = first; descriptor < limit; descriptor++) close(descriptor);
  return 0;
}

// Says that the child is ready and waits for leave to go on. Every signal but the two that nobody can block is held back, too: one
// that comes meanwhile takes effect afterwards.
static void wait_for_leave(int hold, struct swift_mesos_launch_failure *failure) {
  pid_t pid = (pid_t)syscall(SYS_getpid);
  if (send(hold, &pid, sizeof pid, MSG_NOSIGNAL) != sizeof pid) fail(failure, SWIFT_MESOS_STAGE_HOLD);
  char leave;
  ssize_t count;
  do {
    count = read(hold, &leave, 1);
  } while (count < 0 && errno == EINTR);
  if (count == 0) errno = ECANCELED;
  if (count != 1) fail(failure, SWIFT_MESOS_STAGE_HOLD);
}

static void reset_signals(void) {
  // The kernel's own structure, all zero: the default action. The library's call refuses the signals that it keeps for itself,
  // which a parent may have left ignored all the same.
  unsigned long action[8];
  memset(action, 0, sizeof action);
  for (int number = 1; number <= 64; number++) syscall(SYS_rt_sigaction, number, action, NULL, 8);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
}

static __attribute__((noinline, noreturn)) void run_child(
    const struct swift_mesos_launch *request, struct swift_mesos_launch_failure *failure) {
  if (request->new_session && setsid() < 0) fail(failure, SWIFT_MESOS_STAGE_SESSION);
  if (request->directory && chdir(request->directory) < 0) fail(failure, SWIFT_MESOS_STAGE_DIRECTORY);

  // Above the standard streams, so that none of them takes its place.
  int hold = request->hold;
  if (hold >= 0 && (hold = lift(hold)) < 0) fail(failure, SWIFT_MESOS_STAGE_HOLD);
  int input = request->input >= 0 ? request->input : open("/dev/null", O_RDONLY | O_CLOEXEC);
  if (input < 0 || (input = lift(input)) < 0) fail(failure, SWIFT_MESOS_STAGE_STDIN);
  int output = request->output.path ? open_output(request, request->output.path) : request->output.descriptor;
  if (output < 0 || (output = lift(output)) < 0) fail(failure, SWIFT_MESOS_STAGE_STDOUT);
  int error = request->error.path ? open_output(request, request->error.path) : request->error.descriptor;
  if (error < 0 || (error = lift(error)) < 0) fail(failure, SWIFT_MESOS_STAGE_STDERR);
  if (dup2(input, 0) < 0) fail(failure, SWIFT_MESOS_STAGE_STDIN);
  if (dup2(output, 1) < 0) fail(failure, SWIFT_MESOS_STAGE_STDOUT);
  if (dup2(error, 2) < 0) fail(failure, SWIFT_MESOS_STAGE_STDERR);
  // No copy of another launch's socket may stay open here while the child is held: that launch's child would wait for it.
  if (hold >= 0 && hold != 3 && dup3(hold, 3, O_CLOEXEC) < 0) fail(failure, SWIFT_MESOS_STAGE_HOLD);
  if (close_from(hold >= 0 ? 4 : 3) < 0) fail(failure, SWIFT_MESOS_STAGE_DESCRIPTORS);

  if (request->switch_user) {
    if (syscall(SYS_setgroups, request->group_count, request->groups) < 0) fail(failure, SWIFT_MESOS_STAGE_GROUPS);
    if (syscall(SYS_setresgid, request->gid, request->gid, request->gid) < 0) fail(failure, SWIFT_MESOS_STAGE_GROUP);
    if (syscall(SYS_setresuid, request->uid, request->uid, request->uid) < 0) fail(failure, SWIFT_MESOS_STAGE_USER);
  }

  if (hold >= 0) wait_for_leave(3, failure);
  reset_signals();
  int denied = 0;
  for (char *const *candidate = request->candidates; *candidate; candidate++) {
    execve(*candidate, request->arguments, request->environment);
    if (errno == EACCES) {
      denied = 1;
    } else if (errno != ENOENT && errno != ENOTDIR && errno != ENAMETOOLONG && errno != ELOOP) {
      fail(failure, SWIFT_MESOS_STAGE_EXECUTE);
    }
  }
  if (denied) errno = EACCES;
  fail(failure, SWIFT_MESOS_STAGE_EXECUTE);
  _exit(127);
}

pid_t swift_mesos_launch(const struct swift_mesos_launch *request, struct swift_mesos_launch_failure *failure) {
  failure->stage = SWIFT_MESOS_STAGE_NONE;
  failure->error = 0;

  // No handler of the parent may run in the child, which shares its memory until it executes the program.
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  pid_t pid = vfork();
  if (pid == 0) run_child(request, failure);
  int error = errno;
  pthread_sigmask(SIG_SETMASK, &before, NULL);

  if (pid < 0) {
    failure->stage = SWIFT_MESOS_STAGE_FORK;
    failure->error = error;
    return -1;
  }
  // The child wrote here, if it failed, while this thread was stopped.
  if (*(volatile int *)&failure->stage != SWIFT_MESOS_STAGE_NONE) {
    int status;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) continue;
    return -1;
  }
  return pid;
}

int swift_mesos_pidfd_open(pid_t pid) { return (int)syscall(SYS_pidfd_open, pid, 0); }

int swift_mesos_pidfd_signal(int pidfd, int signal) {
  return (int)syscall(SYS_pidfd_send_signal, pidfd, signal, NULL, 0);
}

int swift_mesos_pidfd_reap(int pidfd, int *exited, int *status, int *dumped) {
  siginfo_t info;
  memset(&info, 0, sizeof info);
  int result;
  do {
    result = waitid((idtype_t)SWIFT_MESOS_P_PIDFD, (id_t)pidfd, &info, WEXITED | WNOHANG);
  } while (result < 0 && errno == EINTR);
  if (result < 0) return -1;
  if (info.si_pid == 0) return 0;
  *exited = info.si_code == CLD_EXITED;
  *dumped = info.si_code == CLD_DUMPED;
  *status = info.si_status;
  return 1;
}

int swift_mesos_watch_create(void) { return epoll_create1(EPOLL_CLOEXEC); }

int swift_mesos_watch_event(void) { return eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK); }

int swift_mesos_watch_add(int set, int descriptor, uint64_t token) {
  struct epoll_event interest;
  memset(&interest, 0, sizeof interest);
  interest.events = EPOLLIN;
  interest.data.u64 = token;
  return epoll_ctl(set, EPOLL_CTL_ADD, descriptor, &interest);
}

int swift_mesos_watch_remove(int set, int descriptor) { return epoll_ctl(set, EPOLL_CTL_DEL, descriptor, NULL); }

int swift_mesos_watch_wait(int set, uint64_t *tokens, int capacity) {
  struct epoll_event ready[64];
  int count = epoll_wait(set, ready, capacity < 64 ? capacity : 64, -1);
  for (int index = 0; index < count; index++) tokens[index] = ready[index].data.u64;
  return count;
}

#else

pid_t swift_mesos_launch(const struct swift_mesos_launch *request, struct swift_mesos_launch_failure *failure) {
  (void)request;
  failure->stage = SWIFT_MESOS_STAGE_FORK;
  failure->error = ENOSYS;
  return -1;
}

int swift_mesos_pidfd_open(pid_t pid) {
  (void)pid;
  errno = ENOSYS;
  return -1;
}

int swift_mesos_pidfd_signal(int pidfd, int signal) {
  (void)pidfd;
  (void)signal;
  errno = ENOSYS;
  return -1;
}

int swift_mesos_pidfd_reap(int pidfd, int *exited, int *status, int *dumped) {
  (void)pidfd;
  (void)exited;
  (void)status;
  (void)dumped;
  errno = ENOSYS;
  return -1;
}

int swift_mesos_watch_create(void) {
  errno = ENOSYS;
  return -1;
}

int swift_mesos_watch_event(void) {
  errno = ENOSYS;
  return -1;
}

int swift_mesos_watch_add(int set, int descriptor, uint64_t token) {
  (void)set;
  (void)descriptor;
  (void)token;
  errno = ENOSYS;
  return -1;
}

int swift_mesos_watch_remove(int set, int descriptor) {
  (void)set;
  (void)descriptor;
  errno = ENOSYS;
  return -1;
}

int swift_mesos_watch_wait(int set, uint64_t *tokens, int capacity) {
  (void)set;
  (void)tokens;
  (void)capacity;
  errno = ENOSYS;
  return -1;
}

#endif
