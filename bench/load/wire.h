/* What the load programs share: time, histograms, buffers, sockets, CPU time of the server. Loopback only. */
#ifndef BENCH_WIRE_H
#define BENCH_WIRE_H
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

typedef unsigned char u8;

static inline uint64_t now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1000000000ull + t.tv_nsec;
}

static inline void fail(const char *what, const char *detail) {
  fprintf(stderr, "%s %s\n", what, detail);
  exit(2);
}

/* Histogram of nanoseconds: 64 steps an octave, so values are right within 1.6 %. */
typedef struct { uint64_t count[64 * 64]; } Histogram;

static inline void note(Histogram *h, uint64_t v) {
  int e = v < 64 ? 0 : 63 - __builtin_clzll(v);
  h->count[v < 64 ? (int)v : (e - 5) * 64 + (int)((v >> (e - 6)) & 63)]++;
}

static inline double quantile_us(const Histogram *h, double q) {
  uint64_t n = 0, seen = 0;
  for (int i = 0; i < 4096; i++) n += h->count[i];
  if (!n) return 0;
  uint64_t want = (uint64_t)(q * n);
  if (want >= n) want = n - 1;
  for (int i = 0; i < 4096; i++) {
    seen += h->count[i];
    if (seen > want) return (i < 64 ? i : (double)((64ull + (i & 63)) << (i / 64 - 1)) * 1.0078) / 1e3;
  }
  return 0;
}

typedef struct { u8 *data; size_t size, room; } Buffer;

static inline u8 *reserve(Buffer *b, size_t more) {
  if (b->size + more > b->room) {
    b->room = (b->size + more) * 2;
    b->data = realloc(b->data, b->room);
    if (!b->data) fail("no memory", "");
  }
  return b->data + b->size;
}

static inline void put(Buffer *b, const void *d, size_t n) {
  memcpy(reserve(b, n), d, n);
  b->size += n;
}
static inline void put_u8(Buffer *b, unsigned v) { u8 c = v; put(b, &c, 1); }
static inline void put_u32(Buffer *b, uint32_t v) { put(b, &v, 4); }
static inline void put_u64(Buffer *b, uint64_t v) { put(b, &v, 8); }
static inline void put_text(Buffer *b, const char *s) {
  put_u32(b, strlen(s));
  put(b, s, strlen(s));
}

static inline void consume(Buffer *b, size_t n) {
  if (n) memmove(b->data, b->data + n, b->size - n);
  b->size -= n;
}

static inline int connect_tcp(int port) {
  struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port)};
  a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  if (connect(fd, (struct sockaddr *)&a, sizeof a)) fail("connect:", strerror(errno));
  return fd;
}

static inline void flush_to(int fd, Buffer *b) {
  size_t sent = 0;
  while (sent < b->size) {
    ssize_t n = write(fd, b->data + sent, b->size - sent);
    if (n < 0) {
      if (errno == EAGAIN) break;
      fail("write:", strerror(errno));
    }
    sent += n;
  }
  consume(b, sent);
}

/* User and system CPU seconds of a process, all its threads. */
static inline void cpu_of(int pid, double *user, double *kernel) {
  char path[64], text[2048];
  unsigned long u = 0, k = 0;
  snprintf(path, sizeof path, "/proc/%d/stat", pid);
  FILE *f = fopen(path, "r");
  *user = *kernel = 0;
  if (!f) return;
  size_t n = fread(text, 1, sizeof text - 1, f);
  text[n] = 0;
  fclose(f);
  char *p = strrchr(text, ')');
  if (p && sscanf(p + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &u, &k) == 2) {
    *user = u / (double)sysconf(_SC_CLK_TCK);
    *kernel = k / (double)sysconf(_SC_CLK_TCK);
  }
}

/* Message texts carry the time they were sent at: "~TS~" and 16 hex digits of nanoseconds. */
#define STAMP_BYTES 20
static inline void stamp(u8 *p, uint64_t t) {
  memcpy(p, "~TS~", 4);
  for (int i = 0; i < 16; i++) p[4 + i] = "0123456789abcdef"[(t >> (60 - 4 * i)) & 15];
}
static inline uint64_t read_stamp(const u8 *p) {
  uint64_t t = 0;
  for (int i = 4; i < STAMP_BYTES; i++) t = t * 16 + (p[i] <= '9' ? p[i] - '0' : p[i] - 'a' + 10);
  return t;
}
/* The next stamp in [p, end), or NULL. */
static inline const u8 *find_stamp(const u8 *p, const u8 *end) {
  while (p < end && (p = memchr(p, '~', end - p)) && end - p >= STAMP_BYTES) {
    if (!memcmp(p, "~TS~", 4)) return p;
    p++;
  }
  return NULL;
}
#endif
