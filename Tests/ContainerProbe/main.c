// Says what it sees of itself and its surroundings, one NAME=VALUE a line, and does what its arguments ask, one after another:
//   see                    the whole view
//   burn MILLISECONDS      computes for that long of processor time
//   eat MB                 takes that much memory and keeps it
//   fork COUNT             starts so many processes that wait for ever
//   hide                   starts one in a session of its own
//   call NAME              makes a system call and says what came of it
//   write PATH             makes a file
//   wait                   waits for ever
//   exit CODE
#define _GNU_SOURCE 1
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

static void print_file(const char *name, const char *path) {
  char text[256] = "";
  FILE *file = fopen(path, "r");
  if (file) {
    if (!fgets(text, sizeof text, file)) text[0] = 0;
    fclose(file);
  }
  text[strcspn(text, "\n")] = 0;
  printf("%s=%s\n", name, text);
}

static void see(void) {
  printf("pid=%d\nppid=%d\nuid=%d\ngid=%d\n", getpid(), getppid(), getuid(), getgid());
  gid_t groups[64];
  int count = getgroups(64, groups);
  printf("groups=");
  for (int index = 0; index < count; index++) printf(index ? ",%d" : "%d", (int)groups[index]);
  printf("\n");
  print_file("init", "/proc/1/comm");
  char directory[4096];
  printf("directory=%s\n", getcwd(directory, sizeof directory) ? directory : "?");
  FILE *status = fopen("/proc/self/status", "r");
  char line[512];
  while (status && fgets(line, sizeof line, status)) {
    static const char *const names[] = {"CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb", "NoNewPrivs", "Seccomp", "NSpid"};
    line[strcspn(line, "\n")] = 0;
    char *colon = strchr(line, ':');
    if (!colon) continue;
    *colon = 0;
    for (size_t index = 0; index < sizeof names / sizeof *names; index++) {
      if (!strcmp(line, names[index])) printf("%s=%s\n", line, colon + 1 + strspn(colon + 1, " \t"));
    }
  }
  if (status) fclose(status);
  static const struct {
    const char *name;
    int number;
  } limits[] = {{"nofile", RLIMIT_NOFILE}, {"core", RLIMIT_CORE}, {"stack", RLIMIT_STACK}, {"nproc", RLIMIT_NPROC}};
  for (size_t index = 0; index < sizeof limits / sizeof *limits; index++) {
    struct rlimit limit;
    getrlimit(limits[index].number, &limit);
    printf("%s=%llu/%llu\n", limits[index].name, (unsigned long long)limit.rlim_cur, (unsigned long long)limit.rlim_max);
  }
  struct utsname machine;
  uname(&machine);
  printf("hostname=%s\n", machine.nodename);
  static const char *const spaces[] = {"pid", "mnt", "ipc", "net", "uts"};
  for (size_t index = 0; index < sizeof spaces / sizeof *spaces; index++) {
    char path[64], target[64];
    snprintf(path, sizeof path, "/proc/self/ns/%s", spaces[index]);
    ssize_t length = readlink(path, target, sizeof target - 1);
    target[length > 0 ? length : 0] = 0;
    printf("ns_%s=%s\n", spaces[index], target);
  }
}

static void call(const char *name) {
  int result = -1;
  errno = 0;
  if (!strcmp(name, "chroot")) result = chroot("/");
  if (!strcmp(name, "mkdir")) result = mkdir("probe-folder", 0755);
  if (!strcmp(name, "sethostname")) result = sethostname("probe", 5);
  if (!strcmp(name, "mount")) result = mount("tmpfs", "/mnt", "tmpfs", 0, "");
  if (!strcmp(name, "setuid")) result = setuid(0);
  printf("call_%s=%s\n", name, result == 0 ? "ok" : strerror(errno));
}

int main(int count, char **arguments) {
  setvbuf(stdout, NULL, _IOLBF, 0);
  for (int index = 1; index < count; index++) {
    const char *word = arguments[index];
    const char *value = index + 1 < count ? arguments[index + 1] : "";
    if (!strcmp(word, "see")) {
      see();
    } else if (!strcmp(word, "wait")) {
      printf("waiting=1\n");
      for (;;) pause();
    } else if (!strcmp(word, "hide")) {
      pid_t child = fork();
      if (child == 0) {
        setsid();
        if (fork() > 0) _exit(0);
        for (;;) pause();
      }
    } else {
      index++;
      if (!strcmp(word, "burn")) {
        clock_t end = clock() + (clock_t)(atof(value) / 1000 * CLOCKS_PER_SEC);
        volatile unsigned long sum = 0;
        while (clock() < end) sum++;
        printf("burnt=%s\n", value);
      } else if (!strcmp(word, "eat")) {
        size_t size = (size_t)atol(value) << 20;
        char *bytes = malloc(size);
        for (size_t offset = 0; bytes && offset < size; offset += 4096) bytes[offset] = 1;
        printf("eaten=%s\n", bytes ? value : "none");
      } else if (!strcmp(word, "fork")) {
        for (int child = atoi(value); child > 0; child--) {
          if (fork() == 0) {
            for (;;) pause();
          }
        }
      } else if (!strcmp(word, "call")) {
        call(value);
      } else if (!strcmp(word, "write")) {
        int file = open(value, O_WRONLY | O_CREAT, 0644);
        printf("written=%s\n", file >= 0 ? "ok" : strerror(errno));
        if (file >= 0) close(file);
      } else if (!strcmp(word, "exit")) {
        return atoi(value);
      }
    }
  }
  return 0;
}
