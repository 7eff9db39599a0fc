/* Followers of a directory's feed, over random runs: one listing after the other, plans that are held and approved late, simulations that are
 * applied later, undos, restarts. Whoever mirrored the directory at some moment and follows from then on, in pages of any size, ends equal to who reads
 * it all. On the way each row fits: nobody comes twice or goes who is not there, and members have the names that the follower knows. Prints TAP.
 *
 *     run_follow        USERSYNC_RANDOM_SEED: of the first round; USERSYNC_RANDOM_ROUNDS: how many
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "store/feed.h"
#include "store/object.h"
#include "sync/draw.h"

enum { ROUNDS = 60, STEPS = 14, FOLLOWERS = 3, MOST = 256 };

/* A directory as somebody knows it, by number; NULL: there is none. */
struct side {
	char *user[MOST], *group[MOST]; /* all of the image */
	char *user_name[MOST], *group_name[MOST];
	bool is_member[MOST][MOST], is_nested[MOST][MOST]; /* group, member */
};

struct follower {
	struct side side;
	struct us_feed_token token;
	bool has_begun;
	int rows;
};

static int n_rows, n_renames; /* over all rounds: that the rounds ask anything */

static void forget(char **text)
{
	free(*text);
	*text = NULL;
}

static void clear(struct side *s)
{
	for (int i = 0; i < MOST; i++) {
		forget(&s->user[i]);
		forget(&s->group[i]);
		forget(&s->user_name[i]);
		forget(&s->group_name[i]);
	}
	memset(s->is_member, 0, sizeof s->is_member);
	memset(s->is_nested, 0, sizeof s->is_nested);
}

static void set_name(char **name, struct us_slice text)
{
	free(*name);
	*name = us_malloc(text.n + 1);
	snprintf(*name, text.n + 1, US_SLICE_FMT, US_SLICE_ARG(text));
}

static void set_user(struct side *s, uint32_t number, struct us_user_image image)
{
	struct us_str out = US_STR_INIT;
	struct us_jsonw w = US_JSONW_INIT(&out);

	us_assert(number < MOST);
	image.revision = 0; /* a row has that from when it was planned */
	us_user_image_write(&w, &image);
	free(s->user[number]);
	s->user[number] = us_str_steal(&out);
	set_name(&s->user_name[number], image.user.name);
}

static void set_group(struct side *s, uint32_t number, struct us_group_image image)
{
	struct us_str out = US_STR_INIT;
	struct us_jsonw w = US_JSONW_INIT(&out);

	us_assert(number < MOST);
	image.revision = 0;
	us_group_image_write(&w, &image);
	free(s->group[number]);
	s->group[number] = us_str_steal(&out);
	set_name(&s->group_name[number], image.group.name);
}

/* All of it, and the token of that moment. */
static void read_all(struct world *w, struct side *s, struct us_feed_token *ret_token)
{
	struct us_arena arena = US_ARENA_INIT;
	struct us_err err = US_ERR_INIT;
	struct us_listed *list;
	struct us_dbc *c;
	size_t n;

	clear(s);
	if (us_db_lease_reader(w->store->db, &c, &err) || us_db_begin(c, &err) || us_feed_newest(c, w->directory, ret_token, &err) ||
		us_object_list_users(c, &arena, w->directory, US_SLICE_NONE, US_SLICE_NONE, MOST, &list, &n, &err))
		die("users", &err);
	for (size_t i = 0; i < n; i++)
		set_user(s, list[i].number, list[i].user);
	if (us_object_list_groups(c, &arena, w->directory, US_SLICE_NONE, US_SLICE_NONE, MOST, &list, &n, &err))
		die("groups", &err);
	for (size_t i = 0; i < n; i++) {
		const struct us_member *users, *groups;
		size_t n_users, n_groups;
		set_group(s, list[i].number, list[i].group);
		if (us_object_load_members(c, &arena, w->directory, list[i].number, &users, &n_users, &groups, &n_groups, &err))
			die("members", &err);
		for (size_t k = 0; k < n_users; k++)
			s->is_member[list[i].number][users[k].number] = true;
		for (size_t k = 0; k < n_groups; k++)
			s->is_nested[list[i].number][groups[k].number] = true;
	}
	us_db_release(c);
	us_arena_fini(&arena);
}

/* ---- following ---- */

static void expect_name(const char *what, struct us_slice told, const char *known)
{
	if (!known || !us_slice_is(told, known))
		complain("%s: told as " US_SLICE_FMT ", known as %s", what, US_SLICE_ARG(told), known ? known : "nobody");
}

static void take_members(struct side *s, const struct us_feed_row *row)
{
	uint32_t group = row->change.number;

	expect_name("a group with members", row->change.name, s->group_name[group]);
	for (size_t i = 0; i < row->n_members; i++) {
		const struct us_feed_member *m = &row->members[i];
		bool *is = m->is_group ? &s->is_nested[group][m->number] : &s->is_member[group][m->number];
		expect_name("a member", m->name, m->is_group ? s->group_name[m->number] : s->user_name[m->number]);
		if (*is == (row->step == US_FEED_JOIN))
			complain(US_SLICE_FMT " of " US_SLICE_FMT " %s already", US_SLICE_ARG(m->name), US_SLICE_ARG(row->change.name),
				*is ? "is a member" : "was none");
		*is = row->step == US_FEED_JOIN;
	}
}

static void delete_user(struct side *s, uint32_t number)
{
	forget(&s->user[number]);
	forget(&s->user_name[number]);
	for (int g = 0; g < MOST; g++)
		s->is_member[g][number] = false;
}

static void delete_group(struct side *s, uint32_t number)
{
	forget(&s->group[number]);
	forget(&s->group_name[number]);
	memset(s->is_member[number], 0, sizeof s->is_member[number]);
	memset(s->is_nested[number], 0, sizeof s->is_nested[number]);
	for (int g = 0; g < MOST; g++)
		s->is_nested[g][number] = false;
}

static void take(struct side *s, const struct us_feed_row *row)
{
	const struct us_change *c = &row->change;

	n_rows++;
	n_renames += c->outcome == US_OUTCOME_RENAMED;
	if (!us_outcome_is_written(c->outcome))
		complain("a row that was not written: %s", us_outcome_text(c->outcome));
	switch (row->step) {
	case US_FEED_LEAVE:
	case US_FEED_JOIN:
		take_members(s, row);
		break;
	case US_FEED_DELETE_USER:
		expect_name("a deleted user", c->user.before->user.name, s->user_name[c->number]);
		delete_user(s, c->number);
		break;
	case US_FEED_DELETE_GROUP:
		expect_name("a deleted group", c->group.before->group.name, s->group_name[c->number]);
		delete_group(s, c->number);
		break;
	case US_FEED_WRITE_USER:
		if (c->user.before)
			expect_name("a changed user", c->user.before->user.name, s->user_name[c->number]);
		else if (s->user[c->number])
			complain("a new user has the number of %s", s->user_name[c->number]);
		set_user(s, c->number, *c->user.after);
		break;
	case US_FEED_WRITE_GROUP:
		if (c->group.before)
			expect_name("a changed group", c->group.before->group.name, s->group_name[c->number]);
		else if (s->group[c->number])
			complain("a new group has the number of %s", s->group_name[c->number]);
		set_group(s, c->number, *c->group.after);
		break;
	case US_FEED_END:
		complain("a row of no step");
	}
}

static void follow(struct world *w, struct follower *f, uint32_t most)
{
	struct us_arena arena = US_ARENA_INIT;
	struct us_err err = US_ERR_INIT;
	struct us_feed feed;
	struct us_feed_row row;
	struct us_dbc *c;
	enum us_errc rc = US_OK;

	if (us_db_lease_reader(w->store->db, &c, &err) || us_db_begin(c, &err) || us_feed_open(c, w->directory, us_slice(f->token.text), &feed, &err))
		die("follow", &err);
	for (; most && !(rc = us_feed_next(&feed, &arena, &row, &err)); most--) {
		take(&f->side, &row);
		f->rows++;
	}
	if (rc && rc != US_END)
		complain("the feed ends with: %s", err.text);
	us_feed_token(&feed, &f->token);
	us_feed_close(&feed);
	us_db_release(c);
	us_arena_fini(&arena);
}

static void expect_text(const char *what, int number, const char *followed, const char *there)
{
	if (!followed != !there || (there && strcmp(followed, there) != 0))
		complain("%s %d: followed %s, there is %s", what, number, followed ? followed : "nobody", there ? there : "nobody");
}

static void expect_same(struct world *w, struct follower *f, struct side *there)
{
	struct us_feed_token newest;

	read_all(w, there, &newest);
	follow(w, f, UINT32_MAX);
	if (strcmp(f->token.text, newest.text) != 0)
		complain("at the end the token is %s, the newest %s", f->token.text, newest.text);
	for (int i = 0; i < MOST; i++) {
		expect_text("user", i, f->side.user[i], there->user[i]);
		expect_text("group", i, f->side.group[i], there->group[i]);
	}
	if (memcmp(f->side.is_member, there->is_member, sizeof there->is_member) != 0)
		complain("the memberships differ");
	if (memcmp(f->side.is_nested, there->is_nested, sizeof there->is_nested) != 0)
		complain("the nestings differ");
}

/* ---- rounds ---- */

/* One of the runs that are of this status, or 0; of two in three any, else the last. */
static int64_t pick_run(struct world *w, struct draw *d, enum us_run_status status, bool is_simulation)
{
	struct us_arena arena = US_ARENA_INIT;
	struct us_err err = US_ERR_INIT;
	struct us_run *list;
	struct us_dbc *c;
	size_t n, fitting = 0;
	int64_t found = 0;

	if (us_db_lease_reader(w->store->db, &c, &err) || us_run_list(c, &arena, w->connector, 0, 1000, &list, &n, &err))
		die("runs", &err);
	for (size_t i = 0; i < n; i++)
		if (list[i].status == status && (list[i].kind == US_RUN_SIMULATION) == is_simulation && (status == US_RUN_HELD || list[i].n_changes) &&
			draw_below(d, (uint32_t) ++fitting) == 0 && (!found || !draw_one_in(d, 3)))
			found = list[i].id;
	us_db_release(c);
	us_arena_fini(&arena);
	return found;
}

static void step(struct world *w, struct draw *d)
{
	enum us_run_status status;
	int64_t run, other;

	switch (draw_below(d, 9)) {
	case 0:
		if ((run = pick_run(w, d, US_RUN_DONE, false)))
			execute_undo(w, run, &other, &status);
		break;
	case 1:
		execute(w, US_RUN_SIMULATION, 0, &run, &status);
		break;
	case 2:
		if ((run = pick_run(w, d, US_RUN_DONE, true)))
			execute(w, US_RUN_APPLY, run, &other, &status);
		break;
	case 3:
	case 4:
		if ((run = pick_run(w, d, US_RUN_HELD, false)))
			execute_approved(w, run, &status);
		break;
	case 5:
		reopen_store(w);
		break;
	default:
		execute(w, US_RUN_FULL, 0, &run, &status);
	}
}

static char *listing_of(struct us_arena *arena, struct draw *d, const struct round *first, struct sync_case *ret_case)
{
	char path[] = "/tmp/us-follow-XXXXXX", *text;
	struct round r;

	draw_round(d, &r);
	struct round mixed = { .config = first->config, .before = first->before, .listing = r.listing };
	text = draw_text(&mixed);
	int fd = mkstemp(path);
	FILE *f = fd < 0 ? NULL : fdopen(fd, "w");
	if (!f || fputs(text, f) < 0 || fclose(f))
		abort();
	case_load(arena, path, ret_case);
	unlink(path);
	draw_free(&r);
	return text;
}

static void hold_round(uint64_t seed)
{
	static struct follower followers[FOLLOWERS];
	static struct side there;
	static const struct case_fault no_fault;
	struct us_arena arena = US_ARENA_INIT;
	struct draw d = { seed };
	struct sync_case cases[STEPS];
	struct round first;
	struct world w;

	draw_round(&d, &first);
	for (int i = 0; i < STEPS; i++)
		free(listing_of(&arena, &d, &first, &cases[i]));
	open_world(&w, &cases[0]);
	for (int i = 0; i < STEPS; i++) {
		for (int k = 0; k < FOLLOWERS; k++) {
			struct follower *f = &followers[k];
			if (!f->has_begun && (k == 0 || draw_one_in(&d, STEPS / 2))) {
				read_all(&w, &f->side, &f->token);
				f->has_begun = true;
			}
			if (f->has_begun && k == 1) /* the slow one reads on at the end only */
				follow(&w, f, 1);
			else if (f->has_begun)
				follow(&w, f, draw_below(&d, 9));
		}
		case_source_set(&cases[i], (unsigned) draw_below(&d, 5), no_fault);
		step(&w, &d);
	}
	for (int k = 0; k < FOLLOWERS; k++) {
		if (followers[k].has_begun)
			expect_same(&w, &followers[k], &there);
		clear(&followers[k].side);
		followers[k] = (struct follower) { 0 };
	}
	clear(&there);
	close_world(&w);
	draw_free(&first);
	us_arena_fini(&arena);
}

static long number(const char *variable, long otherwise)
{
	const char *text = getenv(variable);

	return text && *text ? strtol(text, NULL, 10) : otherwise;
}

int main(void)
{
	struct us_err err = US_ERR_INIT;
	uint64_t seed = (uint64_t) number("USERSYNC_RANDOM_SEED", 1);
	long rounds = number("USERSYNC_RANDOM_ROUNDS", ROUNDS), n_failed = 0;

	if (us_secret_init(&err))
		die("sodium", &err);
	us_log_init(US_LOG_ERROR, US_LOG_TEXT);
	us_source_register(&case_source_ops);
	for (long i = 0; i < rounds; i++, seed++) {
		hold_round(seed);
		n_failed += why.n > 0;
		printf("%s %ld - round %llu\n%s", why.n ? "not ok" : "ok", i + 1, (unsigned long long) seed, us_str_text(&why));
		us_str_clear(&why);
		fflush(stdout);
	}
	bool asks = n_rows > rounds * 20 && n_renames > rounds;
	n_failed += !asks;
	printf("%s %ld - %d rows were followed, %d of them renames\n1..%ld\n", asks ? "ok" : "not ok", rounds + 1, n_rows, n_renames, rounds + 1);
	us_str_fini(&why);
	return n_failed ? 1 : 0;
}
