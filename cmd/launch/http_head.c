/* SPDX-License-Identifier: Apache-2.0 */
/* The head of a request, read strictly. */
#include "launch/http_head.h"

#include <string.h>
#include <strings.h>

size_t
http_head_end(const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (p[i] != '\n')
			continue;
		if (i + 1 < n && p[i + 1] == '\n')
			return i + 2;
		if (i + 2 < n && p[i + 1] == '\r' && p[i + 2] == '\n')
			return i + 3;
	}
	return 0;
}

static bool
is_token(struct http_part p)
{
	static const char others[] = "!#$%&'*+-.^_`|~";

	for (size_t i = 0; i < p.n; i++) {
		char c = p.at[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
		      (c >= '0' && c <= '9') || (c && strchr(others, c))))
			return false;
	}
	return p.n > 0;
}

bool
http_part_is(struct http_part p, const char *word)
{
	return p.n == strlen(word) && !strncasecmp(p.at, word, p.n);
}

bool
http_head_wrong(struct http_head *h, const char *why)
{
	h->why = why;
	return false;
}

bool
http_part_cut(struct http_part *p, char c, struct http_part *out)
{
	const char *end = memchr(p->at, c, p->n);

	if (!end)
		return false;
	*out = (struct http_part){p->at, (size_t)(end - p->at)};
	p->n -= out->n + 1;
	p->at = end + 1;
	return true;
}

struct http_part
http_part_trimmed(struct http_part p)
{
	while (p.n && (p.at[0] == ' ' || p.at[0] == '\t')) {
		p.at++;
		p.n--;
	}
	while (p.n && (p.at[p.n - 1] == ' ' || p.at[p.n - 1] == '\t'))
		p.n--;
	return p;
}

static bool
read_request_line(struct http_head *h, struct http_part line)
{
	if (!http_part_cut(&line, ' ', &h->method) ||
	    !http_part_cut(&line, ' ', &h->target) || !is_token(h->method) ||
	    h->method.n > 32)
		return http_head_wrong(h, "the first line is not METHOD TARGET HTTP/1.1");
	h->old = line.n == 8 && !memcmp(line.at, "HTTP/1.0", 8);
	if (!h->old && (line.n != 8 || memcmp(line.at, "HTTP/1.1", 8) != 0))
		return http_head_wrong(h, "the first line is not METHOD TARGET HTTP/1.1");
	for (size_t i = 0; i < h->target.n; i++)
		if (h->target.at[i] <= ' ' || h->target.at[i] >= 0x7f)
			return http_head_wrong(h,
					       "the target has a byte that no URL has");
	return h->target.n || http_head_wrong(h, "there is no target");
}

static bool
read_header(struct http_head *h, struct http_part line)
{
	struct http_part name;

	if (h->n == HTTP_HEADERS_MAX)
		return http_head_wrong(h, "there are too many header lines");
	if (!http_part_cut(&line, ':', &name) || !is_token(name))
		return http_head_wrong(h, "a header line is not NAME: VALUE");
	for (size_t i = 0; i < line.n; i++)
		if ((unsigned char)line.at[i] < ' ' && line.at[i] != '\t')
			return http_head_wrong(h,
					       "a header line has a control character");
	h->names[h->n] = name;
	h->values[h->n++] = http_part_trimmed(line);
	return true;
}

bool
http_head_read(struct http_head *h, const char *p, size_t n)
{
	struct http_part all = {p, n};
	struct http_part line;
	bool first = true;

	while (http_part_cut(&all, '\n', &line)) {
		if (!line.n || line.at[line.n - 1] != '\r')
			return http_head_wrong(h, "a line does not end with CR LF");
		line.n--;
		if (!line.n && !first)
			return !all.n ||
			       http_head_wrong(h, "the head goes on behind its end");
		if (first ? !read_request_line(h, line) : !read_header(h, line))
			return false;
		first = false;
	}
	return http_head_wrong(h, "the head has no end");
}

size_t
http_head_find(const struct http_head *h, const char *name, struct http_part *value)
{
	size_t found = 0;

	for (size_t i = 0; i < h->n; i++)
		if (http_part_is(h->names[i], name)) {
			*value = h->values[i];
			found++;
		}
	return found;
}
