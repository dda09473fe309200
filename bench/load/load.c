/* Load over SpacetimeDB's v2 WebSocket protocol, and what it measured as one line of JSON.
 *
 *   gcc -O2 -o load load.c
 *
 * Every connection has an identity of its own. Connections 0..senders-1 keep `depth` calls in flight, or an open loop at
 * `rate` calls a second; the rest subscribe. Sender and subscriber number i use channel first + i % channels.
 * An acknowledgement is a ReducerResult that says Ok; a delivery is a row in a TransactionUpdate. After the measured time
 * everything is drained, and `complete` tells whether every call was answered and every row came to everybody.
 *
 * Two dialects: Spaces (register, join, the seven arguments of send_message), and with -x the smaller module of the
 * blueprint (setup, join, send_message of two arguments, send_message6 with a key). */
#include "wire.h"

#define RING 65536
typedef struct {
  int fd, id;
  Buffer in, out, part;
  int in_message;
  uint32_t next_id, in_flight;
  uint64_t *sent_at;
  u8 identity[32];
  char *token;
} Conn;

static int port = 3000, pid, conns = 2, senders = 1, depth = 1, text_bytes = 80, channels = 1, blueprint, keyed, is_tasks;
static uint64_t first_channel = 1, server_id = 1, total;
static double seconds = 3, warm = 1, rate;
static const char *database = "spaces", *mode = "chat", *prefix = "u", *query = "";

static Conn *all;
static int poll_fd;
static Histogram ack_times, delivery_times;
static uint64_t now, acks, deliveries, messages, bytes_in, all_sent, all_acks, all_deliveries, errors, in_flight, ack_max;
static int greeted, answered, subscribed, finished, phase, measuring;
static char first_error[300];

/* ---- frames */
static void send_frame(Conn *c, const Buffer *payload) {
  static const u8 mask[4] = {0x12, 0x34, 0x56, 0x78};
  size_t n = payload->size;
  u8 head[8] = {0x82};
  int k = 2;
  if (n < 126) head[1] = 0x80 | n;
  else { head[1] = 0x80 | 126; head[2] = n >> 8; head[3] = n & 255; k = 4; }
  memcpy(head + k, mask, 4);
  put(&c->out, head, k + 4);
  u8 *to = reserve(&c->out, n);
  for (size_t i = 0; i < n; i++) to[i] = payload->data[i] ^ mask[i & 3];
  c->out.size += n;
}

static Buffer scratch;
static Buffer *begin_call(Conn *c, const char *reducer, size_t *args_at) {
  Buffer *b = &scratch;
  b->size = 0;
  put_u8(b, 3);
  put_u32(b, c->next_id++);
  put_u8(b, 0);
  put_text(b, reducer);
  *args_at = b->size;
  put_u32(b, 0);
  return b;
}
static void end_call(Conn *c, Buffer *b, size_t args_at) {
  uint32_t n = b->size - args_at - 4;
  memcpy(b->data + args_at, &n, 4);
  send_frame(c, b);
}

static void call_register(Conn *c) {
  char name[40];
  size_t at;
  snprintf(name, sizeof name, "%s%d", prefix, c->id);
  Buffer *b = begin_call(c, "register_user", &at);
  put_text(b, name);
  put_u8(b, 1);
  put_u8(b, is_tasks);
  end_call(c, b, at);
}
static void call_with_u64(Conn *c, const char *reducer, uint64_t value) {
  size_t at;
  Buffer *b = begin_call(c, reducer, &at);
  put_u64(b, value);
  end_call(c, b, at);
}
static void call_start_dm(Conn *c, const Conn *to) {
  size_t at;
  Buffer *b = begin_call(c, "start_dm", &at);
  put(b, to->identity, 32);
  end_call(c, b, at);
}
static void subscribe(Conn *c, const char *text, uint32_t set) {
  Buffer *b = &scratch;
  b->size = 0;
  put_u8(b, 0);
  put_u32(b, c->next_id++);
  put_u32(b, set);
  put_u32(b, 1);
  put_text(b, text);
  send_frame(c, b);
}

static void put_content(Buffer *b, uint64_t t) {
  put_u32(b, text_bytes);
  u8 *p = reserve(b, text_bytes);
  memset(p, 'x', text_bytes);
  stamp(p, t);
  b->size += text_bytes;
}
static void put_key(Buffer *b, Conn *c, uint32_t id) {
  char key[40];
  if (!keyed) { put_u8(b, 1); return; }
  snprintf(key, sizeof key, "%s-%05d-%08x", prefix, c->id, id);
  put_u8(b, 0);
  put_text(b, key);
}
static void send_message(Conn *c) {
  uint32_t id = c->next_id;
  uint64_t t = now_ns(), channel = first_channel + c->id % channels;
  size_t at;
  int dm = !strcmp(mode, "dm");
  Buffer *b = begin_call(c, dm ? "send_dm" : blueprint && keyed ? "send_message6" : "send_message", &at);
  put_u64(b, dm ? first_channel + c->id : channel);
  put_content(b, t);
  if (dm) { put_u8(b, 1); put_key(b, c, id); put_u8(b, 1); }
  else if (!blueprint || keyed) {
    put_u8(b, 0); put_u8(b, 1); put_u8(b, 1); put_key(b, c, id);
    if (!blueprint) put_u8(b, 1);
  }
  end_call(c, b, at);
  c->sent_at[id % RING] = t;
  c->in_flight++;
  in_flight++;
  all_sent++;
}

/* ---- answers */
static void note_error(const char *what, const u8 *d, size_t n) {
  if (errors++) return;
  size_t k = snprintf(first_error, 80, "%s: ", what);
  for (size_t i = 0; i < n && k < sizeof first_error - 1; i++)
    first_error[k++] = d[i] >= 32 && d[i] < 127 && d[i] != '"' && d[i] != '\\' ? d[i] : '.';
}

static void task_message(Conn *c, const u8 *d, size_t n);

static void on_message(Conn *c, const u8 *d, size_t n) {
  if (measuring) { messages++; bytes_in += n; }
  if (n < 2 || d[0]) { note_error("compressed or empty", d, n); return; }
  if (phase == 2 && is_tasks) { task_message(c, d, n); return; }
  const u8 *end = d + n;
  uint32_t id;
  switch (d[1]) {
  case 0: memcpy(c->identity, d + 2, 32); greeted++; return;
  case 1: subscribed++; return;
  case 2: case 5: finished++; return;
  case 6:
    memcpy(&id, d + 2, 4);
    if (d[14] > 1) note_error("ReducerResult", d + 14, n - 14);
    if (phase < 2) { answered++; return; }
    c->in_flight--; in_flight--; all_acks++;
    if (measuring) {
      uint64_t took = now - c->sent_at[id % RING];
      acks++;
      note(&ack_times, took);
      if (took > ack_max) ack_max = took;
    }
    return;
  case 4:
    if (phase < 2) return;
    for (const u8 *p = d; (p = find_stamp(p, end)); p += STAMP_BYTES) {
      all_deliveries++;
      if (measuring) { deliveries++; note(&delivery_times, now - read_stamp(p)); }
    }
    return;
  default: note_error("unexpected message", d + 1, n - 1);
  }
}

static void on_frame(Conn *c, int opcode, int final, const u8 *d, size_t n) {
  if (opcode == 2 && final && !c->in_message) on_message(c, d, n);
  else if (opcode == 2 || opcode == 0) {
    if (opcode == 2) c->part.size = 0;
    c->in_message = !final;
    put(&c->part, d, n);
    if (final) on_message(c, c->part.data, c->part.size);
  } else if (opcode == 9) {
    u8 head[6] = {0x8A, 0x80 | n};
    put(&c->out, head, 6);
    put(&c->out, d, n);
  } else if (opcode == 8) {
    fprintf(stderr, "closed by the host: connection %d, code %d %.*s\n", c->id, n >= 2 ? d[0] << 8 | d[1] : 0, n > 2 ? (int)n - 2 : 0, d + 2);
    exit(2);
  }
}

static void on_readable(Conn *c) {
  reserve(&c->in, 131072);
  ssize_t got = read(c->fd, c->in.data + c->in.size, c->in.room - c->in.size);
  if (got == 0) fail("the host ended a connection", first_error);
  if (got < 0) {
    if (errno != EAGAIN) fail("read:", strerror(errno));
    got = 0; /* what came with the handshake is there all the same */
  }
  c->in.size += got;
  size_t at = 0;
  while (c->in.size - at >= 2) {
    const u8 *b = c->in.data + at;
    size_t n = b[1] & 127, head = 2;
    if (n == 126) { head = 4; if (c->in.size - at < 4) break; n = b[2] << 8 | b[3]; }
    else if (n == 127) { head = 10; if (c->in.size - at < 10) break; n = 0; for (int i = 2; i < 10; i++) n = n << 8 | b[i]; }
    if (c->in.size - at < head + n) break;
    on_frame(c, b[0] & 15, b[0] >> 7, b + head, n);
    at += head + n;
  }
  consume(&c->in, at);
}

static void handle(int timeout_ms) {
  struct epoll_event events[1024];
  int n = epoll_wait(poll_fd, events, 1024, timeout_ms);
  for (int i = 0; i < n; i++) {
    Conn *c = all + events[i].data.u32;
    now = now_ns();
    on_readable(c);
    if (c->out.size) flush_to(c->fd, &c->out);
  }
}
static void await(const int *count, int want, const char *what) {
  uint64_t began = now_ns();
  while (*count < want) {
    handle(50);
    if (now_ns() - began > 100000000000ull) {
      fprintf(stderr, "%s: %d of %d; %s\n", what, *count, want, first_error);
      exit(3);
    }
  }
}

/* ---- connecting */
static char *mint_token(void) {
  static int fd = -1;
  char request[256], answer[8192], *body, *from, *to;
  if (fd < 0) fd = connect_tcp(port);
  int n = snprintf(request, sizeof request, "POST /v1/identity HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nContent-Length: 0\r\n\r\n", port), got = 0;
  if (write(fd, request, n) != n) fail("identity:", strerror(errno));
  for (;;) {
    ssize_t k = read(fd, answer + got, sizeof answer - 1 - got);
    if (k <= 0) fail("identity:", "the host ended the connection");
    answer[got += k] = 0;
    if ((body = strstr(answer, "\r\n\r\n")) && (from = strstr(body, "\"token\":\"")) && (to = strchr(from + 9, '"')) && answer[got - 1] == '}') break;
  }
  *to = 0;
  return strdup(from + 9);
}

static void shake_hands(Conn *c) {
  char request[4096], answer[8192], *rest;
  c->fd = connect_tcp(port);
  int n = snprintf(request, sizeof request,
                   "GET /v1/database/%s/subscribe?compression=None&confirmed=true HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n"
                   "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                   "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: v2.bsatn.spacetimedb\r\nAuthorization: Bearer %s\r\n\r\n",
                   database, port, c->token), got = 0;
  if (write(c->fd, request, n) != n) fail("handshake:", strerror(errno));
  do {
    ssize_t k = read(c->fd, answer + got, sizeof answer - 1 - got);
    if (k <= 0) fail("handshake:", "the host ended the connection");
    answer[got += k] = 0;
  } while (!(rest = strstr(answer, "\r\n\r\n")));
  if (strncmp(answer, "HTTP/1.1 101", 12)) fail("handshake:", answer);
  rest += 4;
  put(&c->in, rest, got - (rest - answer));
  fcntl(c->fd, F_SETFL, O_NONBLOCK);
  struct epoll_event e = {.events = EPOLLIN, .data.u32 = c->id};
  epoll_ctl(poll_fd, EPOLL_CTL_ADD, c->fd, &e);
}

static void make_connections(void) {
  for (int i = 0; i < conns; i++) {
    Conn *c = all + i;
    c->id = i;
    c->next_id = 1;
    c->token = mint_token();
    if (i < senders) c->sent_at = calloc(RING, 8);
  }
}

static void join_all(void) {
  int want = 0;
  for (int i = 0; i < conns; i++) {
    Conn *c = all + i;
    if (!blueprint) { call_register(c); call_with_u64(c, "join_server", server_id); want += 2; }
    else { call_with_u64(c, i < senders ? "setup" : "join", i < senders ? first_channel - 1 + channels : first_channel + (i - senders) % channels); want++; }
    flush_to(c->fd, &c->out);
    if (i % 64 == 0 || blueprint) await(&answered, want, "joining");
  }
  await(&answered, want, "joining");
  if (!strcmp(mode, "dm"))
    for (int i = 0; i < senders; i++) {
      call_start_dm(all + i, all + senders + i);
      flush_to(all[i].fd, &all[i].out);
      await(&answered, want + i + 1, "start_dm");
    }
  if (errors) fail("preparing:", first_error);
}

static void subscribe_all(void) {
  char text[160];
  for (int i = senders; i < conns; i++) {
    if (!strcmp(mode, "dm")) snprintf(text, sizeof text, "SELECT * FROM direct_message");
    else snprintf(text, sizeof text, "SELECT * FROM message WHERE channel_id = %lu", (unsigned long)(first_channel + (i - senders) % channels));
    subscribe(all + i, text, 1);
    flush_to(all[i].fd, &all[i].out);
  }
  await(&subscribed, conns - senders, "subscribing");
}

/* ---- what is measured */
static void open_loop(uint64_t *due, int *next) {
  while (*due <= now) {
    send_message(all + (*next)++ % senders);
    *due += (uint64_t)(1e9 / rate);
  }
}
static void closed_loop(void) {
  for (int i = 0; i < senders; i++)
    while ((int)all[i].in_flight < depth && (!total || all_sent < total)) send_message(all + i);
}

static void chat(void) {
  uint64_t start = now_ns(), measured_from = 0, due = start, stop = start + (uint64_t)((warm + seconds) * 1e9);
  double user0 = 0, kernel0 = 0, user1, kernel1;
  int next = 0;
  if (total) { warm = 0; stop = start + 600000000000ull; }
  for (;;) {
    now = now_ns();
    if (now >= stop || (total && all_acks >= total)) break;
    if (!measuring && now >= start + (uint64_t)(warm * 1e9)) {
      measuring = 1;
      measured_from = now;
      cpu_of(pid, &user0, &kernel0);
    }
    if (rate > 0) open_loop(&due, &next);
    else closed_loop();
    for (int i = 0; i < senders; i++)
      if (all[i].out.size) flush_to(all[i].fd, &all[i].out);
    uint64_t t = now_ns();
    struct timespec wait = {0, rate > 0 ? (due > t ? (due - t < 50000000 ? due - t : 50000000) : 0) : 50000000};
    struct epoll_event events[1024];
    int n = epoll_pwait2(poll_fd, events, 1024, &wait, 0);
    for (int i = 0; i < n; i++) {
      Conn *c = all + events[i].data.u32;
      now = now_ns();
      on_readable(c);
      if (c->out.size) flush_to(c->fd, &c->out);
    }
  }
  double took = (now_ns() - measured_from) / 1e9;
  cpu_of(pid, &user1, &kernel1);
  measuring = 0;
  uint64_t each = !strcmp(mode, "dm") ? 1 : (conns - senders) / channels, want = all_sent * each, since = now_ns();
  while ((in_flight || all_deliveries < want) && now_ns() - since < 20000000000ull) handle(50);
  double cpu = user1 + kernel1 - user0 - kernel0;
  printf("{\"seconds\":%.3f,\"tx_s\":%.1f,\"deliveries_s\":%.1f,\"messages_s\":%.0f,\"MB_s\":%.2f,\"ack_p50_ms\":%.4f,"
         "\"ack_p99_ms\":%.4f,\"ack_max_ms\":%.2f,\"delivery_p50_ms\":%.4f,\"delivery_p99_ms\":%.4f,\"cpu\":%.3f,"
         "\"cpu_kernel\":%.3f,\"cpu_us_tx\":%.3f,\"acks\":%lu,\"deliveries\":%lu,\"complete\":%s,\"errors\":%lu,\"error\":\"%s\"}\n",
         took, acks / took, deliveries / took, messages / took, bytes_in / took / 1e6, quantile_us(&ack_times, .5) / 1e3,
         quantile_us(&ack_times, .99) / 1e3, ack_max / 1e6, quantile_us(&delivery_times, .5) / 1e3,
         quantile_us(&delivery_times, .99) / 1e3, cpu / took, (kernel1 - kernel0) / took, acks ? cpu * 1e6 / acks : 0,
         (unsigned long)all_acks, (unsigned long)all_deliveries, !in_flight && all_deliveries == want ? "true" : "false",
         (unsigned long)errors, first_error);
}

/* Connections one after the other, `depth` at once: handshake, InitialConnection, the snapshot of `query`. */
static void connect_storm(void) {
  uint64_t began = now_ns();
  for (int i = 0; i < conns; i++) {
    uint64_t t = now_ns();
    shake_hands(all + i);
    on_readable(all + i);
    subscribe(all + i, query, 1);
    flush_to(all[i].fd, &all[i].out);
    if (i >= depth) await(&subscribed, i + 1 - depth, "connecting");
    note(&ack_times, now_ns() - t);
  }
  await(&subscribed, conns, "connecting");
  double took = (now_ns() - began) / 1e9;
  printf("{\"connections\":%d,\"connections_s\":%.1f,\"complete\":%s}\n", conns, conns / took, errors ? "false" : "true");
}

/* The same question `total` times by one connection: OneOffQuery, its rows and its time. */
static void ask(void) {
  uint64_t from = 0;
  for (uint64_t i = 0; i < total; i++) {
    Buffer *b = &scratch;
    b->size = 0;
    put_u8(b, 2);
    put_u32(b, all->next_id++);
    put_text(b, query);
    from = now_ns();
    send_frame(all, b);
    flush_to(all->fd, &all->out);
    measuring = 1;
    await(&finished, i + 1, "asking");
    note(&ack_times, now_ns() - from);
  }
  printf("{\"asked\":%lu,\"bytes\":%lu,\"p50_ms\":%.4f,\"p99_ms\":%.4f,\"complete\":%s}\n", (unsigned long)total, (unsigned long)(bytes_in / total),
         quantile_us(&ack_times, .5) / 1e3, quantile_us(&ack_times, .99) / 1e3, errors ? "false" : "true");
}

/* `depth` subscriptions on each connection, then nothing until the standard input ends. */
static void idle(void) {
  char text[120], byte;
  for (int i = 0; i < conns; i++) {
    for (int k = 0; k < depth; k++) {
      snprintf(text, sizeof text, "SELECT * FROM message WHERE channel_id = %lu", (unsigned long)(1000000 + (uint64_t)i * depth + k));
      subscribe(all + i, text, k + 1);
    }
    flush_to(all[i].fd, &all[i].out);
    await(&subscribed, (i + 1) * depth, "subscribing");
  }
  printf("{\"subscriptions\":%d}\n", subscribed);
  fflush(stdout);
  struct epoll_event e = {.events = EPOLLIN, .data.u32 = 0xFFFFFFFF}, events[64];
  epoll_ctl(poll_fd, EPOLL_CTL_ADD, 0, &e);
  for (;;) {
    int n = epoll_wait(poll_fd, events, 64, 1000);
    for (int i = 0; i < n; i++) {
      if (events[i].data.u32 == 0xFFFFFFFF) { if (read(0, &byte, 1) <= 0) return; continue; }
      Conn *c = all + events[i].data.u32;
      on_readable(c);
      flush_to(c->fd, &c->out);
    }
  }
}

#include "tasks.h"

int main(int argc, char **argv) {
  int o;
  while ((o = getopt(argc, argv, "P:D:c:s:d:r:n:t:w:p:k:f:S:N:m:u:q:xK")) != -1) switch (o) {
    case 'P': port = atoi(optarg); break;
    case 'D': database = optarg; break;
    case 'c': conns = atoi(optarg); break;
    case 's': senders = atoi(optarg); break;
    case 'd': depth = atoi(optarg); break;
    case 'r': rate = atof(optarg); break;
    case 'n': text_bytes = atoi(optarg); break;
    case 't': seconds = atof(optarg); break;
    case 'w': warm = atof(optarg); break;
    case 'p': pid = atoi(optarg); break;
    case 'k': channels = atoi(optarg); break;
    case 'f': first_channel = atoll(optarg); break;
    case 'S': server_id = atoll(optarg); break;
    case 'N': total = atoll(optarg); break;
    case 'm': mode = optarg; break;
    case 'u': prefix = optarg; break;
    case 'q': query = optarg; break;
    case 'x': blueprint = 1; break;
    case 'K': keyed = 1; break;
    default: return 1;
  }
  is_tasks = !strcmp(mode, "tasks");
  struct rlimit files = {65536, 65536};
  setrlimit(RLIMIT_NOFILE, &files);
  all = calloc(conns, sizeof *all);
  poll_fd = epoll_create1(0);
  make_connections();
  if (!strcmp(mode, "connect")) { connect_storm(); return 0; }
  for (int i = 0; i < conns; i++) shake_hands(all + i);
  for (int i = 0; i < conns; i++) on_readable(all + i);
  await(&greeted, conns, "greeting");
  phase = 1;
  if (!strcmp(mode, "idle")) { idle(); return 0; }
  join_all();
  if (!strcmp(mode, "ask")) { ask(); return 0; }
  if (is_tasks) prepare_workers();
  else subscribe_all();
  usleep(300000);
  phase = 2;
  if (is_tasks) tasks();
  else chat();
  return 0;
}
