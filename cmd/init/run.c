/* SPDX-License-Identifier: Apache-2.0 */
/* The one child: started, waited for among all orphans, and its end reported. */
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "guest/exec.h"
#include "init/init.h"

static _Noreturn void
child(char *const *argv, char *const *env)
{
	static char path[] = GUEST_PATH;
	char *const no_env[] = {path, NULL};
	sigset_t none;

	setsid();
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	_exit(guest_exec(argv, *env ? env : no_env));
}

void
init_run(char *const *argv, char *const *env)
{
	pid_t pid;
	pid_t ended;
	int status = 0;

	if (!argv[0] || !*argv[0])
		init_fatal("/cmd names no program");
	pid = fork();
	if (pid < 0)
		init_fatal("fork: ", guest_why());
	if (pid == 0)
		child(argv, env);
	while ((ended = waitpid(-1, &status, 0)) != pid)
		if (ended < 0)
			init_fatal("wait: ", guest_why());
	if (WIFSIGNALED(status))
		init_end("signal", WTERMSIG(status));
	init_end("code", WEXITSTATUS(status));
}
