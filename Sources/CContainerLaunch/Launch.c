#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif
#include "CContainerLaunch.h"

#ifdef __linux__

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef PR_CAP_AMBIENT
#define PR_CAP_AMBIENT 47
#define PR_CAP_AMBIENT_RAISE 2
#define PR_CAP_AMBIENT_CLEAR_ALL 4
#endif

// The descriptor of the socket, from where it cannot be taken for a standard stream.
static int channel = -1;

static void report(uint32_t kind, uint32_t stage, int error, int pid, const char *subject) {
  struct swift_mesos_report report;
  memset(&report, 0, sizeof report);
  report.kind = kind;
  report.stage = stage;
  report.error = error;
  report.pid = pid;
  if (subject) {
    size_t length = strnlen(subject, sizeof report.subject - 1);
    memcpy(report.subject, subject, length);
  }
  // Not send(2): a filter may be in force, and whoever lets nothing write has no use for a report. Signals are blocked.
  ssize_t count;
  do {
    count = write(channel, &report, sizeof report);
  } while (count < 0 && errno == EINTR);
}

static _Noreturn void fail(uint32_t stage, const char *subject) {
  report(SWIFT_MESOS_REPORT_FAILED, stage, errno, 0, subject);
  _exit(1);
}

// Ends the process where the other side is gone or says something else.
static void wait_for(char expected) {
  char byte = 0;
  ssize_t count;
  do {
    count = read(channel, &byte, 1);
  } while (count < 0 && errno == EINTR);
  if (count != 1 || byte != expected) _exit(1);
}

static int read_all(int descriptor, void *bytes, size_t count) {
  char *next = bytes;
  while (count > 0) {
    ssize_t got = read(descriptor, next, count);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return -1;
    if (got == 0) {
      errno = EPIPE;
      return -1;
    }
    next += got;
    count -= (size_t)got;
  }
  return 0;
}

// Namespaces.

static const struct {
  uint32_t type;
  const char *name;
} namespaces[] = {
    {CLONE_NEWCGROUP, "cgroup"}, {CLONE_NEWIPC, "ipc"}, {CLONE_NEWUTS, "uts"},
    {CLONE_NEWNET, "net"},       {CLONE_NEWPID, "pid"}, {CLONE_NEWNS, "mnt"},
};
#define NAMESPACE_COUNT (sizeof namespaces / sizeof *namespaces)

static void join(const struct swift_mesos_join *joins, size_t count) {
  // All are opened before any is entered: another mount namespace has another /proc.
  int (*opened)[NAMESPACE_COUNT] = calloc(count + 1, sizeof *opened);
  if (!opened) fail(SWIFT_MESOS_CONTAINER_JOIN, "");
  char path[64];
  for (size_t index = 0; index < count; index++) {
    for (size_t kind = 0; kind < NAMESPACE_COUNT; kind++) {
      opened[index][kind] = -1;
      if (!(joins[index].types & namespaces[kind].type)) continue;
      snprintf(path, sizeof path, "/proc/%u/ns/%s", joins[index].pid, namespaces[kind].name);
      opened[index][kind] = open(path, O_RDONLY | O_CLOEXEC);
      if (opened[index][kind] < 0) fail(SWIFT_MESOS_CONTAINER_JOIN, path);
    }
  }
  for (size_t index = 0; index < count; index++) {
    for (size_t kind = 0; kind < NAMESPACE_COUNT; kind++) {
      if (opened[index][kind] < 0) continue;
      if (setns(opened[index][kind], (int)namespaces[kind].type) < 0) {
        fail(SWIFT_MESOS_CONTAINER_JOIN, namespaces[kind].name);
      }
      close(opened[index][kind]);
    }
  }
  free(opened);
}

// Mounts, and what else is made in the container's view of the file system.

static int make_parents(const char *path) {
  char *copy = strdup(path);
  if (!copy) return -1;
  for (char *slash = strchr(copy + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
    *slash = 0;
    if (mkdir(copy, 0755) < 0 && errno != EEXIST) {
      free(copy);
      return -1;
    }
    *slash = '/';
  }
  free(copy);
  return 0;
}

// Opens a path of which no part may be a link, so that nobody who owns a folder on the way leads a mount elsewhere; makes what is
// missing where `create` says so.
static int open_strictly(const char *path, uint32_t create) {
  if (path[0] != '/') {
    errno = EINVAL;
    return -1;
  }
  char *copy = strdup(path);
  if (!copy) return -1;
  int folder = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
  char *rest = copy, *name;
  while (folder >= 0 && (name = strsep(&rest, "/"))) {
    if (!*name || !strcmp(name, ".")) continue;
    if (!strcmp(name, "..")) {
      errno = EINVAL;
      close(folder);
      folder = -1;
      break;
    }
    int is_last = !rest || !*rest;
    if (create == 2 && is_last) {
      int file = openat(folder, name, O_WRONLY | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0644);
      if (file >= 0) close(file);
    } else if (create) {
      mkdirat(folder, name, 0755);
    }
    int inner = openat(folder, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    int error = errno;
    close(folder);
    folder = inner;
    errno = error;
    if (inner < 0) break;
    struct stat status;
    if (fstat(inner, &status) < 0 || S_ISLNK(status.st_mode)) {
      close(inner);
      folder = -1;
      errno = ELOOP;
    }
  }
  free(copy);
  return folder;
}

static void mount_step(const struct swift_mesos_step *step) {
  const char *source = step->texts[0], *target = step->texts[1], *kind = step->texts[2], *data = step->texts[3];
  uint32_t create = step->mode & 3;
  char path[64];
  const char *subject = target;
  int opened = -1;
  if (step->mode & 4) {
    opened = open_strictly(target, create);
    if (opened < 0) fail(SWIFT_MESOS_CONTAINER_MOUNT, subject);
    snprintf(path, sizeof path, "/proc/self/fd/%d", opened);
    target = path;
  } else if (create) {
    if (make_parents(target) < 0) fail(SWIFT_MESOS_CONTAINER_MOUNT, subject);
    if (create == 1 && mkdir(target, 0755) < 0 && errno != EEXIST) fail(SWIFT_MESOS_CONTAINER_MOUNT, subject);
    if (create == 2) {
      int file = open(target, O_WRONLY | O_CREAT | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0644);
      if (file >= 0) {
        close(file);
      } else if (errno != EISDIR && errno != ENXIO) {
        fail(SWIFT_MESOS_CONTAINER_MOUNT, subject);
      }
    }
  }
  if (mount(*source ? source : NULL, target, *kind ? kind : NULL, step->flags, *data ? data : NULL) < 0) {
    fail(SWIFT_MESOS_CONTAINER_MOUNT, subject);
  }
  if (opened >= 0) close(opened);
}

static void pivot(const char *root) {
  if (mount(root, root, NULL, MS_BIND | MS_REC, NULL) < 0 || chdir(root) < 0) fail(SWIFT_MESOS_CONTAINER_PIVOT, root);
  // The new root takes the place of the old one, which lies on top of it for a moment.
  if (syscall(SYS_pivot_root, ".", ".") < 0) fail(SWIFT_MESOS_CONTAINER_PIVOT, root);
  if (umount2(".", MNT_DETACH) < 0 || chdir("/") < 0) fail(SWIFT_MESOS_CONTAINER_PIVOT, root);
}

static void take_step(const struct swift_mesos_step *step) {
  switch (step->tag) {
    case SWIFT_MESOS_TAG_MOUNT: mount_step(step); break;
    case SWIFT_MESOS_TAG_PIVOT: pivot(step->texts[0]); break;
    case SWIFT_MESOS_TAG_FOLDER:
      if (mkdir(step->texts[0], step->mode) < 0) {
        if (errno != EEXIST) fail(SWIFT_MESOS_CONTAINER_FOLDER, step->texts[0]);
      } else if (chmod(step->texts[0], step->mode) < 0) {
        fail(SWIFT_MESOS_CONTAINER_FOLDER, step->texts[0]);
      }
      break;
    case SWIFT_MESOS_TAG_DEVICE:
      if (mknod(step->texts[0], step->mode, makedev(step->major, step->minor)) < 0
          || chmod(step->texts[0], step->mode & 07777) < 0) {
        fail(SWIFT_MESOS_CONTAINER_DEVICE, step->texts[0]);
      }
      break;
    case SWIFT_MESOS_TAG_LINK:
      if (symlink(step->texts[0], step->texts[1]) < 0) fail(SWIFT_MESOS_CONTAINER_LINK, step->texts[1]);
      break;
    case SWIFT_MESOS_TAG_WRITE: {
      int file = open(step->texts[0], O_WRONLY | O_NOFOLLOW | O_NOCTTY | O_CLOEXEC);
      size_t length = strlen(step->texts[1]);
      if (file < 0 || write(file, step->texts[1], length) != (ssize_t)length) {
        fail(SWIFT_MESOS_CONTAINER_WRITE, step->texts[0]);
      }
      close(file);
      break;
    }
    default: break;
  }
}

// Who the program is and what it may do.

static void install_filter(const struct swift_mesos_description *description) {
  if (!description->filter_count) return;
  struct sock_filter *instructions = calloc(description->filter_count, sizeof *instructions);
  if (!instructions) fail(SWIFT_MESOS_CONTAINER_SECCOMP, "");
  memcpy(instructions, description->filter, description->filter_count * sizeof *instructions);
  struct sock_fprog program = {(unsigned short)description->filter_count, instructions};
  if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) < 0) fail(SWIFT_MESOS_CONTAINER_SECCOMP, "");
  free(instructions);
}

static void set_identity(const struct swift_mesos_description *description) {
  char number[64];
  for (size_t index = 0; index < description->rlimit_count; index++) {
    const struct swift_mesos_rlimit *limit = &description->rlimits[index];
    struct rlimit value = {limit->soft, limit->hard};
    if (setrlimit(limit->resource, &value) < 0) {
      snprintf(number, sizeof number, "resource %u", limit->resource);
      fail(SWIFT_MESOS_CONTAINER_RLIMIT, number);
    }
  }
  int no_new_privileges = (description->options & SWIFT_MESOS_OPTION_NO_NEW_PRIVILEGES) != 0;
  if (no_new_privileges) {
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) fail(SWIFT_MESOS_CONTAINER_NO_NEW_PRIVILEGES, "");
  } else {
    // It takes a privilege that is about to be given up; the filter has to let that happen.
    install_filter(description);
  }
  const uint64_t *sets = description->capabilities;
  if (description->has_capabilities) {
    for (int capability = 0; capability < 64; capability++) {
      if (sets[0] >> capability & 1) continue;
      if (prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) == 0) continue;
      if (errno == EINVAL) break;
      snprintf(number, sizeof number, "capability %d", capability);
      fail(SWIFT_MESOS_CONTAINER_BOUNDING, number);
    }
    if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0) fail(SWIFT_MESOS_CONTAINER_CAPABILITIES, "keep");
  }
  if (description->has_credentials) {
    snprintf(number, sizeof number, "uid %u, gid %u", description->uid, description->gid);
    if (setgroups(description->group_count, description->groups) < 0) fail(SWIFT_MESOS_CONTAINER_GROUPS, number);
    if (setresgid(description->gid, description->gid, description->gid) < 0) fail(SWIFT_MESOS_CONTAINER_GROUP, number);
    if (setresuid(description->uid, description->uid, description->uid) < 0) fail(SWIFT_MESOS_CONTAINER_USER, number);
  }
  if (description->has_capabilities) {
    if (prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0) < 0) fail(SWIFT_MESOS_CONTAINER_CAPABILITIES, "keep");
    struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct data[2];
    for (int half = 0; half < 2; half++) {
      data[half].effective = (uint32_t)(sets[1] >> (32 * half));
      data[half].permitted = (uint32_t)(sets[2] >> (32 * half));
      data[half].inheritable = (uint32_t)(sets[3] >> (32 * half));
    }
    if (syscall(SYS_capset, &header, data) < 0) fail(SWIFT_MESOS_CONTAINER_CAPABILITIES, "");
    for (int capability = 0; capability < 64; capability++) {
      if (!(sets[4] >> capability & 1)) continue;
      if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability, 0, 0) < 0) {
        snprintf(number, sizeof number, "capability %d", capability);
        fail(SWIFT_MESOS_CONTAINER_AMBIENT, number);
      }
    }
  }
}

static void reset_signals(void) {
  // The kernel's own structure, all zero: the default action, also of the signals that the library keeps for itself.
  unsigned long action[8];
  memset(action, 0, sizeof action);
  for (int number = 1; number <= 64; number++) syscall(SYS_rt_sigaction, number, action, NULL, 8);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
}

// The first process as long as the program runs.

static _Noreturn void end_as(int status, int status_file) {
  if (status_file >= 0) {
    char text[16];
    int length = snprintf(text, sizeof text, "%d\n", status);
    ssize_t written = write(status_file, text, (size_t)length);
    (void)written;
    close(status_file);
  }
  if (WIFEXITED(status)) _exit(WEXITSTATUS(status));
  // Nobody needs a core of this process.
  struct rlimit none = {0, 0};
  setrlimit(RLIMIT_CORE, &none);
  int number = WTERMSIG(status);
  reset_signals();
  kill(getpid(), number);
  // The first process of a namespace cannot be ended by its own signals.
  _exit(128 + number);
}

static _Noreturn void stay(pid_t program, int status_file) {
  close(channel);
  close(0);
  close(1);
  close(2);
  sigset_t all;
  sigfillset(&all);
  for (;;) {
    siginfo_t info;
    int number = sigwaitinfo(&all, &info);
    if (number < 0) continue;
    if (number != SIGCHLD) {
      kill(program, number);
      continue;
    }
    int status;
    pid_t pid;
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
      if (pid == program) end_as(status, status_file);
    }
  }
}

static _Noreturn void execute(const struct swift_mesos_description *description) {
  int denied = 0;
  for (char *const *program = description->programs; *program; program++) {
    execve(*program, description->arguments, description->environment);
    if (errno == EACCES) {
      denied = 1;
    } else if (errno != ENOENT && errno != ENOTDIR && errno != ENAMETOOLONG && errno != ELOOP) {
      fail(SWIFT_MESOS_CONTAINER_EXECUTE, *program);
    }
  }
  if (denied) errno = EACCES;
  fail(SWIFT_MESOS_CONTAINER_EXECUTE, description->arguments[0]);
}

static _Noreturn void become_container(const struct swift_mesos_description *description) {
  wait_for('P');
  if (description->options & SWIFT_MESOS_OPTION_SESSION && setsid() < 0) fail(SWIFT_MESOS_CONTAINER_SESSION, "");
  int status_file = -1;
  if (description->status) {
    status_file = open(description->status, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (status_file < 0) fail(SWIFT_MESOS_CONTAINER_STATUS, description->status);
  }
  if (description->namespaces & CLONE_NEWNS && mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0) {
    fail(SWIFT_MESOS_CONTAINER_PROPAGATION, "/");
  }
  int folder = -1, has_root = 0;
  if (description->directory) folder = open(description->directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
  for (size_t index = 0; index < description->step_count; index++) {
    take_step(&description->steps[index]);
    has_root |= description->steps[index].tag == SWIFT_MESOS_TAG_PIVOT;
  }
  if (description->hostname && sethostname(description->hostname, strlen(description->hostname)) < 0) {
    fail(SWIFT_MESOS_CONTAINER_HOSTNAME, description->hostname);
  }
  if (description->directory && chdir(description->directory) < 0) {
    // A mount may lie over it; with another root, nothing of the old one may be reached.
    if (errno != ENOENT || has_root || folder < 0 || fchdir(folder) < 0) {
      fail(SWIFT_MESOS_CONTAINER_DIRECTORY, description->directory);
    }
  }
  if (folder >= 0) close(folder);

  if (description->options & SWIFT_MESOS_OPTION_INIT) {
    pid_t program = fork();
    if (program < 0) fail(SWIFT_MESOS_CONTAINER_FORK, "");
    if (program > 0) stay(program, status_file);
    if (status_file >= 0) close(status_file);
  }
  set_identity(description);
  report(SWIFT_MESOS_REPORT_READY, 0, 0, (int)getpid(), "");
  wait_for('G');
  reset_signals();
  if (description->options & SWIFT_MESOS_OPTION_NO_NEW_PRIVILEGES) install_filter(description);
  execute(description);
}

int swift_mesos_container_launch(int input) {
  // One that comes meanwhile takes effect when the program is executed.
  sigset_t all;
  sigfillset(&all);
  sigprocmask(SIG_SETMASK, &all, NULL);
  channel = fcntl(input, F_DUPFD_CLOEXEC, 3);
  if (channel < 0) return 2;
  int null = open("/dev/null", O_RDWR | O_CLOEXEC);
  if (null < 0 || dup2(null, 0) < 0) fail(SWIFT_MESOS_CONTAINER_DESCRIPTION, "/dev/null");
  if (null > 0) close(null);

  uint32_t head[2];
  if (read_all(channel, head, sizeof head) < 0) fail(SWIFT_MESOS_CONTAINER_DESCRIPTION, "length");
  if (head[0] != SWIFT_MESOS_LAUNCH_MAGIC || head[1] > SWIFT_MESOS_LAUNCH_LENGTH_MAX) {
    errno = EINVAL;
    fail(SWIFT_MESOS_CONTAINER_DESCRIPTION, "length");
  }
  uint8_t *bytes = malloc((size_t)head[1] + 1);
  if (!bytes || read_all(channel, bytes, head[1]) < 0) fail(SWIFT_MESOS_CONTAINER_DESCRIPTION, "records");
  struct swift_mesos_description description;
  size_t offset;
  errno = swift_mesos_description_parse(bytes, head[1], &description, &offset);
  if (errno) {
    char subject[64];
    snprintf(subject, sizeof subject, "record at byte %zu", offset);
    fail(SWIFT_MESOS_CONTAINER_DESCRIPTION, subject);
  }

  join(description.joins, description.join_count);
  // The container is a child of whoever started this program, who can wait for it.
  unsigned long flags = description.namespaces | CLONE_PARENT | SIGCHLD;
  pid_t pid = (pid_t)syscall(SYS_clone, flags, 0UL, 0UL, 0UL, 0UL);
  if (pid < 0) fail(SWIFT_MESOS_CONTAINER_CLONE, "");
  if (pid == 0) become_container(&description);
  report(SWIFT_MESOS_REPORT_STARTED, 0, 0, pid, "");
  return 0;
}

#else

int swift_mesos_container_launch(int input) {
  (void)input;
  return 2;
}

#endif
