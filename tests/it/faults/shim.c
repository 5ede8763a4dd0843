/* Preloaded into a process under test: the n-th call of a kind on one of the database's files fails, or is cut short.
 *
 * What is to fail is read from a file that both sides map (FAULTS_CONTROL), so that a test arms one fault after the other
 * in a process that goes on running. Linux only: descriptors are named by /proc. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/types.h>
#include <unistd.h>

enum { WRITE = 1, SYNC = 2, TRUNCATE = 4 };
enum { INPUT_OUTPUT = 1, NO_SPACE = 2, SHORTENED = 3 };

struct control {
    _Atomic uint32_t armed;     /* 0: every call goes through */
    _Atomic uint32_t calls;     /* which calls count: a sum of WRITE, SYNC, TRUNCATE */
    _Atomic uint32_t first;     /* the first call that fails, from 1 */
    _Atomic uint32_t last;      /* the last one that fails */
    _Atomic uint32_t how;       /* INPUT_OUTPUT, NO_SPACE or SHORTENED */
    _Atomic uint32_t counted;   /* calls since it was armed */
    _Atomic uint32_t failed;    /* and how many of them failed */
    uint32_t unused;
    char suffix[96];            /* how the file's path ends */
};

static struct control *control;

__attribute__((constructor)) static void map_control(void) {
    const char *path = getenv("FAULTS_CONTROL");
    int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
    if (fd < 0)
        return;
    void *mapped = mmap(NULL, sizeof(struct control), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (mapped != MAP_FAILED)
        control = mapped;
}

static int is_ours(int fd) {
    char link[64], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    size_t wanted = strlen(control->suffix);
    return length >= (ssize_t)wanted && memcmp(path + length - wanted, control->suffix, wanted) == 0;
}

/* How this call is to fail; 0 when it isn't. */
static uint32_t fault(int fd, uint32_t call) {
    if (!control || !control->armed || !(control->calls & call) || !is_ours(fd))
        return 0;
    uint32_t number = atomic_fetch_add(&control->counted, 1) + 1;
    if (number < control->first || number > control->last)
        return 0;
    atomic_fetch_add(&control->failed, 1);
    return control->how;
}

static int fails(uint32_t how) {
    if (how == INPUT_OUTPUT)
        errno = EIO;
    if (how == NO_SPACE)
        errno = ENOSPC;
    return how == INPUT_OUTPUT || how == NO_SPACE;
}

#define NEXT(name) static __typeof__(&name) next; if (!next) next = (__typeof__(&name))dlsym(RTLD_NEXT, #name)

ssize_t write(int fd, const void *bytes, size_t count) {
    NEXT(write);
    uint32_t how = fault(fd, WRITE);
    if (fails(how))
        return -1;
    return next(fd, bytes, how == SHORTENED && count > 1 ? count / 2 : count);
}

ssize_t pwrite(int fd, const void *bytes, size_t count, off_t at) {
    NEXT(pwrite);
    uint32_t how = fault(fd, WRITE);
    if (fails(how))
        return -1;
    return next(fd, bytes, how == SHORTENED && count > 1 ? count / 2 : count, at);
}

ssize_t pwrite64(int fd, const void *bytes, size_t count, off64_t at) {
    NEXT(pwrite64);
    uint32_t how = fault(fd, WRITE);
    if (fails(how))
        return -1;
    return next(fd, bytes, how == SHORTENED && count > 1 ? count / 2 : count, at);
}

int fsync(int fd) {
    NEXT(fsync);
    return fails(fault(fd, SYNC)) ? -1 : next(fd);
}

int fdatasync(int fd) {
    NEXT(fdatasync);
    return fails(fault(fd, SYNC)) ? -1 : next(fd);
}

int ftruncate(int fd, off_t length) {
    NEXT(ftruncate);
    return fails(fault(fd, TRUNCATE)) ? -1 : next(fd, length);
}

int ftruncate64(int fd, off64_t length) {
    NEXT(ftruncate64);
    return fails(fault(fd, TRUNCATE)) ? -1 : next(fd, length);
}
