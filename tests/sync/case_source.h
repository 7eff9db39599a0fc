/* A source that lists what a case says, shuffled or broken on demand. */
#ifndef US_TESTS_SYNC_CASE_SOURCE_H
#define US_TESTS_SYNC_CASE_SOURCE_H

#include "source/source.h"
#include "sync/case.h"

extern const struct us_source_ops case_source_ops; /* type "case" */

/* What the source does wrong in a run: the call `call`, counted from 1 among calls of its kind, fails with `code`. */
enum case_call { CASE_OPEN, CASE_FETCH, CASE_FIND, CASE_OUTLINE, CASE_NARROW, CASE_MARK, CASE_CHANGES, CASE_CALLS };
struct case_fault {
	enum case_call call;
	int at; /* 0: nothing */
	enum us_errc code;
};

/* Before each run: what to list; seed 0 lists in the order of the file. */
void case_source_set(const struct sync_case *c, unsigned seed, struct case_fault fault);
#define CASE_CURSOR "0" /* of a feed that begins with the first line of `changes` */
/* Whether the source can narrow; no at first: narrow then says so. */
void case_source_set_narrowing(bool narrows);
/* How often the run has made that call so far. */
int case_source_calls(enum case_call call);

/* An object line as a record; also used for `before`. */
void case_record(struct us_arena *arena, const struct case_line *line, struct us_record *ret_record);

#endif
