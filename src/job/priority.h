/* Priority: where answers and runs want the same processor, answers go first; a run has time. */
#ifndef US_JOB_PRIORITY_H
#define US_JOB_PRIORITY_H

#include <stdbool.h>

/* Whether threads may step back here: a filter of system calls may end a process that tries. Asked once, at the start. */
bool us_priority_can_step_back(void);
/* Of the calling thread and those that it starts from now on. They take what others leave, and a twentieth to a seventh of the processor where others
 * want all of it. */
void us_priority_step_back(void);

#endif
