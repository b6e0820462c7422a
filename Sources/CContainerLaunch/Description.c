#include "CContainerLaunch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define NEW_CGROUP 0x02000000U
#define NEW_UTS 0x04000000U
#define NEW_IPC 0x08000000U
#define NEW_PID 0x20000000U
#define NEW_NET 0x40000000U
#define NEW_MOUNT 0x00020000U
static const uint32_t known_namespaces = NEW_CGROUP | NEW_UTS | NEW_IPC | NEW_PID | NEW_NET | NEW_MOUNT;
static const uint32_t known_options =
    SWIFT_MESOS_OPTION_INIT | SWIFT_MESOS_OPTION_NO_NEW_PRIVILEGES | SWIFT_MESOS_OPTION_SESSION;

// The bytes of one record that are not yet read.
struct rest {
  const uint8_t *bytes;
  size_t count;
};

static int take(struct rest *rest, void *value, size_t size) {
  if (rest->count < size) return EINVAL;
  memcpy(value, rest->bytes, size);
  rest->bytes += size;
  rest->count -= size;
  return 0;
}

static int take_text(struct rest *rest, const char **text) {
  const uint8_t *end = rest->count ? memchr(rest->bytes, 0, rest->count) : NULL;
  if (!end) return EINVAL;
  *text = (const char *)rest->bytes;
  rest->count -= (size_t)(end + 1 - rest->bytes);
  rest->bytes = end + 1;
  return 0;
}

static int is_step(uint32_t tag) { return tag >= SWIFT_MESOS_TAG_MOUNT && tag <= SWIFT_MESOS_TAG_WRITE; }

// How many records of each kind there are, to make room for them in one go.
static int count_records(const uint8_t *bytes, size_t count, size_t counts[32], size_t *offset) {
  size_t position = 0, records = 0;
  while (position < count) {
    *offset = position;
    uint32_t head[2];
    if (count - position < sizeof head) return EINVAL;
    memcpy(head, bytes + position, sizeof head);
    if (head[0] < SWIFT_MESOS_TAG_NAMESPACES || head[0] > SWIFT_MESOS_TAG_HOSTNAME) return EINVAL;
    if (head[1] > count - position - sizeof head) return EINVAL;
    if (++records > SWIFT_MESOS_LAUNCH_RECORDS_MAX) return E2BIG;
    counts[head[0]]++;
    position += sizeof head + head[1];
  }
  return 0;
}

static int parse_step(uint32_t tag, struct rest *rest, struct swift_mesos_step *step) {
  int texts = 1, error = 0;
  uint32_t spare = 0;
  step->tag = tag;
  switch (tag) {
    case SWIFT_MESOS_TAG_MOUNT:
      texts = 4;
      error = take(rest, &step->flags, sizeof step->flags);
      if (!error) error = take(rest, &step->mode, sizeof step->mode);
      if (!error) error = take(rest, &spare, sizeof spare);
      if (!error && (spare != 0 || (step->mode & ~7U) || (step->mode & 3) > 2)) error = EINVAL;
      break;
    case SWIFT_MESOS_TAG_FOLDER: error = take(rest, &step->mode, sizeof step->mode); break;
    case SWIFT_MESOS_TAG_DEVICE:
      error = take(rest, &step->mode, sizeof step->mode);
      if (!error) error = take(rest, &step->major, sizeof step->major);
      if (!error) error = take(rest, &step->minor, sizeof step->minor);
      break;
    case SWIFT_MESOS_TAG_LINK:
    case SWIFT_MESOS_TAG_WRITE: texts = 2; break;
    default: break;
  }
  for (int index = 0; index < texts && !error; index++) error = take_text(rest, &step->texts[index]);
  return error;
}

static int parse_record(uint32_t tag, struct rest rest, struct swift_mesos_description *into, size_t *used) {
  int error = 0;
  const char *text = NULL;
  uint32_t spare = 0;
  size_t index = used[is_step(tag) ? 0 : tag]++;
  if (is_step(tag)) {
    error = parse_step(tag, &rest, &into->steps[index]);
  } else {
    switch (tag) {
      case SWIFT_MESOS_TAG_NAMESPACES:
        error = take(&rest, &into->namespaces, sizeof into->namespaces);
        if (!error && (into->namespaces & ~known_namespaces)) error = EINVAL;
        break;
      case SWIFT_MESOS_TAG_JOIN: {
        struct swift_mesos_join *join = &into->joins[index];
        error = take(&rest, &join->pid, sizeof join->pid);
        if (!error) error = take(&rest, &join->types, sizeof join->types);
        if (!error && (join->types & ~known_namespaces || join->pid == 0 || join->pid > INT32_MAX)) error = EINVAL;
        break;
      }
      case SWIFT_MESOS_TAG_OPTIONS:
        error = take(&rest, &into->options, sizeof into->options);
        if (!error && (into->options & ~known_options)) error = EINVAL;
        break;
      case SWIFT_MESOS_TAG_RLIMIT: {
        struct swift_mesos_rlimit *limit = &into->rlimits[index];
        error = take(&rest, &limit->resource, sizeof limit->resource);
        if (!error) error = take(&rest, &spare, sizeof spare);
        if (!error) error = take(&rest, &limit->soft, sizeof limit->soft);
        if (!error) error = take(&rest, &limit->hard, sizeof limit->hard);
        if (!error && (spare != 0 || limit->soft > limit->hard)) error = EINVAL;
        break;
      }
      case SWIFT_MESOS_TAG_CREDENTIALS:
        error = take(&rest, &into->uid, sizeof into->uid);
        if (!error) error = take(&rest, &into->gid, sizeof into->gid);
        if (error || rest.count % sizeof(uint32_t) || rest.count / sizeof(uint32_t) > 65536) return EINVAL;
        // The kernel takes (uid_t)-1 to mean "leave it".
        if (into->uid == UINT32_MAX || into->gid == UINT32_MAX) return EINVAL;
        into->group_count = rest.count / sizeof(uint32_t);
        into->groups = calloc(into->group_count + 1, sizeof(uint32_t));
        if (!into->groups) return ENOMEM;
        memcpy(into->groups, rest.bytes, rest.count);
        rest.count = 0;
        into->has_credentials = 1;
        break;
      case SWIFT_MESOS_TAG_CAPABILITIES:
        error = take(&rest, into->capabilities, sizeof into->capabilities);
        into->has_capabilities = 1;
        break;
      case SWIFT_MESOS_TAG_SECCOMP:
        if (rest.count == 0 || rest.count % 8 || rest.count / 8 > SWIFT_MESOS_LAUNCH_FILTER_MAX) return EINVAL;
        into->filter = rest.bytes;
        into->filter_count = rest.count / 8;
        rest.count = 0;
        break;
      case SWIFT_MESOS_TAG_DIRECTORY: error = take_text(&rest, &into->directory); break;
      case SWIFT_MESOS_TAG_STATUS: error = take_text(&rest, &into->status); break;
      case SWIFT_MESOS_TAG_HOSTNAME: error = take_text(&rest, &into->hostname); break;
      case SWIFT_MESOS_TAG_PROGRAM:
        error = take_text(&rest, &text);
        into->programs[index] = (char *)text;
        break;
      case SWIFT_MESOS_TAG_ARGUMENT:
        error = take_text(&rest, &text);
        into->arguments[index] = (char *)text;
        break;
      case SWIFT_MESOS_TAG_VARIABLE:
        error = take_text(&rest, &text);
        if (!error && (text[0] == '=' || !strchr(text, '='))) error = EINVAL;
        into->environment[index] = (char *)text;
        break;
      default: error = EINVAL;
    }
  }
  return error ? error : rest.count ? EINVAL : 0;
}

int swift_mesos_description_parse(
    const uint8_t *bytes, size_t count, struct swift_mesos_description *description, size_t *offset) {
  memset(description, 0, sizeof *description);
  *offset = 0;
  size_t counts[32] = {0}, used[32] = {0};
  int error = count_records(bytes, count, counts, offset);
  if (error) return error;
  static const uint32_t single[] = {
      SWIFT_MESOS_TAG_NAMESPACES, SWIFT_MESOS_TAG_OPTIONS,   SWIFT_MESOS_TAG_CREDENTIALS, SWIFT_MESOS_TAG_CAPABILITIES,
      SWIFT_MESOS_TAG_SECCOMP,    SWIFT_MESOS_TAG_DIRECTORY, SWIFT_MESOS_TAG_STATUS,      SWIFT_MESOS_TAG_HOSTNAME,
      SWIFT_MESOS_TAG_PIVOT,
  };
  for (size_t index = 0; index < sizeof single / sizeof *single; index++) {
    if (counts[single[index]] > 1) return EINVAL;
  }
  if (counts[SWIFT_MESOS_TAG_PROGRAM] == 0 || counts[SWIFT_MESOS_TAG_ARGUMENT] == 0) return EINVAL;
  for (uint32_t tag = SWIFT_MESOS_TAG_MOUNT; tag <= SWIFT_MESOS_TAG_WRITE; tag++) {
    description->step_count += counts[tag];
  }
  description->join_count = counts[SWIFT_MESOS_TAG_JOIN];
  description->rlimit_count = counts[SWIFT_MESOS_TAG_RLIMIT];
  description->joins = calloc(description->join_count + 1, sizeof *description->joins);
  description->steps = calloc(description->step_count + 1, sizeof *description->steps);
  description->rlimits = calloc(description->rlimit_count + 1, sizeof *description->rlimits);
  description->programs = calloc(counts[SWIFT_MESOS_TAG_PROGRAM] + 1, sizeof(char *));
  description->arguments = calloc(counts[SWIFT_MESOS_TAG_ARGUMENT] + 1, sizeof(char *));
  description->environment = calloc(counts[SWIFT_MESOS_TAG_VARIABLE] + 1, sizeof(char *));
  if (!description->joins || !description->steps || !description->rlimits || !description->programs
      || !description->arguments || !description->environment) {
    swift_mesos_description_free(description);
    return ENOMEM;
  }
  for (size_t position = 0; position < count;) {
    uint32_t head[2];
    memcpy(head, bytes + position, sizeof head);
    *offset = position;
    error = parse_record(head[0], (struct rest){bytes + position + sizeof head, head[1]}, description, used);
    if (error) break;
    position += sizeof head + head[1];
  }
  if (!error && description->status && !(description->options & SWIFT_MESOS_OPTION_INIT)) error = EINVAL;
  if (!error && description->hostname && !(description->namespaces & NEW_UTS)) error = EINVAL;
  // Nothing may be mounted where others see it.
  if (!error && (counts[SWIFT_MESOS_TAG_MOUNT] || counts[SWIFT_MESOS_TAG_PIVOT])
      && !(description->namespaces & NEW_MOUNT)) {
    error = EINVAL;
  }
  if (error) swift_mesos_description_free(description);
  return error;
}

void swift_mesos_description_free(struct swift_mesos_description *description) {
  free(description->joins);
  free(description->steps);
  free(description->rlimits);
  free(description->groups);
  free(description->programs);
  free(description->arguments);
  free(description->environment);
  memset(description, 0, sizeof *description);
}
