/* SPDX-License-Identifier: Apache-2.0 */
/* Rules of faultd: text to what one request is to meet. */
#include "faults.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"

static uint64_t
draw(struct faults *f) /* xorshift64*; under the lock */
{
	f->random ^= f->random >> 12;
	f->random ^= f->random << 25;
	f->random ^= f->random >> 27;
	return f->random * UINT64_C(2685821657736338717) >> 16;
}

/* "N" or "random": some byte but the last. */
uint64_t
fault_point(struct faults *f, const char *text, uint64_t size)
{
	uint64_t at;

	if (strcmp(text, "random") != 0)
		return strtoull(text, NULL, 10);
	pthread_mutex_lock(&f->lock);
	at = size > 1 ? 1 + draw(f) % (size - 1) : 0;
	pthread_mutex_unlock(&f->lock);
	return at;
}

static void
follow(struct plan *p, const char *action, const char *arg)
{
	const struct {
		const char *name;
		const char **out;
	} texts[] = {{"status", &p->status},	 {"redirect", &p->redirect},
		     {"location", &p->location}, {"file", &p->file},
		     {"code", &p->code},	 {"upcut", &p->upcut},
		     {"cut", &p->cut},		 {"reset", &p->cut}};
	const struct {
		const char *name;
		bool *out;
	} flags[] = {{"drop", &p->drop},       {"norange", &p->norange},
		     {"reset", &p->reset},     {"rubbish", &p->rubbish},
		     {"unsized", &p->unsized}, {"referrers", &p->referrers},
		     {"mute", &p->mute}};

	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
		if (!strcmp(action, texts[i].name))
			*texts[i].out = arg;
	for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++)
		if (!strcmp(action, flags[i].name))
			*flags[i].out = true;
	if (!strcmp(action, "header") && p->n_headers < MAX_HEADERS)
		p->headers[p->n_headers++] = arg;
	if (!strcmp(action, "stall"))
		p->stall = strtoull(arg, NULL, 10);
	if (!strcmp(action, "pad"))
		p->pad = strtoull(arg, NULL, 10);
	if (!strcmp(action, "length"))
		p->length = strtol(arg, NULL, 10);
	if (!strcmp(action, "rate"))
		p->rate = strtoul(arg, NULL, 10);
	if (!strcmp(action, "late"))
		p->late = strtoul(arg, NULL, 10);
}

void
fault_plan(struct faults *f, const struct request *q, struct plan *p)
{
	encl_auto(encl_free) char *given = serve_basic(q);

	*p = (struct plan){.stall = NOWHERE};
	pthread_mutex_lock(&f->lock);
	if (f->wire) {
		fprintf(f->wire, "%s\n", q->head);
		fflush(f->wire);
	}
	for (size_t i = 0; i < f->n; i++) {
		struct rule *r = &f->rules[i];

		if (strcmp(r->method, "*") != 0 && strcmp(r->method, q->method) != 0)
			continue;
		if (strcmp(r->substring, "*") != 0 && !strstr(q->target, r->substring))
			continue;
		if (!strcmp(r->action, "guard")) {
			if (given && !strcmp(given, r->arg))
				continue;
			p->refused = true; /* no other rule meets it */
			break;
		}
		r->seen++;
		if (r->seen >= r->from && r->seen <= r->to)
			follow(p, r->action, r->arg);
	}
	pthread_mutex_unlock(&f->lock);
}

static const char KNOWN[] =
	" status redirect guard drop upcut referrers header location code norange cut reset "
	"stall rate rubbish pad length unsized file late mute ";

bool
fault_rule(struct faults *f, char *text)
{
	struct rule *r = &f->rules[f->n];
	char *save = NULL;
	char *count = strtok_r(text, " ", &save);
	char *method = strtok_r(NULL, " ", &save);
	encl_auto(encl_free) char *known = NULL;
	char *end;

	r->substring = strtok_r(NULL, " ", &save);
	r->action = strtok_r(NULL, " ", &save);
	if (!r->action || strlen(method) >= sizeof r->method || f->n + 1 == MAX_RULES)
		return false;
	memcpy(r->method, method, strlen(method) + 1);
	r->arg = save ? save + strspn(save, " ") : "";
	r->from = 1;
	r->to = strtoul(count, &end, 10);
	if (*end == '-') {
		r->from = r->to;
		r->to = strtoul(end + 1, NULL, 10);
	}
	if (!strcmp(count, "*"))
		r->to = ~0UL;
	known = encl_xasprintf(" %s ", r->action);
	f->n++;
	return r->to >= r->from && strstr(KNOWN, known);
}

void
fault_sleep(unsigned long ms)
{
	while (ms--)
		usleep(1000);
}
