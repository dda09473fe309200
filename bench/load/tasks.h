/* Tasks: `senders` connections submit, the others claim and complete as agents do (src/agent_spaces/agents/workers.py):
 * each subscribes to what its skill may claim, takes one of the 32 oldest that it sees at random, and after a lost race
 * waits up to its patience, 5 to 100 ms, which doubles with each loss and halves with each success. The title of a task
 * carries the time at which it was submitted. Included by load.c. */
#ifndef BENCH_TASKS_H
#define BENCH_TASKS_H

enum { SUBMIT = 1, CLAIM, COMPLETE };
enum { UNSEEN, OPEN, GONE };
#define CHOICE_MAX 32
#define SUBMITS_IN_FLIGHT_MAX 8
#define PATIENCE_MIN_NS 5000000ull
#define PATIENCE_MAX_NS 100000000ull
#define LEASE_SECONDS 120

typedef struct {
  u8 *seen;         /* by task id: UNSEEN, OPEN, GONE; a claimable row that comes a second time is its deletion */
  uint64_t *order;  /* open ids as they came; those before `head` are gone */
  size_t seen_room, order_size, order_room, head;
  uint64_t task, due, patience, asked_at;
  int op; /* what is in flight: CLAIM, COMPLETE, or nothing */
} Worker;

static Worker *workers;
static Histogram claim_times, wait_times;
static uint64_t submitted, claimed, claims, refusals, completions, submits;
static uint64_t *posted_at;
static size_t posted_room;

static void see(Worker *w, uint64_t id, uint64_t posted) {
  if (id >= w->seen_room) {
    size_t room = id * 2 + 1024;
    w->seen = realloc(w->seen, room);
    memset(w->seen + w->seen_room, UNSEEN, room - w->seen_room);
    w->seen_room = room;
  }
  if (id >= posted_room) {
    posted_room = id * 2 + 1024;
    posted_at = realloc(posted_at, posted_room * 8);
  }
  posted_at[id] = posted;
  if (w->seen[id] == UNSEEN) {
    if (w->order_size == w->order_room) w->order = realloc(w->order, (w->order_room = w->order_room * 2 + 1024) * 8);
    w->order[w->order_size++] = id;
    w->seen[id] = OPEN;
  } else w->seen[id] = GONE;
}

/* Every row of table task in a message, by the stamp in its title: id, server, channel, no thread, parent, title; skill,
 * target, creator, state, phase. */
static void see_rows(Worker *w, const u8 *d, const u8 *end) {
  const size_t before = 37, phase_at = STAMP_BYTES + 4 + 5 + 32 + 32 + 1;
  for (const u8 *p = d; (p = find_stamp(p, end)); p += STAMP_BYTES) {
    uint64_t id;
    if ((size_t)(p - d) < before || p + phase_at >= end) { note_error("a row without a task", p, STAMP_BYTES); continue; }
    memcpy(&id, p - before, 8);
    if (p[phase_at] == 0) see(w, id, read_stamp(p));
  }
}

static void call_submit(Conn *c) {
  size_t at;
  u8 title[STAMP_BYTES];
  stamp(title, now_ns());
  Buffer *b = begin_call(c, "submit_task", &at);
  put_u64(b, first_channel);
  put_u8(b, 1);
  put_u64(b, 0);
  put_u32(b, STAMP_BYTES);
  put(b, title, STAMP_BYTES);
  put_text(b, "");
  put_text(b, "bench");
  put_u8(b, 1);
  put_u32(b, 3);
  put_u8(b, 1);
  put_u8(b, 1);
  end_call(c, b, at);
  c->in_flight++;
  in_flight++;
  submitted++;
}

static void call_claim(Conn *c, Worker *w) {
  size_t at;
  Buffer *b = begin_call(c, "claim_task", &at);
  put_u64(b, w->task);
  put_u32(b, LEASE_SECONDS);
  end_call(c, b, at);
  w->op = CLAIM;
  w->asked_at = now_ns();
  in_flight++;
}

static void call_complete(Conn *c, Worker *w) {
  size_t at;
  Buffer *b = begin_call(c, "complete_task", &at);
  put_u64(b, w->task);
  put_u32(b, 1);
  put_text(b, "done");
  end_call(c, b, at);
  w->op = COMPLETE;
  in_flight++;
}

static void task_answer(Conn *c, const u8 *d, size_t n) {
  int refused = d[14] > 1;
  in_flight--;
  if (c->id < senders) {
    c->in_flight--;
    if (refused) note_error("submit_task", d + 14, n - 14);
    else if (measuring) submits++;
    return;
  }
  Worker *w = workers + c->id - senders;
  int op = w->op;
  w->op = 0;
  if (op == COMPLETE) {
    if (refused) note_error("complete_task", d + 14, n - 14);
    else if (measuring) completions++;
    return;
  }
  if (measuring) note(&claim_times, now - w->asked_at);
  if (refused) {
    if (!memmem(d, n, "is held by", 10) && !memmem(d, n, "is completed", 12)) note_error("claim_task", d + 14, n - 14);
    if (measuring) refusals++;
    w->seen[w->task] = GONE;
    w->patience = w->patience * 2 < PATIENCE_MIN_NS ? PATIENCE_MIN_NS : w->patience * 2 > PATIENCE_MAX_NS ? PATIENCE_MAX_NS : w->patience * 2;
    return;
  }
  claimed++;
  if (measuring) { claims++; note(&wait_times, now - posted_at[w->task]); }
  w->patience = w->patience > PATIENCE_MIN_NS / 2 ? w->patience / 2 : 0;
  call_complete(c, w);
}

static void task_message(Conn *c, const u8 *d, size_t n) {
  if (d[1] != 6 && d[1] != 4) { note_error("unexpected message", d + 1, n - 1); return; }
  if (c->id >= senders) see_rows(workers + c->id - senders, d, d + n);
  if (d[1] == 6) task_answer(c, d, n);
}

/* Choose a task and when to claim it, or claim the chosen one when its time has come. */
static void act(Conn *c, Worker *w) {
  if (w->op) return;
  if (w->due) {
    if (now < w->due) return;
    w->due = 0;
    if (w->seen[w->task] == OPEN) { call_claim(c, w); return; }
  }
  uint64_t choice[CHOICE_MAX];
  int n = 0;
  while (w->head < w->order_size && w->seen[w->order[w->head]] == GONE) w->head++;
  for (size_t i = w->head; i < w->order_size && n < CHOICE_MAX; i++)
    if (w->seen[w->order[i]] == OPEN) choice[n++] = w->order[i];
  if (!n) return;
  w->task = choice[rand() % n];
  if (w->patience) w->due = now + (uint64_t)((double)rand() / RAND_MAX * w->patience);
  else call_claim(c, w);
}

static void prepare_workers(void) {
  int want = answered;
  char text[200], hex[65];
  workers = calloc(conns - senders, sizeof *workers);
  for (int i = senders; i < conns; i++) {
    size_t at;
    Conn *c = all + i;
    Buffer *b = begin_call(c, "set_agent_card", &at);
    put_text(b, "Works");
    put_u32(b, 1);
    put_text(b, "bench");
    put_u8(b, 1);
    end_call(c, b, at);
    want++;
    for (int k = 0; k < 32; k++) snprintf(hex + 2 * k, 3, "%02x", c->identity[31 - k]);
    subscribe(c, "SELECT * FROM task WHERE skill = 'bench' AND phase = 0", 1);
    snprintf(text, sizeof text, "SELECT * FROM task WHERE assignee = 0x%s AND phase = 1", hex);
    subscribe(c, text, 2);
    snprintf(text, sizeof text, "SELECT * FROM task WHERE assignee = 0x%s AND phase = 2", hex);
    subscribe(c, text, 3);
    snprintf(text, sizeof text, "SELECT * FROM task WHERE target = 0x%s AND phase = 0", hex);
    subscribe(c, text, 4);
    flush_to(c->fd, &c->out);
  }
  await(&answered, want, "agent cards");
  await(&subscribed, (conns - senders) * 4, "subscribing");
  if (errors) fail("preparing:", first_error);
}

static double own_cpu(void) {
  struct rusage u;
  getrusage(RUSAGE_SELF, &u);
  return u.ru_utime.tv_sec + u.ru_stime.tv_sec + (u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static void submit_due(uint64_t *due, int *next) {
  if (rate > 0) {
    for (; *due <= now; *due += (uint64_t)(1e9 / rate)) call_submit(all + (*next)++ % senders);
    return;
  }
  for (int i = 0; i < senders; i++)
    while (all[i].in_flight < SUBMITS_IN_FLIGHT_MAX && submitted < claimed + depth) call_submit(all + i);
}

/* `depth` tasks are kept open, or with -r so many are submitted a second. */
static void tasks(void) {
  uint64_t start = now_ns(), measured_from = 0, due = start, stop = start + (uint64_t)((warm + seconds) * 1e9), since;
  double user0 = 0, kernel0 = 0, user1, kernel1, own0 = 0;
  int next = 0;
  while ((now = now_ns()) < stop) {
    if (!measuring && now >= start + (uint64_t)(warm * 1e9)) {
      measuring = 1;
      measured_from = now;
      own0 = own_cpu();
      cpu_of(pid, &user0, &kernel0);
    }
    submit_due(&due, &next);
    uint64_t wake = rate > 0 && due < now + 50000000 ? due : now + 50000000;
    for (int i = 0; i < conns; i++) {
      Conn *c = all + i;
      if (i >= senders) {
        Worker *w = workers + i - senders;
        act(c, w);
        if (!w->op && w->due && w->due < wake) wake = w->due;
      }
      if (c->out.size) flush_to(c->fd, &c->out);
    }
    uint64_t t = now_ns();
    struct timespec wait = {0, wake > t ? wake - t : 0};
    struct epoll_event events[1024];
    int n = epoll_pwait2(poll_fd, events, 1024, &wait, 0);
    for (int i = 0; i < n; i++) {
      now = now_ns();
      on_readable(all + events[i].data.u32);
    }
  }
  double took = (now_ns() - measured_from) / 1e9, own = own_cpu() - own0;
  cpu_of(pid, &user1, &kernel1);
  measuring = 0;
  for (since = now_ns(); in_flight && now_ns() - since < 20000000000ull;) handle(50);
  double cpu = user1 + kernel1 - user0 - kernel0;
  uint64_t transactions = submits + claims + completions;
  printf("{\"seconds\":%.3f,\"claims_s\":%.1f,\"refused_s\":%.1f,\"tx_s\":%.1f,\"calls_s\":%.1f,\"claim_p50_ms\":%.3f,\"claim_p99_ms\":%.3f,"
         "\"post_to_claim_p50_ms\":%.3f,\"post_to_claim_p99_ms\":%.3f,\"claims\":%lu,\"cpu\":%.3f,\"load_cpu\":%.3f,"
         "\"complete\":%s,\"errors\":%lu,\"error\":\"%s\"}\n",
         took, claims / took, refusals / took, transactions / took, (transactions + refusals) / took, quantile_us(&claim_times, .5) / 1e3,
         quantile_us(&claim_times, .99) / 1e3, quantile_us(&wait_times, .5) / 1e3, quantile_us(&wait_times, .99) / 1e3,
         (unsigned long)claims, cpu / took, own / took, in_flight ? "false" : "true", (unsigned long)errors, first_error);
}
#endif
