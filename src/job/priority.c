#include "job/priority.h"

#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { STEP_BACK = 8 };

bool us_priority_can_step_back(void)
{
	int status;

	if (prctl(PR_GET_SECCOMP) == 0)
		return true;
	/* A child tries: if the filter kills, it kills that one. */
	pid_t child = fork();
	if (child == 0) {
		prctl(PR_SET_DUMPABLE, 0);
		_exit(setpriority(PRIO_PROCESS, 0, getpriority(PRIO_PROCESS, 0)) != 0);
	}
	return child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

void us_priority_step_back(void)
{
	/* Who 0 is the calling thread. What fails here costs readers some throughput, nothing else. */
	setpriority(PRIO_PROCESS, 0, getpriority(PRIO_PROCESS, 0) + STEP_BACK);
}
