/* SPDX-License-Identifier: GPL-2.0-only */
#include "store/event_check.h"

/* Sizes of the records that this version knows. */
static const size_t event_sizes[] = {
#define EVENT(symbol, number, type, plane) [number] = sizeof(struct type),
#include <ipctrace/events.def>
#undef EVENT
};

/* The kernel side leaves out the end of some records where there is nothing in it. */
static size_t event_least(__u16 type)
{
	switch (type) {
	case IPCT_EVENT_TRANSFER:
		return offsetof(struct ipct_transfer, address);
	case IPCT_EVENT_PIPE:
		return offsetof(struct ipct_pipe, name);
	case IPCT_EVENT_SOCKET:
		return offsetof(struct ipct_socket, name);
	case IPCT_EVENT_AGGREGATE: /* before there were eventfds */
		return offsetof(struct ipct_aggregate, values);
	case IPCT_EVENT_OBJECT:
		return offsetof(struct ipct_object, name);
	case IPCT_EVENT_STANDING:
		return offsetof(struct ipct_standing, name);
	default:
		return event_sizes[type];
	}
}

#define ERRNO_LAST 4095 /* MAX_ERRNO of the kernel */
#define SIGNAL_LAST 64

static bool mechanism_is_pipe(__u8 mechanism)
{
	return mechanism == IPCT_PIPE || mechanism == IPCT_FIFO;
}

static bool mechanism_is_unix(__u8 mechanism)
{
	return mechanism >= IPCT_UNIX_STREAM && mechanism <= IPCT_UNIX_SEQPACKET;
}

static bool mechanism_is_known(__u8 mechanism)
{
	return mechanism > IPCT_MECHANISM_NONE && mechanism < IPCT_MECHANISM_NR;
}

static bool role_is_known(__u8 role)
{
	return role > IPCT_ROLE_NONE && role < IPCT_ROLE_NR;
}

static bool transfer_is_good(const struct ipct_transfer *t)
{
	if ((t->flags & IPCT_TRANSFER_ADDRESS) && t->event.size < sizeof(*t))
		return false;
	if (t->result < -ERRNO_LAST || t->result > 0x7fffffff)
		return false;
	if (!role_is_known(t->role) || t->copied > (t->result > 0 ? (__u64)t->result : 0))
		return false;
	return mechanism_is_known(t->mechanism) || (t->flags & IPCT_TRANSFER_UNRESOLVED);
}

/* Do `len` bytes at `offset` of an array at `base` end within the record? */
static bool span_is_good(const struct ipct_event *event, size_t base, size_t space, size_t offset,
			 size_t len)
{
	return offset + len <= space && (!len || base + offset + len <= event->size);
}

static bool aggregate_is_good(const struct ipct_aggregate *a)
{
	if (a->error > 0 ? a->mechanism != IPCT_SIGNAL : a->error < -ERRNO_LAST)
		return false;
	if (a->mechanism == IPCT_SIGNAL && (!a->signal || a->signal > SIGNAL_LAST))
		return false;
	return mechanism_is_known(a->mechanism) && role_is_known(a->role) &&
	       a->copied <= a->bytes && a->bytes < 1ULL << 62 && a->operations < 1ULL << 62 &&
	       a->messages <= a->operations;
}

static bool mapping_is_good(const struct ipct_mapping *m)
{
	bool has_object = m->kind == IPCT_MAPPING_MAP;

	return m->kind >= IPCT_MAPPING_MAP && m->kind <= IPCT_MAPPING_ADVISE &&
	       m->start <= m->end && (mechanism_is_known(m->mechanism) || !has_object);
}

static bool sync_is_good(const struct ipct_sync *s)
{
	return mechanism_is_known(s->mechanism) &&
	       (s->role == IPCT_ROLE_POST || s->role == IPCT_ROLE_WAIT) &&
	       s->result >= -ERRNO_LAST && s->result <= 0 && s->amount >= 0;
}

static bool pass_is_good(const struct ipct_pass *p)
{
	bool has_carrier = p->kind != IPCT_PASS_TAKE;

	return p->kind >= IPCT_PASS_SEND && p->kind <= IPCT_PASS_DROP &&
	       p->passed_mechanism < IPCT_MECHANISM_NR &&
	       (!has_carrier || mechanism_is_unix(p->mechanism));
}

static bool access_is_good(const struct ipct_access *a)
{
	return a->kind >= IPCT_ACCESS_READ && a->kind <= IPCT_ACCESS_CONTROL &&
	       a->result >= -ERRNO_LAST && a->result <= 0 && a->bytes < 1ULL << 62;
}

static bool made_is_good(const struct ipct_made *m)
{
	return (m->mechanism == IPCT_FIFO || mechanism_is_unix(m->mechanism)) &&
	       span_is_good(&m->event, offsetof(struct ipct_made, name), IPCT_NAME_SPACE,
			    m->name_offset, m->name_len);
}

static bool standing_is_good(const struct ipct_standing *s)
{
	bool is_list = s->kind == IPCT_STANDING_LISTED;

	return s->kind >= IPCT_STANDING_THERE && s->kind <= IPCT_STANDING_LISTED &&
	       s->mechanism < IPCT_MECHANISM_NR && (s->mechanism || is_list) &&
	       span_is_good(&s->event, offsetof(struct ipct_standing, name), IPCT_NAME_SPACE,
			    s->name_offset, s->name_len);
}

static bool event_content_is_good(const struct ipct_event *event)
{
	const struct ipct_pipe *pipe = (const void *)event;
	const struct ipct_socket *socket = (const void *)event;
	const struct ipct_signal *signal = (const void *)event;
	const struct ipct_exec *exec = (const void *)event;
	const struct ipct_object *object = (const void *)event;
	const struct ipct_hold *hold = (const void *)event;
	const struct ipct_link *link = (const void *)event;
	const struct ipct_text *text = (const void *)event;
	const struct ipct_barrier *barrier = (const void *)event;

	switch (event->type) {
	case IPCT_EVENT_TRANSFER:
		return transfer_is_good((const void *)event);
	case IPCT_EVENT_AGGREGATE:
		return aggregate_is_good((const void *)event);
	case IPCT_EVENT_PIPE:
		return mechanism_is_pipe(pipe->mechanism) &&
		       span_is_good(event, offsetof(struct ipct_pipe, name), IPCT_NAME_SPACE,
				    pipe->name_offset, pipe->name_len);
	case IPCT_EVENT_SOCKET:
		return ipct_is_socket(socket->mechanism) &&
		       span_is_good(event, offsetof(struct ipct_socket, name), IPCT_NAME_SPACE,
				    socket->name_offset, socket->name_len);
	case IPCT_EVENT_OBJECT:
		return mechanism_is_known(object->mechanism) &&
		       span_is_good(event, offsetof(struct ipct_object, name), IPCT_NAME_SPACE,
				    object->name_offset, object->name_len);
	case IPCT_EVENT_MAPPING:
		return mapping_is_good((const void *)event);
	case IPCT_EVENT_SYNC:
		return sync_is_good((const void *)event);
	case IPCT_EVENT_PASS:
		return pass_is_good((const void *)event);
	case IPCT_EVENT_ACCESS:
		return access_is_good((const void *)event);
	case IPCT_EVENT_LINK:
		return link->old_len <= IPCT_NAME_MAX && link->new_len <= IPCT_NAME_MAX;
	case IPCT_EVENT_HOLD:
		return mechanism_is_known(hold->mechanism);
	case IPCT_EVENT_SIGNAL:
		return signal->signal > 0 && signal->signal <= SIGNAL_LAST;
	case IPCT_EVENT_EXEC:
		return exec->file_len <= exec->text_len && exec->text_len <= IPCT_TEXT_MAX;
	case IPCT_EVENT_TEXT:
		return text->text_len <= IPCT_TEXT_MAX;
	case IPCT_EVENT_BARRIER:
		return barrier->cpu < IPCT_CPUS_MAX;
	case IPCT_EVENT_MADE:
		return made_is_good((const void *)event);
	case IPCT_EVENT_STANDING:
		return standing_is_good((const void *)event);
	default:
		return true;
	}
}

enum event_verdict event_check(const struct ipct_event *event, size_t len)
{
	if (len < sizeof(*event) || event->size < sizeof(*event) || event->size > len ||
	    event->size > IPCT_RECORD_MAX || event->size % 8)
		return EVENT_BAD;
	if (event->type >= sizeof(event_sizes) / sizeof(event_sizes[0]) ||
	    !event_sizes[event->type])
		return EVENT_UNKNOWN;
	if (event->size < event_least(event->type) || !event_content_is_good(event))
		return EVENT_BAD;
	return EVENT_GOOD;
}
