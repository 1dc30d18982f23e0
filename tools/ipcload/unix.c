/* SPDX-License-Identifier: GPL-2.0-only */
/* Unix sockets: stream, datagram, sequenced packets. */
#include <sys/socket.h>

#include "datagram.h"
#include "flags.h"
#include "message.h"
#include "service.h"
#include "stream.h"

static const struct duct_kind stream_pair = DUCT_PAIR("unix-stream", SOCK_STREAM);
static const struct duct_kind stream_path =
	DUCT_CONNECTION("unix-stream", SOCK_STREAM, "/listener");
static const struct duct_kind stream_abstract =
	DUCT_CONNECTION("unix-stream", SOCK_STREAM, "@listener");
static const struct duct_kind seqpacket_pair = DUCT_PAIR("unix-seqpacket", SOCK_SEQPACKET);
static const struct duct_kind seqpacket_path =
	DUCT_CONNECTION("unix-seqpacket", SOCK_SEQPACKET, "/listener");
static const struct duct_kind seqpacket_abstract =
	DUCT_CONNECTION("unix-seqpacket", SOCK_SEQPACKET, "@listener");
static const struct duct_kind dgram_pair = DUCT_PAIR("unix-dgram", SOCK_DGRAM);
static const struct duct_kind dgram_path = DUCT_DATAGRAMS("unix-dgram", "/server");
static const struct duct_kind dgram_abstract = DUCT_DATAGRAMS("unix-dgram", "@server");

static const struct datagram_kind sendto_path = { .mechanism = "unix-dgram", .server = "/server" };
static const struct datagram_kind sendto_abstract = { .mechanism = "unix-dgram",
						      .server = "@server" };

const struct scenario unix_stream_scenarios[] = {
	STREAM_SCENARIOS("unix-stream", &stream_pair),
	FLAGS_SCENARIOS("unix-stream", &stream_pair),
	FLAGS_STREAM_SCENARIOS("unix-stream", &stream_pair),
	SERVICE_SCENARIOS("unix-stream", &stream_path),
	PRECONNECTED_SCENARIO("unix-stream", "-preconnected", &stream_path),
	SCENARIO("unix-stream", "-path", &stream_path, "connected through a path",
		 stream_run_simple),
	SCENARIO("unix-stream", "-abstract", &stream_abstract, "connected through an abstract name",
		 stream_run_simple),
	{ 0 },
};

const struct scenario unix_dgram_scenarios[] = {
	MESSAGE_SCENARIOS("unix-dgram", &dgram_pair),
	FLAGS_SCENARIOS("unix-dgram", &dgram_pair),
	FLAGS_MESSAGE_SCENARIOS("unix-dgram", &dgram_pair),
	SCENARIO("unix-dgram", "-sendto", &sendto_path, "sendto() a path, answers to another",
		 datagram_run_sendto),
	SCENARIO("unix-dgram", "-sendto-abstract", &sendto_abstract,
		 "sendto() an abstract name, answers to autobound ones", datagram_run_sendto),
	SCENARIO("unix-dgram", "-recv", &sendto_path, "P clients without a name, no answers",
		 datagram_run_recv),
	SCENARIO("unix-dgram", "-uring-async", &sendto_path,
		 "P clients without a name, workers of io_uring receive", datagram_run_uring),
	SCENARIO("unix-dgram", "-path", &dgram_path, "both ends bound to paths, connected",
		 message_run_simple),
	SCENARIO("unix-dgram", "-abstract", &dgram_abstract,
		 "both ends bound to abstract names, connected", message_run_simple),
	{ 0 },
};

const struct scenario unix_seqpacket_scenarios[] = {
	MESSAGE_SCENARIOS("unix-seqpacket", &seqpacket_pair),
	FLAGS_SCENARIOS("unix-seqpacket", &seqpacket_pair),
	FLAGS_MESSAGE_SCENARIOS("unix-seqpacket", &seqpacket_pair),
	SERVICE_SCENARIOS("unix-seqpacket", &seqpacket_path),
	SCENARIO("unix-seqpacket", "-path", &seqpacket_path, "connected through a path",
		 message_run_simple),
	SCENARIO("unix-seqpacket", "-abstract", &seqpacket_abstract,
		 "connected through an abstract name", message_run_simple),
	{ 0 },
};
