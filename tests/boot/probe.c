/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What runs inside the guest in 100-guest.sh and 110-services.sh.  As "suite" it
 * is PID 1's child
 * and starts launch once for every config-NAME in /cases; otherwise it is what
 * launch starts, named by its first argument.
 */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static void
copy(const char *from, const char *to, int mode)
{
	char buf[65536];
	ssize_t n;
	int in = open(from, O_RDONLY);
	int out = open(to, O_WRONLY | O_CREAT | O_TRUNC, mode);

	while ((n = read(in, buf, sizeof buf)) > 0)
		if (write(out, buf, (size_t)n) != n)
			break;
	close(in);
	close(out);
}

static void
show(const char *path)
{
	char buf[4096];
	int fd = open(path, O_RDONLY);
	ssize_t n = fd < 0 ? 0 : read(fd, buf, sizeof buf - 1);
	char *at = buf;

	buf[n > 0 ? n : 0] = 0;
	for (char *line; (line = strsep(&at, "\n")) && (*line || at);)
		printf("%s: %s\n", path, line);
	close(fd);
}

/* Serves one connection on the address and talks to itself through it. */
static const char *
loopback(const struct sockaddr *address, socklen_t len)
{
	char buf[5] = "";
	struct sockaddr_storage bound;
	socklen_t bound_len = sizeof bound;
	int server = socket(address->sa_family, SOCK_STREAM, 0);
	int client = socket(address->sa_family, SOCK_STREAM, 0);
	int peer;

	if (bind(server, address, len) || listen(server, 1) ||
	    getsockname(server, (struct sockaddr *)&bound, &bound_len) ||
	    connect(client, (struct sockaddr *)&bound, bound_len))
		return strerror(errno);
	peer = accept(server, NULL, NULL);
	if (write(client, "echo", 4) != 4 || read(peer, buf, 4) != 4)
		return strerror(errno);
	return strcmp(buf, "echo") == 0 ? "answers" : "garbles";
}

static int
show_network(void)
{
	struct sockaddr_in in = {.sin_family = AF_INET,
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6,
				   .sin6_addr = IN6ADDR_LOOPBACK_INIT};
	char name[65];

	gethostname(name, sizeof name);
	printf("hostname=%s\n", name);
	printf("127.0.0.1 %s\n", loopback((struct sockaddr *)&in, sizeof in));
	printf("::1 %s\n", loopback((struct sockaddr *)&in6, sizeof in6));
	show("/etc/hosts");
	show("/etc/resolv.conf");
	return 0;
}

static void
show_env(void)
{
	for (char **v = environ; *v; v++) {
		printf("env ");
		for (const char *c = *v; *c; c++)
			*c == '\n' ? fputs("\\n", stdout) : putchar(*c);
		putchar('\n');
	}
}

static int
show_self(int argc, char **argv)
{
	char path[4096] = "";
	gid_t groups[64];
	int n = getgroups(64, groups);
	struct rlimit files;
	struct rlimit core;

	for (int i = 0; i < argc; i++)
		printf("argv[%d]=%s\n", i, argv[i]);
	show_env();
	printf("cwd=%s\n", getcwd(path, sizeof path));
	printf("uid=%d/%d gid=%d/%d groups=", getuid(), geteuid(), getgid(), getegid());
	for (int i = 0; i < n; i++)
		printf("%s%d", i ? "," : "", groups[i]);
	memset(path, 0, sizeof path);
	readlink("/proc/self/fd/0", path, sizeof path - 1);
	printf("\nstdin=%s\n", path);
	printf("session=%s\n", getsid(0) == getpid() ? "own" : "shared");
	getrlimit(RLIMIT_NOFILE, &files);
	getrlimit(RLIMIT_CORE, &core);
	printf("files=%llu/%llu core=%llu\n", (unsigned long long)files.rlim_cur,
	       (unsigned long long)files.rlim_max, (unsigned long long)core.rlim_cur);
	printf("/dev/stdout %s\n",
	       open("/dev/stdout", O_WRONLY) >= 0 ? "opens" : strerror(errno));
	printf("setuid(0)=%d\n", setuid(0));
	show("/proc/self/cgroup");
	show("/proc/self/oom_score_adj");
	show("/proc/modules");
	return 3;
}

static void
run_in(const char *folder, const char *self)
{
	char path[64];
	int status = 0;
	pid_t pid;

	snprintf(path, sizeof path, "%s/probe", folder);
	copy(self, path, 0755);
	pid = fork();
	if (pid == 0) {
		execl(path, path, "nothing", NULL);
		_exit(126);
	}
	waitpid(pid, &status, 0);
	printf("%s %s\n", folder,
	       WEXITSTATUS(status) == 0 ? "runs programs" : "is noexec");
	unlink(path);
}

static void
show_mode(const char *path)
{
	struct stat st;

	printf("%s mode %o\n", path, stat(path, &st) ? 0 : st.st_mode & 07777);
}

/* pivot_root as runc does it: possible only where / is a mount with a parent. */
static const char *
pivot(void)
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		mkdir("/tmp/new", 0755);
		if (unshare(CLONE_NEWNS) ||
		    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
		    mount("new", "/tmp/new", "tmpfs", 0, NULL) || chdir("/tmp/new") ||
		    syscall(SYS_pivot_root, ".", "."))
			_exit(errno);
		_exit(0);
	}
	waitpid(pid, &status, 0);
	return WEXITSTATUS(status) ? strerror(WEXITSTATUS(status)) : "works";
}

static int
show_system(const char *self)
{
	static const char *const files[] = {"/dev/pts/ptmx",
					    "/dev/mqueue",
					    "/dev/fd/0",
					    "/dev/null",
					    "/proc/self",
					    "/sys/kernel",
					    "/sys/fs/cgroup/cgroup.controllers",
					    "/sys/fs/cgroup/init.scope/memory.max",
					    "/cmd",
					    "/env",
					    "/~complete",
					    "/modules"};

	run_in("/tmp", self);
	run_in("/run", self);
	run_in("/dev/shm", self);
	show_mode("/tmp");
	show_mode("/run");
	show_mode("/dev/shm");
	for (size_t i = 0; i < sizeof files / sizeof *files; i++)
		printf("%s %s\n", files[i],
		       access(files[i], F_OK) ? "is not there" : "is there");
	printf("pivot_root %s\n", pivot());
	show("/sys/fs/cgroup/cgroup.subtree_control");
	return 0;
}

/* The grandchild tells who its parent is once that is not its own any more. */
static int
orphan(void)
{
	char byte;
	int ends[2];

	if (pipe(ends))
		return 1;
	if (fork() == 0) {
		pid_t own = getpid();

		if (fork() == 0) {
			while (getppid() == own)
				usleep(10000);
			printf("orphan's parent is %s\n",
			       getppid() == 1 ? "init" : "launch");
		}
		_exit(fflush(stdout));
	}
	close(ends[1]);
	read(ends[0], &byte, 1);
	return 0;
}

static volatile sig_atomic_t seen;

static void
on_signal(int sig)
{
	seen = sig;
}

static int
signals(void)
{
	static const int sent[] = {SIGUSR1, SIGHUP, SIGTERM};

	for (size_t i = 0; i < 3; i++) {
		signal(sent[i], on_signal);
		seen = 0;
		kill(getppid(), sent[i]);
		for (int n = 0; n < 200 && !seen; n++)
			usleep(10000);
		printf("signal %d came back as %d\n", sent[i], seen);
	}
	return 5;
}

static int
stubborn(void)
{
	signal(SIGTERM, SIG_IGN);
	kill(getppid(), SIGTERM);
	sleep(60);
	return 1;
}

/* Takes memory until the kernel ends it. */
static int
hungry(void)
{
	for (;;) {
		void *p = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		if (p == MAP_FAILED)
			return 1;
		memset(p, 1, 1 << 20);
	}
}

static const char *word = "";

static void
on_term(int sig)
{
	(void)sig;
	printf("%s stops\n", word);
	_exit(0);
}

/* Until SIGTERM, which it says. */
static int
hold(const char *name)
{
	word = name;
	signal(SIGTERM, on_term);
	printf("%s holds\n", name);
	for (;;)
		pause();
}

/* HTTP on 127.0.0.1:port after a while: 204 for /ok, 503 for everything else. */
static int
serve(const char *port, const char *ms)
{
	struct sockaddr_in in = {.sin_family = AF_INET,
				 .sin_port = htons((uint16_t)atoi(port)),
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int server = socket(AF_INET, SOCK_STREAM, 0);
	int yes = 1;

	word = port;
	signal(SIGTERM, on_term);
	usleep((useconds_t)atoi(ms) * 1000);
	setsockopt(server, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
	if (bind(server, (struct sockaddr *)&in, sizeof in) || listen(server, 5))
		return 1;
	printf("%s listens\n", port);
	for (;;) {
		char request[500] = "";
		int peer = accept(server, NULL, NULL);

		if (read(peer, request, sizeof request - 1) > 0)
			dprintf(peer, "HTTP/1.1 %s\r\n\r\n",
				!strncmp(request, "GET /ok ", 8) ? "204 OK" : "503 No");
		close(peer);
	}
}

/* Answers to nothing but SIGKILL; silent to a probe. */
static int
deaf(const char *port)
{
	struct sockaddr_in in = {.sin_family = AF_INET,
				 .sin_port = htons((uint16_t)atoi(port)),
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int server = socket(AF_INET, SOCK_STREAM, 0);

	signal(SIGTERM, SIG_IGN);
	if (bind(server, (struct sockaddr *)&in, sizeof in) || listen(server, 5))
		return 1;
	puts("deaf");
	for (;;)
		pause();
}

/* Sends launch a signal after a while. */
static int
tell(const char *sig, const char *ms)
{
	usleep((useconds_t)atoi(ms) * 1000);
	kill(getppid(), atoi(sig));
	for (;;)
		pause();
}

/* Leaves a child of another session behind, which would go on for ever. */
static int
leave(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		int fd = open("/tmp/left", O_WRONLY | O_CREAT | O_TRUNC, 0644);

		setsid();
		signal(SIGTERM, SIG_IGN);
		dprintf(fd, "%d", getpid());
		close(fd);
		for (;;)
			pause();
	}
	while (access("/tmp/left", F_OK))
		usleep(10000);
	usleep(100000);
	return 0;
}

static int
is_left(void)
{
	char text[20] = "";
	int fd = open("/tmp/left", O_RDONLY);

	read(fd, text, sizeof text - 1);
	for (int i = 0; i < 100; i++) {
		if (kill(atoi(text), 0)) {
			puts("nothing is left");
			return 0;
		}
		usleep(10000);
	}
	puts("it is still there");
	return 1;
}

/* A line of 5000 bytes, and one that is not ended. */
static int
lines(void)
{
	for (int i = 0; i < 5000; i++)
		putchar('a' + i / 4096);
	fputs("\nlast", stdout);
	return 0;
}

static int
wait_for(const char *path, const char *then)
{
	for (;;) {
		if (access(path, F_OK) == 0) {
			puts(then);
			return 0;
		}
		usleep(20000);
	}
}

static int
make(const char *path, const char *ms)
{
	usleep((useconds_t)atoi(ms) * 1000);
	close(open(path, O_WRONLY | O_CREAT, 0644));
	return hold(path);
}

static int
service(int argc, char **argv)
{
	const char *what = argv[1];
	const char *a = argc > 2 ? argv[2] : "";
	const char *b = argc > 3 ? argv[3] : "";

	if (!strcmp(what, "say"))
		puts(a);
	if (!strcmp(what, "hold"))
		return hold(a);
	if (!strcmp(what, "serve"))
		return serve(a, b);
	if (!strcmp(what, "deaf"))
		return deaf(a);
	if (!strcmp(what, "tell"))
		return tell(a, b);
	if (!strcmp(what, "leave"))
		return leave();
	if (!strcmp(what, "is-left"))
		return is_left();
	if (!strcmp(what, "lines"))
		return lines();
	if (!strcmp(what, "wait-for"))
		return wait_for(a, b);
	if (!strcmp(what, "make"))
		return make(a, b);
	if (!strcmp(what, "exists"))
		return access(a, F_OK) ? 1 : 0;
	if (!strcmp(what, "show"))
		show(a);
	if (!strcmp(what, "exit"))
		return atoi(a);
	if (!strcmp(what, "kill"))
		raise(atoi(a));
	return 0;
}

static int
suite(void)
{
	struct dirent **names;
	int n = scandir("/cases", &names, NULL, alphasort);

	for (int i = 0; i < n; i++) {
		char path[300];
		int status = 0;
		pid_t pid;

		if (names[i]->d_name[0] == '.')
			continue;
		snprintf(path, sizeof path, "/cases/%s", names[i]->d_name);
		printf("case %s\n", names[i]->d_name);
		fflush(stdout);
		copy(path, "/.enclave/config", 0600);
		/* As AWS's init leaves it. */
		mount(NULL, "/tmp", NULL, MS_REMOUNT | MS_NOSUID | MS_NODEV | MS_NOEXEC,
		      NULL);
		pid = fork();
		if (pid == 0) {
			execl("/.enclave/launch", "launch", NULL);
			_exit(99);
		}
		waitpid(pid, &status, 0);
		printf("case %s: launch ended with %d\n", names[i]->d_name,
		       WEXITSTATUS(status));
		fflush(stdout);
	}
	kill(getpid(), SIGKILL);
	return 1;
}

int
main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "nothing";

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (!strcmp(what, "suite"))
		return suite();
	if (!strcmp(what, "self"))
		return show_self(argc, argv);
	if (!strcmp(what, "network"))
		return show_network();
	if (!strcmp(what, "system"))
		return show_system(argv[0]);
	if (!strcmp(what, "orphan"))
		return orphan();
	if (!strcmp(what, "signals"))
		return signals();
	if (!strcmp(what, "stubborn"))
		return stubborn();
	if (!strcmp(what, "hungry"))
		return hungry();
	if (!strcmp(what, "unfinished"))
		fputs("no newline", stdout);
	if (!strcmp(what, "segv"))
		raise(SIGSEGV);
	return argc > 1 ? service(argc, argv) : 0;
}
