/*
 * Loaded into the workload with LD_PRELOAD. Writes down, in order, what the program asks of the files below
 * CRASH_DIR and every line it adds to the journal CRASH_JOURNAL, into CRASH_LOG. Can also fail chosen calls:
 *   CRASH_SYNC_EIO=k         the k-th sync of a file or folder fails with EIO
 *   CRASH_WRITE_ENOSPC=k,n   n writes from the k-th on fail with ENOSPC
 *
 * One record: kind (1 byte), inode (8), offset (8), path bytes (4), data bytes (4), path, data; little-endian.
 *   C created   W written   T cut to offset   S synced   D folder synced   R renamed (data: new path)
 *   U unlinked   M folder made   J journal line
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

enum { FILES = 4096, PATH = 1024 };
enum what { NOTHING, A_FILE, A_FOLDER, THE_JOURNAL };

static struct { enum what what; char path[PATH]; } table[FILES];
static pthread_mutex_t order = PTHREAD_MUTEX_INITIALIZER;
static char root[PATH], journal[PATH];
static int log_fd = -1, is_ready, syncs, writes, bad_sync, bad_write, bad_write_count;

#define REAL(name, type) \
  static __typeof__(type) real; \
  if (!real) real = (__typeof__(type))dlsym(RTLD_NEXT, name)

static void get_ready(void) {
  if (is_ready) return;
  is_ready = 1;
  const char *dir = getenv("CRASH_DIR"), *log = getenv("CRASH_LOG"), *lines = getenv("CRASH_JOURNAL");
  const char *sync_at = getenv("CRASH_SYNC_EIO"), *write_at = getenv("CRASH_WRITE_ENOSPC");
  if (dir) snprintf(root, sizeof root, "%s", dir);
  if (lines) snprintf(journal, sizeof journal, "%s", lines);
  if (sync_at) bad_sync = atoi(sync_at);
  if (write_at) sscanf(write_at, "%d,%d", &bad_write, &bad_write_count);
  REAL("open64", int (*)(const char *, int, ...));
  if (log) log_fd = real(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
}

static int is_ours(const char *path) {
  size_t length = strlen(root);
  return length && !strncmp(path, root, length) && (path[length] == '/' || !path[length]);
}

static void record(char kind, uint64_t inode, uint64_t offset, const char *path, const void *data, uint32_t bytes) {
  if (log_fd < 0) return;
  REAL("write", ssize_t (*)(int, const void *, size_t));
  uint32_t path_bytes = (uint32_t)strlen(path);
  size_t total = 25 + path_bytes + bytes;
  char *out = malloc(total);
  out[0] = kind;
  memcpy(out + 1, &inode, 8);
  memcpy(out + 9, &offset, 8);
  memcpy(out + 17, &path_bytes, 4);
  memcpy(out + 21, &bytes, 4);
  memcpy(out + 25, path, path_bytes);
  if (bytes) memcpy(out + 25 + path_bytes, data, bytes);
  pthread_mutex_lock(&order);
  if (real(log_fd, out, total) != (ssize_t)total) abort();
  pthread_mutex_unlock(&order);
  free(out);
}

static uint64_t inode_of(int fd) {
  struct stat found;
  return fstat(fd, &found) ? 0 : (uint64_t)found.st_ino;
}

static enum what what_is(int fd) { return fd >= 0 && fd < FILES ? table[fd].what : NOTHING; }

static int opened(int fd, const char *path, int flags, int existed) {
  get_ready();
  if (fd < 0 || fd >= FILES) return fd;
  table[fd].what = NOTHING;
  if (!strcmp(path, journal)) {
    table[fd].what = THE_JOURNAL;
  } else if (is_ours(path)) {
    struct stat found;
    table[fd].what = !fstat(fd, &found) && S_ISDIR(found.st_mode) ? A_FOLDER : A_FILE;
    snprintf(table[fd].path, PATH, "%s", path);
    if (table[fd].what == A_FILE && (flags & O_CREAT) && !existed) record('C', inode_of(fd), 0, path, 0, 0);
    if (table[fd].what == A_FILE && (flags & O_TRUNC) && existed) record('T', inode_of(fd), 0, path, 0, 0);
  }
  return fd;
}

#define MODE_OF(flags) \
  mode_t mode = 0; \
  if ((flags) & (O_CREAT | O_TMPFILE)) { va_list rest; va_start(rest, flags); mode = va_arg(rest, mode_t); va_end(rest); }

#define OPEN(name) \
  int name(const char *path, int flags, ...) { \
    MODE_OF(flags) \
    REAL(#name, int (*)(const char *, int, ...)); \
    struct stat found; \
    int existed = !stat(path, &found); \
    return opened(real(path, flags, mode), path, flags, existed); \
  }
OPEN(open)
OPEN(open64)

#define OPENAT(name) \
  int name(int folder, const char *path, int flags, ...) { \
    MODE_OF(flags) \
    REAL(#name, int (*)(int, const char *, int, ...)); \
    struct stat found; \
    int existed = !fstatat(folder, path, &found, 0); \
    return opened(real(folder, path, flags, mode), path, flags, existed); \
  }
OPENAT(openat)
OPENAT(openat64)

static int is_full(int fd) {
  if (what_is(fd) != A_FILE) return 0;
  writes++;
  if (!bad_write || writes < bad_write || writes >= bad_write + bad_write_count) return 0;
  errno = ENOSPC;
  return 1;
}

static void wrote(int fd, const void *data, ssize_t bytes, uint64_t offset) {
  if (bytes <= 0) return;
  if (what_is(fd) == THE_JOURNAL) record('J', 0, 0, "", data, (uint32_t)bytes);
  if (what_is(fd) == A_FILE) record('W', inode_of(fd), offset, table[fd].path, data, (uint32_t)bytes);
}

#define PWRITE(name, offset_type) \
  ssize_t name(int fd, const void *data, size_t bytes, offset_type offset) { \
    REAL(#name, ssize_t (*)(int, const void *, size_t, offset_type)); \
    if (is_full(fd)) return -1; \
    ssize_t done = real(fd, data, bytes, offset); \
    wrote(fd, data, done, (uint64_t)offset); \
    return done; \
  }
PWRITE(pwrite, off_t)
PWRITE(pwrite64, off64_t)

ssize_t write(int fd, const void *data, size_t bytes) {
  REAL("write", ssize_t (*)(int, const void *, size_t));
  if (is_full(fd)) return -1;
  off_t offset = what_is(fd) == A_FILE ? lseek(fd, 0, SEEK_CUR) : 0;
  ssize_t done = real(fd, data, bytes);
  wrote(fd, data, done, (uint64_t)offset);
  return done;
}

ssize_t writev(int fd, const struct iovec *parts, int count) {
  REAL("writev", ssize_t (*)(int, const struct iovec *, int));
  if (what_is(fd) != NOTHING) return write(fd, parts[0].iov_base, parts[0].iov_len);
  return real(fd, parts, count);
}

static int synced(int fd, int (*real)(int)) {
  enum what what = what_is(fd);
  if (what != A_FILE && what != A_FOLDER) return real(fd);
  if (++syncs == bad_sync) { errno = EIO; return -1; }
  record(what == A_FILE ? 'S' : 'D', inode_of(fd), 0, table[fd].path, 0, 0);
  /* The log decides what is durable; really waiting for the disk would only cost time. */
  return 0;
}

#define SYNC(name) \
  int name(int fd) { REAL(#name, int (*)(int)); return synced(fd, real); }
SYNC(fsync)
SYNC(fdatasync)

#define FTRUNCATE(name, length_type) \
  int name(int fd, length_type length) { \
    REAL(#name, int (*)(int, length_type)); \
    int result = real(fd, length); \
    if (!result && what_is(fd) == A_FILE) record('T', inode_of(fd), (uint64_t)length, table[fd].path, 0, 0); \
    return result; \
  }
FTRUNCATE(ftruncate, off_t)
FTRUNCATE(ftruncate64, off64_t)

int close(int fd) {
  REAL("close", int (*)(int));
  if (fd >= 0 && fd < FILES) table[fd].what = NOTHING;
  return real(fd);
}

int unlink(const char *path) {
  REAL("unlink", int (*)(const char *));
  int result = real(path);
  get_ready();
  if (!result && is_ours(path)) record('U', 0, 0, path, 0, 0);
  return result;
}

int rename(const char *from, const char *to) {
  REAL("rename", int (*)(const char *, const char *));
  int result = real(from, to);
  get_ready();
  if (!result && is_ours(to)) record('R', 0, 0, from, to, (uint32_t)strlen(to));
  return result;
}

int mkdir(const char *path, mode_t mode) {
  REAL("mkdir", int (*)(const char *, mode_t));
  int result = real(path, mode);
  get_ready();
  if (!result && is_ours(path)) record('M', 0, 0, path, 0, 0);
  return result;
}
