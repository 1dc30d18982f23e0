/* SPDX-License-Identifier: GPL-2.0-only */
/* TCP and UDP on this machine: IPv4, IPv6, v4-mapped, other local addresses. */
#include <sys/socket.h>

#include "datagram.h"
#include "flags.h"
#include "message.h"
#include "service.h"
#include "stream.h"

#define TCP_KIND(rx, tx)                                                                           \
	{                                                                                          \
		.mechanism = "tcp", .open = duct_open_connection, .type = SOCK_STREAM,             \
		.address = rx, .target = tx                                                        \
	}
#define UDP_KIND(rx, tx)                                                                           \
	{                                                                                          \
		.mechanism = "udp", .open = duct_open_datagrams, .type = SOCK_DGRAM,               \
		.address = rx, .target = tx, .is_lossy = true                                      \
	}

static const struct duct_kind tcp_v4 = TCP_KIND("127.0.0.1", NULL);
static const struct duct_kind tcp_v6 = TCP_KIND("::1", NULL);
static const struct duct_kind tcp_mapped = TCP_KIND("::", "127.0.0.1");
static const struct duct_kind tcp_other = TCP_KIND("127.0.0.2", NULL);
static const struct duct_kind tcp_own = TCP_KIND("own", NULL);
static const struct duct_kind udp_v4 = UDP_KIND("127.0.0.1", NULL);
static const struct duct_kind udp_v6 = UDP_KIND("::1", NULL);
static const struct duct_kind udp_mapped = UDP_KIND("::", "127.0.0.1");
static const struct duct_kind udp_other = UDP_KIND("127.0.0.2", NULL);
static const struct duct_kind udp_own = UDP_KIND("own", NULL);

#define TCP_SCENARIO(suffix, kind, text) SCENARIO("tcp", suffix, kind, text, stream_run_simple)
#define UDP_SCENARIO(suffix, kind, text) SCENARIO("udp", suffix, kind, text, message_run_simple)

#define SENDTO_KIND(rx, tx)                                                                        \
	{                                                                                          \
		.mechanism = "udp", .server = rx, .target = tx, .is_lossy = true                   \
	}

static const struct datagram_kind sendto_v4 = SENDTO_KIND("127.0.0.1", NULL);
static const struct datagram_kind sendto_v6 = SENDTO_KIND("::1", NULL);
static const struct datagram_kind sendto_mapped = SENDTO_KIND("::", "127.0.0.1");

const struct scenario tcp_scenarios[] = {
	STREAM_SCENARIOS("tcp", &tcp_v4),
	FLAGS_SCENARIOS("tcp", &tcp_v4),
	FLAGS_STREAM_SCENARIOS("tcp", &tcp_v4),
	SERVICE_SCENARIOS("tcp", &tcp_v4),
	PRECONNECTED_SCENARIO("tcp", "-preconnected", &tcp_v4),
	TCP_SCENARIO("-ipv6", &tcp_v6, "over ::1"),
	TCP_SCENARIO("-mapped", &tcp_mapped, "an IPv4 client of a server on [::]"),
	TCP_SCENARIO("-other-address", &tcp_other, "over 127.0.0.2"),
	TCP_SCENARIO("-own-address", &tcp_own, "over an address that is no loopback"),
	{ 0 },
};

const struct scenario udp_scenarios[] = {
	MESSAGE_SCENARIOS("udp", &udp_v4),
	FLAGS_SCENARIOS("udp", &udp_v4),
	FLAGS_MESSAGE_SCENARIOS("udp", &udp_v4),
	SCENARIO("udp", "-sendto", &sendto_v4, "not connected, answers to recvfrom()'s address",
		 datagram_run_sendto),
	SCENARIO("udp", "-sendto-ipv6", &sendto_v6, "the same over ::1", datagram_run_sendto),
	SCENARIO("udp", "-sendto-mapped", &sendto_mapped, "IPv4 clients of a server on [::]",
		 datagram_run_sendto),
	SCENARIO("udp", "-recv", &sendto_v4, "P clients, recv() without address, no answers",
		 datagram_run_recv),
	UDP_SCENARIO("-ipv6", &udp_v6, "over ::1"),
	UDP_SCENARIO("-mapped", &udp_mapped, "an IPv4 client of a server on [::]"),
	UDP_SCENARIO("-other-address", &udp_other, "over 127.0.0.2"),
	UDP_SCENARIO("-own-address", &udp_own, "over an address that is no loopback"),
	{ 0 },
};
