/* broker.h -- a real mosquitto on a free loopback port, for contract tests. */
#ifndef MW_TESTS_BROKER_H
#define MW_TESTS_BROKER_H

#include "gateway/base/clock.h"

#include <arpa/inet.h>
#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define BROKER_START_NS (20 * MW_NS_PER_S)

struct broker {
	pid_t pid;
	int port;
	char dir[64], conf[80];
};

static inline int free_port(void)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof(at);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&at, &size), 0);
	(void)close(fd);
	return ntohs(at.sin_port);
}

static inline bool answers(int port)
{
	struct sockaddr_in at = {.sin_family = AF_INET,
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
				 .sin_port = htons((uint16_t)port)};
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	bool ok = connect(fd, (struct sockaddr *)&at, sizeof(at)) == 0;

	(void)close(fd);
	return ok;
}

static inline void write_file(const char *path, const char *text)
{
	FILE *file = fopen(path, "we");

	ck_assert_ptr_nonnull(file);
	ck_assert_int_ge(fputs(text, file), 0);
	ck_assert_int_eq(fclose(file), 0);
}

/* Chooses port and directory; the broker is not running yet. */
static inline void broker_init(struct broker *b, const char *more)
{
	char text[1024];

	b->pid = -1;
	b->port = free_port();
	(void)snprintf(b->dir, sizeof(b->dir), "/tmp/mw-mqtt-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(b->dir));
	(void)snprintf(b->conf, sizeof(b->conf), "%s/conf", b->dir);
	(void)snprintf(text, sizeof(text),
		       "listener %d 127.0.0.1\nuser root\npersistence false\nlog_dest none\n%s",
		       b->port, more ? more : "allow_anonymous true\n");
	write_file(b->conf, text);
}

static inline void broker_start(struct broker *b)
{
	int64_t until = mw_clock_mono_ns() + BROKER_START_NS;

	b->pid = fork();
	ck_assert_int_ge(b->pid, 0);
	if (b->pid == 0) {
		(void)execlp("mosquitto", "mosquitto", "-c", b->conf, (char *)NULL);
		(void)execl("/usr/sbin/mosquitto", "mosquitto", "-c", b->conf, (char *)NULL);
		_exit(127);
	}
	while (!answers(b->port) && mw_clock_mono_ns() < until)
		(void)usleep(10000);
	ck_assert_msg(answers(b->port), "mosquitto does not start");
}

static inline void broker_kill(struct broker *b)
{
	if (b->pid <= 0)
		return;
	(void)kill(b->pid, SIGKILL);
	(void)waitpid(b->pid, NULL, 0);
	b->pid = -1;
}

static inline void broker_done(struct broker *b)
{
	broker_kill(b);
	(void)unlink(b->conf);
	(void)rmdir(b->dir);
}

#endif
