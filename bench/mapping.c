/* What mapping costs: microseconds of the processor per user, for the plain rows and for more work, on one core.
 *
 *     mapping [USERS]       default 200000
 *
 * One line for each setting: its name, a tab, microseconds. The rounds of the settings take turns, so that a machine that is busy for a while is
 * busy for all of them; the best round counts. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/json.h"
#include "model/mapping.h"

enum { PAGE = 1000, ROUNDS = 7, FIELDS = 14 };

#define PLAIN "{\"attribute\":\"department\",\"from\":\"department\"},{\"attribute\":\"phone\",\"from\":[\"mobile\",\"telephoneNumber\"]}," \
	"{\"attribute\":\"title\",\"from\":\"title\"},{\"attribute\":\"city\",\"from\":\"l\"},{\"attribute\":\"employee\",\"from\":\"employeeNumber\"}"
#define OWN "{\"attribute\":\"username\",\"from\":\"uid\"},{\"attribute\":\"fullName\",\"from\":\"displayName\"},{\"attribute\":\"firstName\",\"from\":\"givenName\"}," \
	"{\"attribute\":\"lastName\",\"from\":\"sn\"},{\"attribute\":\"email\",\"from\":\"mail\"}"
/* Ten rows, of which two are regular expressions; others have a template, a table, and changes of case. */
#define TEN "{\"attribute\":\"username\",\"from\":\"mail\",\"transform\":[\"lower\",{\"regex\":{\"find\":\"@example\\\\.com$\",\"replace\":\"\"}}]}," \
	"{\"attribute\":\"fullName\",\"template\":\"{sn}, {givenName}\"},{\"attribute\":\"firstName\",\"from\":\"givenName\",\"transform\":\"trim\"}," \
	"{\"attribute\":\"lastName\",\"from\":\"sn\"},{\"attribute\":\"email\",\"from\":\"mail\",\"transform\":\"lower\"}," \
	"{\"attribute\":\"department\",\"from\":\"department\",\"transform\":{\"table\":{\"Engineering\":\"ENG\",\"Sales\":\"SAL\"}}}," \
	"{\"attribute\":\"phone\",\"from\":[\"mobile\",\"telephoneNumber\"],\"transform\":{\"regex\":{\"find\":\"^\\\\+49 ?(\\\\d+)[ -]?(\\\\d+)$\",\"replace\":\"0$1/$2\"}}}," \
	"{\"attribute\":\"title\",\"from\":\"title\"},{\"attribute\":\"city\",\"from\":\"l\"},{\"attribute\":\"employee\",\"from\":\"employeeNumber\"}"
#define LUA "{\"attribute\":\"initials\",\"script\":\"return (user.givenName or ''):sub(1, 1) .. (user.sn or ''):sub(1, 1)\"}"

static const struct {
	const char *name, *rows;
} settings[] = {
	{ "plain, ten rows", OWN "," PLAIN },
	{ "ten rows, two of them regular expressions", TEN },
	{ "the same and a script", TEN "," LUA },
};
enum { N_SETTINGS = sizeof settings / sizeof *settings };

static struct us_mapping *open_mapping(struct us_arena *arena, const char *rows)
{
	struct us_str text = US_STR_INIT;
	const struct us_json *conf;
	struct us_mapping *mapping;
	struct us_err err = US_ERR_INIT;

	us_str_printf(&text, "{\"mapping\":[%s]}", rows);
	if (us_json_parse(arena, us_str_slice(&text), US_JSON_LIMITS_SMALL, &conf, &err) || us_mapping_new(arena, NULL, conf, US_SLICE("bench"), &mapping, &err)) {
		fprintf(stderr, "mapping: %s\n", err.text);
		exit(1);
	}
	us_str_fini(&text);
	return mapping;
}

static void fill(struct us_arena *arena, struct us_record *r, int i)
{
	static const char *const names[FIELDS] = { "objectClass", "uid", "cn", "displayName", "givenName", "sn", "mail", "department", "title", "l",
		"employeeNumber", "telephoneNumber", "mobile", "description" };
	const char *values[FIELDS] = { "inetOrgPerson", us_arena_printf(arena, "user%06d", i), us_arena_printf(arena, "Given%d Family%d", i % 997, i % 4999),
		us_arena_printf(arena, "Given%d Family%d", i % 997, i % 4999), us_arena_printf(arena, "Given%d", i % 997), us_arena_printf(arena, "Family%d", i % 4999),
		us_arena_printf(arena, "Given%d.Family%d.%d@example.com", i % 997, i % 4999, i), i % 3 ? "Engineering" : "Sales", "Software Engineer", "Berlin",
		us_arena_printf(arena, "%07d", i), us_arena_printf(arena, "+49 30 %06d", i), us_arena_printf(arena, "+49 170 %06d", i), "of the bench" };
	struct us_field *fields = us_arena_array(arena, FIELDS, sizeof *fields);
	struct us_slice *slices = us_arena_array(arena, FIELDS, sizeof *slices);

	for (int k = 0; k < FIELDS; k++) {
		slices[k] = us_slice(values[k]);
		fields[k] = (struct us_field) { us_slice(names[k]), &slices[k], 1 };
	}
	*r = (struct us_record) { .kind = US_RECORD_USER, .id = slices[1], .fields = fields, .n_fields = FIELDS, .active = US_TRI_YES };
}

static double processor_us(void)
{
	struct timespec now;

	if (clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now))
		exit(1);
	return (double) now.tv_sec * 1e6 + (double) now.tv_nsec / 1e3;
}

static double once(struct us_mapping *mapping, const struct us_record *records, int users)
{
	struct us_arena arena = US_ARENA_INIT;
	double begun = processor_us();

	for (int i = 0; i < users; i++) {
		struct us_mapped mapped;
		if (i % PAGE == 0)
			us_arena_reset(&arena);
		us_mapping_user(mapping, &(struct us_mapping_input) { .record = &records[i % PAGE] }, &arena, &mapped);
		if (mapped.kind != US_MAPPED_WANTED)
			exit(1);
	}
	double took = (processor_us() - begun) / users;
	us_arena_fini(&arena);
	return took;
}

int main(int argc, char **argv)
{
	int users = argc > 1 ? atoi(argv[1]) : 200000;
	struct us_arena arena = US_ARENA_INIT;
	struct us_record *records = us_arena_array(&arena, PAGE, sizeof *records);
	struct us_mapping *mappings[N_SETTINGS];
	double best[N_SETTINGS];

	for (int i = 0; i < PAGE; i++)
		fill(&arena, &records[i], i);
	for (int k = 0; k < N_SETTINGS; k++) {
		mappings[k] = open_mapping(&arena, settings[k].rows);
		best[k] = 1e9;
	}
	for (int round = 0; round < ROUNDS; round++)
		for (int k = 0; k < N_SETTINGS; k++) {
			double took = once(mappings[k], records, users);
			if (took < best[k])
				best[k] = took;
		}
	for (int k = 0; k < N_SETTINGS; k++) {
		printf("%s\t%.3f\n", settings[k].name, best[k]);
		us_mapping_free(mappings[k]);
	}
	us_arena_fini(&arena);
	return 0;
}
