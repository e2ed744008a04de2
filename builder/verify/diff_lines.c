/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two texts to the hunks of a unified diff, by Myers' greedy algorithm (1986) with
 * limits of differences and of work: beyond them what lies between the common begin
 * and end is told as removed and added.
 */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "verify/diff_internal.h"

/* Lines around what changed. */
#define CONTEXT ((size_t)3)

enum {
	MAX_LINES = 1 << 20, /* of a text */
	MAX_EDITS = 1000,
	MAX_WORK = 20000000, /* lines that are compared, of one pair */
	MAX_OUTPUT = 1 << 18
};

struct line {
	const char *p;
	size_t n; /* with the newline */
};

struct text {
	struct line *v;
	size_t n;
	uint8_t *edited; /* removed or added */
};

static void
text_clear(struct text *t)
{
	free(t->v);
	free(t->edited);
}
ENCL_AUTO_VAL(struct text, text_clear);

static void
split(const char *p, size_t n, struct text *out)
{
	const char *end = n ? p + n : p;
	size_t room = 64;

	out->v = encl_xmalloc(room * sizeof *out->v); /* of an empty file, too */
	while (p < end) {
		const char *nl = memchr(p, '\n', (size_t)(end - p));
		size_t len = nl && out->n + 1 < MAX_LINES ? (size_t)(nl + 1 - p)
							  : (size_t)(end - p);

		if (out->n == room) {
			room *= 2;
			out->v = encl_xrealloc(out->v, room, sizeof *out->v);
		}
		out->v[out->n++] = (struct line){p, len};
		p += len;
	}
	out->edited = encl_xcalloc(out->n + 1, 1);
}

static bool
equal(const struct line *x, const struct line *y)
{
	return x->n == y->n && !memcmp(x->p, y->p, x->n);
}

/* The middle of both, without what they begin and end with. */
struct middle {
	struct line *a, *b;
	uint8_t *edited_a, *edited_b;
	ptrdiff_t n_a, n_b;
	uint64_t work, max_work;
	int **trace; /* of each number of edits, how far each diagonal came */
};

static void
middle_clear(struct middle *m)
{
	for (size_t i = 0; m->trace && i <= MAX_EDITS; i++)
		free(m->trace[i]);
	free(m->trace);
}
ENCL_AUTO_VAL(struct middle, middle_clear);

/* How far diagonal k comes with d edits, from those with one less: *down says that
 * the last edit adds a line of B. */
static int
start(const int *before, int d, int k, bool *down)
{
	*down = k == -d || (k != d && before[k - 1 + d] < before[k + 1 + d]);
	return *down ? before[k + 1 + d] : before[k - 1 + d] + 1;
}

/* One more edit; true when the end of both is reached.  before has index k + d for
 * diagonal k, -d..d, of d - 1 edits; the result k + d + 1. */
static bool
extend(struct middle *m, const int *before, int d, int *now)
{
	for (int k = -d; k <= d && m->work < m->max_work; k += 2) {
		bool down;
		int x = d ? start(before, d, k, &down) : 0;
		int y = x - k;

		while (x < m->n_a && y < m->n_b && y >= 0 && equal(&m->a[x], &m->b[y])) {
			x++;
			y++;
			m->work++;
		}
		m->work++;
		now[k + d + 1] = x;
		if (x >= m->n_a && y >= m->n_b)
			return true;
	}
	return false;
}

static void
walk_back(struct middle *m, int d)
{
	int x = (int)m->n_a;
	int y = (int)m->n_b;

	for (; d > 0; d--) {
		int k = x - y;
		bool down;
		int from = start(m->trace[d - 1], d, k, &down);

		x = from - !down;
		y = from - k - down;
		if (down)
			m->edited_b[y] = 1;
		else
			m->edited_a[x] = 1;
	}
}

static void
mark_all(struct middle *m)
{
	memset(m->edited_a, 1, (size_t)m->n_a);
	memset(m->edited_b, 1, (size_t)m->n_b);
}

static void
compare(struct middle *m)
{
	m->trace = encl_xcalloc(MAX_EDITS + 1, sizeof *m->trace);
	for (int d = 0; d <= MAX_EDITS && m->work < m->max_work; d++) {
		int *now = encl_xmalloc((size_t)(2 * d + 3) * sizeof *now);

		/* -1 outside: no diagonal is there */
		for (int i = 0; i < 2 * d + 3; i++)
			now[i] = -1;
		m->trace[d] = now;
		if (extend(m, d ? m->trace[d - 1] : NULL, d, now)) {
			walk_back(m, d);
			return;
		}
	}
	mark_all(m);
}

static void
mark(struct text *a, struct text *b, uint64_t *budget)
{
	encl_auto(middle_clear) struct middle m = {
		.max_work = *budget < MAX_WORK ? *budget : MAX_WORK};
	size_t head = 0;
	size_t tail = 0;

	while (head < a->n && head < b->n && equal(&a->v[head], &b->v[head]))
		head++;
	while (tail < a->n - head && tail < b->n - head &&
	       equal(&a->v[a->n - 1 - tail], &b->v[b->n - 1 - tail]))
		tail++;
	m.a = a->v + head;
	m.b = b->v + head;
	m.edited_a = a->edited + head;
	m.edited_b = b->edited + head;
	m.n_a = (ptrdiff_t)(a->n - head - tail);
	m.n_b = (ptrdiff_t)(b->n - head - tail);
	if (!m.n_a || !m.n_b)
		mark_all(&m);
	else
		compare(&m);
	*budget -= m.work < *budget ? m.work : *budget;
}

/* ---- hunks ---- */

struct printer {
	const struct text *a, *b;
	struct encl_buf out;
	size_t lines, max, left_out;
};

static void
put(struct printer *p, char sign, const struct line *l)
{
	if (p->lines == p->max || p->out.len + l->n + 64 > MAX_OUTPUT) {
		p->left_out++;
		return;
	}
	p->lines++;
	encl_buf_add_byte(&p->out, (uint8_t)sign);
	encl_buf_add(&p->out, l->p, l->n);
	if (l->p[l->n - 1] != '\n')
		encl_buf_add_str(&p->out, "\n\\ No newline at end of file\n");
}

/* Where the hunk that begins with an edit at i, k ends: after it come more than two
 * contexts of the same lines, or the end. */
static void
hunk_end(const struct printer *p, size_t *i, size_t *k)
{
	size_t same = 0;

	while (*i < p->a->n || *k < p->b->n) {
		if (p->a->edited[*i] || p->b->edited[*k]) {
			same = 0;
			while (*i < p->a->n && p->a->edited[*i])
				++*i;
			while (*k < p->b->n && p->b->edited[*k])
				++*k;
		} else {
			if (++same > 2 * CONTEXT)
				break;
			++*i;
			++*k;
		}
	}
	if (same > CONTEXT) {
		size_t back = (same > 2 * CONTEXT ? same - 1 : same) - CONTEXT;

		*i -= back;
		*k -= back;
	}
}

static void
put_hunk(struct printer *p, size_t i, size_t end_i, size_t k, size_t end_k)
{
	if (p->lines < p->max)
		encl_buf_add_fmt(&p->out, "@@ -%zu,%zu +%zu,%zu @@\n", i + (end_i > i),
				 end_i - i, k + (end_k > k), end_k - k);
	while (i < end_i || k < end_k) {
		if (i < end_i && p->a->edited[i])
			put(p, '-', &p->a->v[i++]);
		else if (k < end_k && p->b->edited[k])
			put(p, '+', &p->b->v[k++]);
		else {
			put(p, ' ', &p->a->v[i++]);
			k++;
		}
	}
}

static void
print(struct printer *p)
{
	size_t i = 0;
	size_t k = 0;

	while (i < p->a->n || k < p->b->n) {
		size_t back;
		size_t from_i;
		size_t from_k;

		if (!p->a->edited[i] && !p->b->edited[k]) {
			i++;
			k++;
			continue;
		}
		back = i < CONTEXT ? i : CONTEXT;
		back = k < back ? k : back;
		from_i = i - back;
		from_k = k - back;
		hunk_end(p, &i, &k);
		put_hunk(p, from_i, i, from_k, k);
	}
	if (p->left_out)
		encl_buf_add_fmt(&p->out, "... %zu more lines\n", p->left_out);
}

char *
encl_diff_lines(const char *a, size_t n_a, const char *b, size_t n_b, size_t max,
		uint64_t *budget)
{
	encl_auto(text_clear) struct text x = {.n = 0};
	encl_auto(text_clear) struct text y = {.n = 0};
	struct printer p = {.a = &x, .b = &y, .max = max};

	split(a, n_a, &x);
	split(b, n_b, &y);
	mark(&x, &y, budget);
	encl_buf_init(&p.out, MAX_OUTPUT + 4096);
	print(&p);
	if (!p.out.len)
		return encl_xstrdup("");
	return (char *)encl_buf_steal(&p.out, NULL);
}
