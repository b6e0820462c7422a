#ifndef SWIFT_MESOS_C_CONTAINER_LAUNCH_H
#define SWIFT_MESOS_C_CONTAINER_LAUNCH_H

#include <stddef.h>
#include <stdint.h>

// The language between a containerizer and `mesos-launch`, the program that makes a process into a container.
//
// The program's standard input is a stream socket. It reads one launch description there: the magic number and the number of
// bytes that follow (two 32-bit numbers), then records: a tag and a length (two 32-bit numbers) and that many bytes. Numbers are in the
// machine's own order. A text ends with a zero byte, which is counted, and has no other. A description with anything unknown,
// too long, doubled or cut short is refused before anything is done.
//
// Then reports go one way and single bytes the other:
//   STARTED  the container's first process exists (`pid`, as the program's own namespace numbers it). It waits for 'P' (placed).
//   READY    everything is set up but the program. It waits for 'G' (go).
//   (end)    the program is executed; the container's end of the socket is closed.
//   FAILED   in place of any of these: the step, the error number and what it was tried on. Nothing of the container is left.
// Where the socket ends before the byte that is waited for, the process ends: nobody wants it any more.

#define SWIFT_MESOS_LAUNCH_MAGIC 0x31444c4dU
// Bytes of a description after its first eight.
#define SWIFT_MESOS_LAUNCH_LENGTH_MAX (4U << 20)
// Records of a description.
#define SWIFT_MESOS_LAUNCH_RECORDS_MAX 65536U
// Instructions of a seccomp filter, as the kernel has it.
#define SWIFT_MESOS_LAUNCH_FILTER_MAX 4096U

enum swift_mesos_launch_tag {
  // u32: the CLONE_NEW… flags of the namespaces that the container gets for itself.
  SWIFT_MESOS_TAG_NAMESPACES = 1,
  // u32 pid, u32 CLONE_NEW… flags: the namespaces of that process that the container joins.
  SWIFT_MESOS_TAG_JOIN = 2,
  // u32: see `swift_mesos_launch_option`.
  SWIFT_MESOS_TAG_OPTIONS = 3,
  // u64 mount flags, u32 what to make of the target if it is missing (0 nothing, 1 a folder, 2 a file; with 4, no part of its
  // path may be a link), u32 zero; texts: source, target, kind of file system, options.
  SWIFT_MESOS_TAG_MOUNT = 4,
  // text: the folder that becomes the root.
  SWIFT_MESOS_TAG_PIVOT = 5,
  // u32 mode; text. A folder that is there is left as it is; its parents have to be there.
  SWIFT_MESOS_TAG_FOLDER = 6,
  // u32 mode with the kind, u32 major, u32 minor; text.
  SWIFT_MESOS_TAG_DEVICE = 7,
  // texts: what the link says, where it is.
  SWIFT_MESOS_TAG_LINK = 8,
  // texts: a file that is there, what is written to it.
  SWIFT_MESOS_TAG_WRITE = 9,
  // u32 resource, u32 zero, u64 soft, u64 hard; all ones is no limit.
  SWIFT_MESOS_TAG_RLIMIT = 10,
  // u32 uid, u32 gid, u32 groups…
  SWIFT_MESOS_TAG_CREDENTIALS = 11,
  // u64 each: bounding, effective, permitted, inheritable, ambient.
  SWIFT_MESOS_TAG_CAPABILITIES = 12,
  // Instructions of the filter, eight bytes each.
  SWIFT_MESOS_TAG_SECCOMP = 13,
  // text: where the program starts.
  SWIFT_MESOS_TAG_DIRECTORY = 14,
  // text: a path of the program; tried in turn, as execvp does.
  SWIFT_MESOS_TAG_PROGRAM = 15,
  // text: an argument, the zeroth first.
  SWIFT_MESOS_TAG_ARGUMENT = 16,
  // text: NAME=value.
  SWIFT_MESOS_TAG_VARIABLE = 17,
  // text: a file, made new, that tells how the program ended, as wait(2) gives it. Needs SWIFT_MESOS_OPTION_INIT.
  SWIFT_MESOS_TAG_STATUS = 18,
  // text: the name of the machine in the container. Needs a UTS namespace of its own.
  SWIFT_MESOS_TAG_HOSTNAME = 19,
};

enum swift_mesos_launch_option {
  // The first process stays, takes the status of whatever becomes its child, passes signals on, and ends as the program does.
  SWIFT_MESOS_OPTION_INIT = 1,
  SWIFT_MESOS_OPTION_NO_NEW_PRIVILEGES = 2,
  SWIFT_MESOS_OPTION_SESSION = 4,
};

// The step that failed.
enum swift_mesos_container_stage {
  SWIFT_MESOS_CONTAINER_DESCRIPTION = 1,
  SWIFT_MESOS_CONTAINER_JOIN = 2,
  SWIFT_MESOS_CONTAINER_CLONE = 3,
  SWIFT_MESOS_CONTAINER_SESSION = 4,
  SWIFT_MESOS_CONTAINER_STATUS = 5,
  SWIFT_MESOS_CONTAINER_PROPAGATION = 6,
  SWIFT_MESOS_CONTAINER_MOUNT = 7,
  SWIFT_MESOS_CONTAINER_PIVOT = 8,
  SWIFT_MESOS_CONTAINER_FOLDER = 9,
  SWIFT_MESOS_CONTAINER_DEVICE = 10,
  SWIFT_MESOS_CONTAINER_LINK = 11,
  SWIFT_MESOS_CONTAINER_WRITE = 12,
  SWIFT_MESOS_CONTAINER_HOSTNAME = 13,
  SWIFT_MESOS_CONTAINER_DIRECTORY = 14,
  SWIFT_MESOS_CONTAINER_RLIMIT = 15,
  SWIFT_MESOS_CONTAINER_NO_NEW_PRIVILEGES = 16,
  SWIFT_MESOS_CONTAINER_SECCOMP = 17,
  SWIFT_MESOS_CONTAINER_BOUNDING = 18,
  SWIFT_MESOS_CONTAINER_GROUPS = 19,
  SWIFT_MESOS_CONTAINER_GROUP = 20,
  SWIFT_MESOS_CONTAINER_USER = 21,
  SWIFT_MESOS_CONTAINER_CAPABILITIES = 22,
  SWIFT_MESOS_CONTAINER_AMBIENT = 23,
  SWIFT_MESOS_CONTAINER_FORK = 24,
  SWIFT_MESOS_CONTAINER_EXECUTE = 25,
};

enum swift_mesos_report_kind {
  SWIFT_MESOS_REPORT_STARTED = 1,
  SWIFT_MESOS_REPORT_READY = 2,
  SWIFT_MESOS_REPORT_FAILED = 3,
};

// One report; always written whole.
struct swift_mesos_report {
  uint32_t kind;
  uint32_t stage;
  int32_t error;
  int32_t pid;
  // What the step was tried on, cut to fit; ends with a zero byte.
  char subject[240];
};

struct swift_mesos_step {
  uint32_t tag;
  uint32_t mode;
  uint32_t major;
  uint32_t minor;
  uint64_t flags;
  const char *texts[4];
};

struct swift_mesos_rlimit {
  uint32_t resource;
  uint64_t soft;
  uint64_t hard;
};

struct swift_mesos_join {
  uint32_t pid;
  uint32_t types;
};

// A description taken apart. Its texts lie in the bytes that it was read from; lists end with NULL.
struct swift_mesos_description {
  uint32_t namespaces;
  uint32_t options;
  struct swift_mesos_join *joins;
  size_t join_count;
  struct swift_mesos_step *steps;
  size_t step_count;
  struct swift_mesos_rlimit *rlimits;
  size_t rlimit_count;
  int has_credentials;
  uint32_t uid;
  uint32_t gid;
  uint32_t *groups;
  size_t group_count;
  int has_capabilities;
  uint64_t capabilities[5];
  const uint8_t *filter;
  size_t filter_count;
  const char *directory;
  const char *status;
  const char *hostname;
  char **programs;
  char **arguments;
  char **environment;
};

// Takes the records of a description apart; `bytes` must outlive `description`.
// 0, or an error number with `offset` at the record at fault: EINVAL (it breaks the rules), E2BIG (too many), ENOMEM.
int swift_mesos_description_parse(
    const uint8_t *bytes, size_t count, struct swift_mesos_description *description, size_t *offset);
void swift_mesos_description_free(struct swift_mesos_description *description);

// The whole of `mesos-launch`; returns the exit status where it returns.
int swift_mesos_container_launch(int socket);

#endif
