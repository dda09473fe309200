/* The same load for servers that users might take instead: Redis Streams (-m redis) and NATS JetStream (-m nats).
 *
 *   gcc -O2 -o peers peers.c
 *
 * Senders keep `depth` writes in flight, each acknowledged by the server; subscribers read one stream or consumer each.
 * Texts carry the time they were sent at, as in load.c, and the same figures come out. */
#include "wire.h"

#define RING 65536
typedef struct {
  int fd, id;
  Buffer in, out;
  uint64_t sent, acked, sent_at[RING];
  char last_id[48];
} Conn;

static int port, pid, conns = 2, senders = 1, depth = 1, text_bytes = 80, channels = 1, redis;
static double seconds = 3, warm = 1;
static Conn *all;
static int poll_fd, measuring, ready;
static Histogram ack_times, delivery_times;
static uint64_t now, acks, deliveries, all_sent, all_acks, all_deliveries, errors;

static void say(Conn *c, const char *text) { put(&c->out, text, strlen(text)); }

static void write_one(Conn *c) {
  char head[160];
  uint64_t t = now_ns();
  if (redis)
    snprintf(head, sizeof head, "*5\r\n$4\r\nXADD\r\n$6\r\nch%04d\r\n$1\r\n*\r\n$1\r\nt\r\n$%d\r\n", c->id % channels, text_bytes);
  else snprintf(head, sizeof head, "PUB s.ch%04d r.%d %d\r\n", c->id % channels, c->id, text_bytes);
  say(c, head);
  u8 *p = reserve(&c->out, text_bytes);
  memset(p, 'x', text_bytes);
  stamp(p, t);
  c->out.size += text_bytes;
  say(c, "\r\n");
  c->sent_at[c->sent++ % RING] = t;
  all_sent++;
}

static void acknowledged(Conn *c) {
  uint64_t took = now - c->sent_at[c->acked++ % RING];
  all_acks++;
  if (measuring) { acks++; note(&ack_times, took); }
}

static void delivered(const u8 *p, const u8 *end) {
  while ((p = find_stamp(p, end))) {
    all_deliveries++;
    if (measuring) { deliveries++; note(&delivery_times, now - read_stamp(p)); }
    p += STAMP_BYTES;
  }
}

static void read_stream(Conn *c) {
  char text[200];
  snprintf(text, sizeof text, "*8\r\n$5\r\nXREAD\r\n$5\r\nCOUNT\r\n$4\r\n5000\r\n$5\r\nBLOCK\r\n$1\r\n0\r\n$7\r\nSTREAMS\r\n$6\r\nch%04d\r\n$%zu\r\n%s\r\n",
           (c->id - senders) % channels, strlen(c->last_id), c->last_id);
  say(c, text);
}

/* The length of one RESP value at p, 0 if it has not arrived whole; notes the last stream id that it holds. */
static size_t resp(Conn *c, const u8 *p, const u8 *end) {
  const u8 *line = memchr(p, '\n', end - p);
  if (!line) return 0;
  size_t head = line + 1 - p;
  long n = strtol((const char *)p + 1, NULL, 10);
  if (*p == '-') { errors++; return head; }
  if (*p == '$') {
    if (n < 0) return head;
    if ((size_t)(end - p) < head + n + 2) return 0;
    if (n < 48 && memchr(line + 1, '-', n) && line[1] >= '0' && line[1] <= '9') { memcpy(c->last_id, line + 1, n); c->last_id[n] = 0; }
    return head + n + 2;
  }
  if (*p == '*')
    for (; n > 0; n--) {
      size_t k = p + head < end ? resp(c, p + head, end) : 0;
      if (!k) return 0;
      head += k;
    }
  return head;
}

static void on_redis(Conn *c) {
  size_t at = 0, n;
  while (at < c->in.size && (n = resp(c, c->in.data + at, c->in.data + c->in.size))) {
    if (c->id < senders) acknowledged(c);
    else { delivered(c->in.data + at, c->in.data + at + n); read_stream(c); }
    at += n;
  }
  consume(&c->in, at);
}

static void on_nats(Conn *c) {
  size_t at = 0;
  for (;;) {
    u8 *p = c->in.data + at, *end = c->in.data + c->in.size, *line = memchr(p, '\n', end - p);
    if (!line) break;
    size_t used = line + 1 - p;
    if (!memcmp(p, "MSG ", 4)) {
      u8 *q = line;
      while (q[-1] != ' ') q--;
      long n = strtol((char *)q, NULL, 10);
      if ((size_t)(end - line - 1) < (size_t)n + 2) break;
      if (p[4] == 'a') { ready++; if (memmem(line + 1, n, "\"error\"", 7)) { fprintf(stderr, "%.*s\n", (int)n, line + 1); errors++; } }
      else if (p[4] == 'r') { if (memmem(line + 1, n, "\"error\"", 7)) errors++; acknowledged(c); }
      else delivered(line + 1, line + 1 + n);
      used += n + 2;
    } else if (!memcmp(p, "PING", 4)) say(c, "PONG\r\n");
    else if (*p == '-') errors++;
    at += used;
    if (at >= c->in.size) break;
  }
  consume(&c->in, at);
}

static void readable(Conn *c) {
  reserve(&c->in, 131072);
  ssize_t n = read(c->fd, c->in.data + c->in.size, c->in.room - c->in.size);
  if (n == 0) fail("the server ended a connection", "");
  if (n < 0) { if (errno == EAGAIN) return; fail("read:", strerror(errno)); }
  c->in.size += n;
  if (redis) on_redis(c); else on_nats(c);
}

static void handle(int timeout_ms) {
  struct epoll_event events[1024];
  int n = epoll_wait(poll_fd, events, 1024, timeout_ms);
  for (int i = 0; i < n; i++) {
    Conn *c = all + events[i].data.u32;
    now = now_ns();
    readable(c);
    if (c->out.size) flush_to(c->fd, &c->out);
  }
}

static void await_ready(int want) {
  uint64_t since = now_ns();
  while (ready < want) { handle(20); if (now_ns() - since > 20000000000ull) fail("no answer to", "a request"); }
}

static void prepare_nats(void) {
  char body[400], text[600];
  for (int i = 0; i < conns; i++) {
    snprintf(text, sizeof text, "CONNECT {\"verbose\":false}\r\nSUB a.%d 1\r\nSUB r.%d 2\r\nSUB d.%d 3\r\n", i, i, i);
    say(all + i, text);
  }
  snprintf(body, sizeof body, "{\"name\":\"S\",\"subjects\":[\"s.*\"],\"storage\":\"file\",\"max_consumers\":-1}");
  snprintf(text, sizeof text, "PUB $JS.API.STREAM.CREATE.S a.0 %zu\r\n%s\r\n", strlen(body), body);
  say(all, text);
  flush_to(all->fd, &all->out);
  await_ready(1);
  for (int i = senders; i < conns; i++) {
    snprintf(body, sizeof body,
             "{\"stream_name\":\"S\",\"config\":{\"deliver_subject\":\"d.%d\",\"ack_policy\":\"none\",\"deliver_policy\":\"new\","
             "\"replay_policy\":\"instant\",\"filter_subject\":\"s.ch%04d\"}}", i, (i - senders) % channels);
    snprintf(text, sizeof text, "PUB $JS.API.CONSUMER.CREATE.S a.%d %zu\r\n%s\r\n", i, strlen(body), body);
    say(all + i, text);
    flush_to(all[i].fd, &all[i].out);
    await_ready(i - senders + 2);
  }
}

int main(int argc, char **argv) {
  int o;
  while ((o = getopt(argc, argv, "P:c:s:d:n:t:w:p:k:m:")) != -1) switch (o) {
    case 'P': port = atoi(optarg); break;
    case 'c': conns = atoi(optarg); break;
    case 's': senders = atoi(optarg); break;
    case 'd': depth = atoi(optarg); break;
    case 'n': text_bytes = atoi(optarg); break;
    case 't': seconds = atof(optarg); break;
    case 'w': warm = atof(optarg); break;
    case 'p': pid = atoi(optarg); break;
    case 'k': channels = atoi(optarg); break;
    case 'm': redis = !strcmp(optarg, "redis"); break;
    default: return 1;
  }
  struct rlimit files = {65536, 65536};
  setrlimit(RLIMIT_NOFILE, &files);
  all = calloc(conns, sizeof *all);
  poll_fd = epoll_create1(0);
  for (int i = 0; i < conns; i++) {
    all[i].id = i;
    all[i].fd = connect_tcp(port);
    strcpy(all[i].last_id, "$");
    fcntl(all[i].fd, F_SETFL, O_NONBLOCK);
    struct epoll_event e = {.events = EPOLLIN, .data.u32 = i};
    epoll_ctl(poll_fd, EPOLL_CTL_ADD, all[i].fd, &e);
  }
  if (!redis) prepare_nats();
  else for (int i = senders; i < conns; i++) read_stream(all + i);
  for (int i = 0; i < conns; i++) flush_to(all[i].fd, &all[i].out);
  for (int i = 0; i < 20; i++) handle(20);
  uint64_t start = now_ns(), from = 0;
  double user0 = 0, kernel0 = 0, user1, kernel1;
  for (;;) {
    now = now_ns();
    if (now >= start + (uint64_t)((warm + seconds) * 1e9)) break;
    if (!measuring && now >= start + (uint64_t)(warm * 1e9)) { measuring = 1; from = now; cpu_of(pid, &user0, &kernel0); }
    for (int i = 0; i < senders; i++) {
      while (all[i].sent - all[i].acked < (uint64_t)depth) write_one(all + i);
      if (all[i].out.size) flush_to(all[i].fd, &all[i].out);
    }
    handle(50);
  }
  double took = (now_ns() - from) / 1e9;
  cpu_of(pid, &user1, &kernel1);
  measuring = 0;
  uint64_t want = all_sent * ((conns - senders) / channels), since = now_ns();
  while ((all_acks < all_sent || all_deliveries < want) && now_ns() - since < 20000000000ull) handle(50);
  double cpu = user1 + kernel1 - user0 - kernel0;
  printf("{\"seconds\":%.3f,\"tx_s\":%.1f,\"deliveries_s\":%.1f,\"ack_p50_ms\":%.4f,\"ack_p99_ms\":%.4f,\"delivery_p50_ms\":%.4f,"
         "\"delivery_p99_ms\":%.4f,\"cpu\":%.3f,\"cpu_kernel\":%.3f,\"cpu_us_tx\":%.3f,\"acks\":%lu,\"deliveries\":%lu,\"complete\":%s,\"errors\":%lu,\"error\":\"\"}\n",
         took, acks / took, deliveries / took, quantile_us(&ack_times, .5) / 1e3, quantile_us(&ack_times, .99) / 1e3,
         quantile_us(&delivery_times, .5) / 1e3, quantile_us(&delivery_times, .99) / 1e3, cpu / took, (kernel1 - kernel0) / took,
         acks ? cpu * 1e6 / acks : 0, (unsigned long)all_acks, (unsigned long)all_deliveries,
         all_acks == all_sent && all_deliveries == want ? "true" : "false", (unsigned long)errors);
  return 0;
}
