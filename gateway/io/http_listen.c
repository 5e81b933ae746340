#include "gateway/io/http_impl.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define SOCKET_MODE 0660

/* --- the unix socket -------------------------------------------------------------------------- */

static mw_err make_address(const char *path, struct sockaddr_un *ret_address, char *why,
			   size_t why_size)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	if (strlen(path) >= sizeof(address.sun_path))
		return mw_why(MW_E_CONFIG, why, why_size,
			      "%s: a socket's path has at most %zu characters", path,
			      sizeof(address.sun_path) - 1);
	memcpy(address.sun_path, path, strlen(path) + 1);
	*ret_address = address;
	return MW_E_OK;
}

/* Removes what a killed daemon left, but nothing else and nobody's living socket. */
static mw_err clear_path(const struct sockaddr_un *address, char *why, size_t why_size)
{
	struct stat st;
	int fd, answered;

	if (lstat(address->sun_path, &st) != 0)
		return errno == ENOENT ? MW_E_OK
				       : mw_why(MW_E_IO, why, why_size, "%s: %s", address->sun_path,
						strerror(errno));
	if (!S_ISSOCK(st.st_mode))
		return mw_why(MW_E_IO, why, why_size, "%s: there is a file that is not a socket",
			      address->sun_path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	answered =
	    fd >= 0 && (connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0 ||
			errno == EAGAIN);
	if (fd >= 0)
		(void)close(fd);
	if (answered)
		return mw_why(MW_E_IO, why, why_size, "%s: another daemon answers there",
			      address->sun_path);
	if (unlink(address->sun_path) != 0)
		return mw_why(MW_E_IO, why, why_size, "%s: %s", address->sun_path, strerror(errno));
	return MW_E_OK;
}

mw_err http_listen_unix(struct http_socket *at, char *why, size_t why_size, int *ret_fd)
{
	struct sockaddr_un address;
	struct stat st;
	int fd;
	mw_err err = make_address(at->path, &address, why, why_size);

	if (!err)
		err = clear_path(&address, why, why_size);
	if (err)
		return err;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	/* fchmod before bind: the file is never open to more than it shall be, whatever the umask.
	 */
	if (fd < 0 || fchmod(fd, SOCKET_MODE) != 0 ||
	    bind(fd, (const struct sockaddr *)&address, sizeof(address)) != 0 ||
	    chmod(at->path, SOCKET_MODE) != 0 || listen(fd, SOMAXCONN) != 0 ||
	    stat(at->path, &st) != 0) {
		err = mw_why(MW_E_IO, why, why_size, "%s: %s", at->path, strerror(errno));
		if (fd >= 0)
			(void)close(fd);
		return err;
	}
	at->dev = st.st_dev;
	at->ino = st.st_ino;
	*ret_fd = fd;
	return MW_E_OK;
}

void http_unlink(const struct http_socket *at)
{
	struct stat st;

	if (stat(at->path, &st) == 0 && st.st_dev == at->dev && st.st_ino == at->ino)
		(void)unlink(at->path);
}

/* --- loopback --------------------------------------------------------------------------------- */

union address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

static bool parse_port(const char *text, in_port_t *ret_port)
{
	char *end;
	unsigned long port = strtoul(text, &end, 10);

	if (*text < '0' || *text > '9' || *end || port > 65535)
		return false;
	*ret_port = htons((uint16_t)port);
	return true;
}

/* "127.0.0.1:8787" or "[::1]:8787"; a name is not looked up. */
static bool parse_address(const char *text, union address *ret_address)
{
	const char *colon = strrchr(text, ':');
	size_t length = colon ? (size_t)(colon - text) : 0;
	char host[64];
	in_port_t port;

	if (!colon || length >= sizeof(host) || !parse_port(colon + 1, &port))
		return false;
	memcpy(host, text, length);
	host[length] = '\0';
	memset(ret_address, 0, sizeof(*ret_address));
	if (host[0] == '[' && host[length - 1] == ']') {
		host[length - 1] = '\0';
		ret_address->v6.sin6_family = AF_INET6;
		ret_address->v6.sin6_port = port;
		return inet_pton(AF_INET6, host + 1, &ret_address->v6.sin6_addr) == 1;
	}
	ret_address->v4.sin_family = AF_INET;
	ret_address->v4.sin_port = port;
	return inet_pton(AF_INET, host, &ret_address->v4.sin_addr) == 1;
}

static bool is_loopback(const union address *address)
{
	if (address->any.sa_family == AF_INET6)
		return IN6_IS_ADDR_LOOPBACK(&address->v6.sin6_addr);
	return ntohl(address->v4.sin_addr.s_addr) >> 24 == 127;
}

static mw_err make_tcp(const char *text, char *why, size_t why_size, union address *ret_address)
{
	if (!parse_address(text, ret_address))
		return mw_why(MW_E_CONFIG, why, why_size,
			      "\"%s\" is no address and port such as \"127.0.0.1:8787\"", text);
	if (!is_loopback(ret_address))
		return mw_why(MW_E_CONFIG, why, why_size,
			      "\"%s\" is not loopback: the page has no login; put a proxy that has "
			      "one before it",
			      text);
	return MW_E_OK;
}

mw_err mw_http_check_listen(const char *listen, char *why, size_t why_size)
{
	union address address;

	return *listen ? make_tcp(listen, why, why_size, &address) : MW_E_OK;
}

static void name_address(const union address *address, char ret_address[HTTP_ADDRESS_SIZE])
{
	bool is_v6 = address->any.sa_family == AF_INET6;
	const void *host = is_v6 ? (const void *)&address->v6.sin6_addr : &address->v4.sin_addr;
	char text[INET6_ADDRSTRLEN] = "";

	(void)inet_ntop(address->any.sa_family, host, text, sizeof(text));
	(void)snprintf(ret_address, HTTP_ADDRESS_SIZE, "http://%s%s%s:%u/", is_v6 ? "[" : "", text,
		       is_v6 ? "]" : "",
		       ntohs(is_v6 ? address->v6.sin6_port : address->v4.sin_port));
}

mw_err http_listen_tcp(const char *text, char *why, size_t why_size, int *ret_fd,
		       char ret_address[HTTP_ADDRESS_SIZE])
{
	union address address;
	socklen_t size;
	int fd, on = 1;
	mw_err err = make_tcp(text, why, why_size, &address);

	if (err)
		return err;
	size = address.any.sa_family == AF_INET6 ? sizeof(address.v6) : sizeof(address.v4);
	fd = socket(address.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0 ||
	    bind(fd, &address.any, size) != 0 || listen(fd, SOMAXCONN) != 0 ||
	    getsockname(fd, &address.any, &size) != 0) {
		err = mw_why(MW_E_IO, why, why_size, "http.listen %s: %s", text, strerror(errno));
		if (fd >= 0)
			(void)close(fd);
		return err;
	}
	name_address(&address, ret_address);
	*ret_fd = fd;
	return MW_E_OK;
}
