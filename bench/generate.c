/* Makes the data of the benchmarks: users, groups and memberships of an invented company, the same ones for the same arguments.
 *
 *     generate --users N --groups N --memberships N [--seed N] [--changed N] --shape column|files|ldif [--base DN] --out FOLDER
 *
 * column: users.csv with a column of groups. files: users.csv, groups.csv, memberships.csv. ldif: company.ldif for slapadd.
 * Group sizes are skewed as they are in companies: a few hold many, most hold some. About 400 bytes a user. --changed gives that many users,
 * spread evenly, another e-mail address. Every user has about as many groups as every other, every group has at least one user.
 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum shape { SHAPE_COLUMN, SHAPE_FILES, SHAPE_LDIF };

static struct {
	uint32_t users, groups, changed;
	uint64_t memberships, seed;
	enum shape shape;
	const char *base, *out;
} option = { .users = 1000, .groups = 100, .memberships = 5000, .seed = 1, .base = "dc=example,dc=org", .out = "." };

static uint64_t mix(uint64_t x)
{
	x += 0x9E3779B97F4A7C15u;
	x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9u;
	x = (x ^ x >> 27) * 0x94D049BB133111EBu;
	return x ^ x >> 31;
}

/* A stream of random numbers for each object, so that objects do not depend on one another. */
struct random { uint64_t state; };
static struct random random_of(uint64_t kind, uint64_t number) { return (struct random) { mix(option.seed * 1000003 + kind) ^ mix(number) }; }
static uint64_t next(struct random *r) { return mix(r->state++); }
static uint32_t below(struct random *r, uint32_t n) { return (uint32_t) (next(r) % n); }

static const char *const first_ends[] = { "a", "o", "ia", "en", "is", "or", "eth", "un", "ir", "elle" };
static const char *const starts[] = { "Bel", "Tor", "Mar", "Vel", "Ka", "Ru", "Sil", "Dov", "Fen", "Ja", "Lin", "Or", "Pel", "Qui", "Tam",
	"Ul", "Wen", "Yor", "Zel", "Hal" };
static const char *const middles[] = { "va", "ri", "no", "le", "mi", "du", "so", "te", "ka", "be" };
static const char *const last_ends[] = { "berg", "quist", "mont", "wick", "hold", "stein", "ford", "dahl", "mere", "grave" };
static const char *const wide_first[] = { "Ζώρνα", "Мирвела", "美羅", "ثالون", "Çelvin", "Øyral", "שלור", "Nhựt", "Łusia", "Ünver" };
static const char *const departments[] = { "Research and Development", "Field Sales", "Customer Care", "Finance and Controlling", "Legal Affairs",
	"Human Resources", "Logistics", "Information Security", "Facilities", "Marketing and Communication" };
static const char *const titles[] = { "Engineer", "Senior Engineer", "Account Manager", "Analyst", "Controller", "Clerk", "Team Lead", "Director" };
static const char *const sites[] = { "Northhaven", "Port Ellis", "Graubach", "Ville-Neuve", "Kamikawa East", "San Tirso" };
#define PICK(list, r) (list)[below((r), sizeof(list) / sizeof *(list))]

struct user {
	char id[37], username[64], first[40], last[40];
	const char *department, *title, *site;
	bool is_active, is_changed;
	uint32_t phone, house;
};

static void make_user(uint32_t i, struct user *u)
{
	struct random r = random_of(1, i);
	uint64_t a = next(&r), b = next(&r);
	bool is_wide = below(&r, 10) == 0;

	snprintf(u->id, sizeof u->id, "%08" PRIx32 "-%04x-4%03x-9%03x-%012" PRIx64, i, (unsigned) (a & 0xFFFF), (unsigned) (a >> 16 & 0xFFF),
		(unsigned) (a >> 28 & 0xFFF), b & 0xFFFFFFFFFFFF);
	const char *start = PICK(starts, &r), *end = PICK(first_ends, &r), *start2 = PICK(starts, &r), *middle = PICK(middles, &r);
	const char *last_end = PICK(last_ends, &r);
	snprintf(u->username, sizeof u->username, "%s%s.%s%s%s%" PRIu32, start, end, start2, middle, last_end, i);
	for (char *p = u->username; *p; p++)
		if (*p >= 'A' && *p <= 'Z')
			*p = (char) (*p + 32);
	if (is_wide)
		snprintf(u->first, sizeof u->first, "%s", PICK(wide_first, &r));
	else
		snprintf(u->first, sizeof u->first, "%s%s", start, end);
	snprintf(u->last, sizeof u->last, "%s%s%s", start2, middle, last_end);
	u->department = PICK(departments, &r);
	u->title = PICK(titles, &r);
	u->site = PICK(sites, &r);
	u->is_active = below(&r, 50) != 0;
	u->phone = below(&r, 10000000);
	u->house = 1 + below(&r, 200);
	u->is_changed = option.changed && i % (option.users / option.changed) == 0 && i / (option.users / option.changed) < option.changed;
}

static void group_name(uint32_t g, char name[64])
{
	struct random r = random_of(2, g);
	static const char *const kinds[] = { "team", "project", "site", "access", "mail" };
	const char *kind = PICK(kinds, &r), *start = PICK(starts, &r), *middle = PICK(middles, &r);

	snprintf(name, 64, "%s-%s%s-%" PRIu32, kind, start, middle, g);
}

/* How many groups user i is in: the mean, more for one and as much less for its neighbour. */
static uint32_t count_of(uint32_t i)
{
	uint64_t even = (uint64_t) (i + 1) * option.memberships / option.users - (uint64_t) i * option.memberships / option.users;
	struct random r = random_of(3, i / 2);
	uint32_t swing = below(&r, (uint32_t) (option.memberships / option.users) / 2 + 1);

	if ((i ^ 1) >= option.users)
		return (uint32_t) even;
	return (uint32_t) (i & 1 ? even - (swing < even ? swing : 0) : even + (swing < even ? swing : 0));
}

/* Its groups, each once. Group k is the first of user k * (users / groups), so that none is empty. */
static uint32_t groups_of(uint32_t i, uint32_t *groups)
{
	struct random r = random_of(4, i);
	uint32_t want = count_of(i), n = 0, step = option.users / option.groups;

	if (want > option.groups / 2)
		want = option.groups / 2;
	if (step && i % step == 0 && i / step < option.groups)
		groups[n++] = i / step;
	while (n < want) {
		double u = (double) (next(&r) >> 11) / 9007199254740992.0;
		uint32_t g = (uint32_t) (u * u * u * option.groups), k = 0;
		while (k < n && groups[k] != g)
			k++;
		if (k == n)
			groups[n++] = g;
	}
	return n;
}

static FILE *create(const char *name)
{
	char path[4096];
	snprintf(path, sizeof path, "%s/%s", option.out, name);
	FILE *out = fopen(path, "w");

	if (!out) {
		fprintf(stderr, "generate: %s: %s\n", path, strerror(errno));
		exit(1);
	}
	setvbuf(out, NULL, _IOFBF, 1 << 20);
	return out;
}

static void finish(FILE *out)
{
	if (ferror(out) || fclose(out) != 0) {
		fprintf(stderr, "generate: cannot write: %s\n", strerror(errno));
		exit(1);
	}
}

static void write_users(uint32_t *groups)
{
	FILE *out = create("users.csv");
	struct user u, manager;
	char name[64];

	fputs("id,username,firstName,lastName,fullName,email,active,department,title,site,street,phone,employeeNumber,costCenter,startDate,manager", out);
	fputs(option.shape == SHAPE_COLUMN ? ",groups\n" : "\n", out);
	for (uint32_t i = 0; i < option.users; i++) {
		make_user(i, &u);
		make_user(i / 10, &manager);
		fprintf(out, "%s,%s,%s,%s,\"%s, %s\",%s@%sexample.org,%s,%s,%s,%s,\"%" PRIu32 ", %s Road, Building %c\",+99 555 %07" PRIu32
			",E%09" PRIu32 ",CC-%04" PRIu32 "-%s,20%02" PRIu32 "-%02" PRIu32 "-01,%s", u.id, u.username, u.first, u.last, u.last, u.first, u.username, u.is_changed ? "new." : "",
			u.is_active ? "true" : "false", u.department, u.title, u.site, u.house, u.last, 'A' + (int) (u.house % 26), u.phone, i,
			u.phone % 10000, u.site, u.phone % 25, 1 + u.phone % 12, manager.id);
		if (option.shape == SHAPE_COLUMN) {
			uint32_t n = groups_of(i, groups);
			for (uint32_t k = 0; k < n; k++) {
				group_name(groups[k], name);
				fputc(k ? ';' : ',', out);
				fputs(name, out);
			}
			if (!n)
				fputc(',', out);
		}
		fputc('\n', out);
	}
	finish(out);
}

/* Members by group: the memberships turned round by counting. */
static void turn_round(uint32_t *groups, uint64_t **ret_start, uint32_t **ret_members)
{
	uint64_t *start = calloc((size_t) option.groups + 2, sizeof *start);

	for (uint32_t i = 0; i < option.users; i++)
		for (uint32_t n = groups_of(i, groups); n--;)
			start[groups[n] + 2]++;
	for (uint32_t g = 2; g < option.groups + 2; g++)
		start[g] += start[g - 1];
	uint32_t *members = malloc((start[option.groups + 1] + 1) * sizeof *members);
	for (uint32_t i = 0; i < option.users; i++)
		for (uint32_t n = groups_of(i, groups); n--;)
			members[start[groups[n] + 1]++] = i;
	*ret_start = start;
	*ret_members = members;
}

static void write_groups(uint32_t *groups)
{
	FILE *list = create("groups.csv"), *out = create("memberships.csv");
	uint64_t *start;
	uint32_t *members;
	char name[64];
	struct user u;

	turn_round(groups, &start, &members);
	fputs("id,name,description\n", list);
	fputs("group,member\n", out);
	for (uint32_t g = 0; g < option.groups; g++) {
		group_name(g, name);
		fprintf(list, "g%07" PRIu32 ",%s,\"Group %s, made for measuring\"\n", g, name, name);
		for (uint64_t k = start[g]; k < start[g + 1]; k++) {
			make_user(members[k], &u);
			fprintf(out, "g%07" PRIu32 ",%s\n", g, u.id);
		}
	}
	finish(list);
	finish(out);
	free(start);
	free(members);
}

static void write_base64(FILE *out, const char *text)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	size_t n = strlen(text);

	for (size_t i = 0; i < n; i += 3) {
		unsigned bits = (unsigned) (unsigned char) text[i] << 16;
		bits |= i + 1 < n ? (unsigned) (unsigned char) text[i + 1] << 8 : 0;
		bits |= i + 2 < n ? (unsigned) (unsigned char) text[i + 2] : 0;
		fputc(digits[bits >> 18], out);
		fputc(digits[bits >> 12 & 63], out);
		fputc(i + 1 < n ? digits[bits >> 6 & 63] : '=', out);
		fputc(i + 2 < n ? digits[bits & 63] : '=', out);
	}
}

static void write_attribute(FILE *out, const char *name, const char *value)
{
	bool is_safe = true;

	for (const char *p = value; *p; p++)
		is_safe = is_safe && !(*p & 0x80);
	fprintf(out, is_safe ? "%s: " : "%s:: ", name);
	if (is_safe)
		fputs(value, out);
	else
		write_base64(out, value);
	fputc('\n', out);
}

static void write_ldif(uint32_t *groups)
{
	FILE *out = create("company.ldif");
	const char *base = option.base;
	uint64_t *start;
	uint32_t *members;
	char name[64], text[200];
	struct user u;

	for (uint32_t i = 0; i < option.users; i++) {
		make_user(i, &u);
		fprintf(out, "dn: uid=%s,ou=people,%s\nobjectClass: inetOrgPerson\nentryUUID: %s\nuid: %s\n", u.username, base, u.id, u.username);
		write_attribute(out, "givenName", u.first);
		write_attribute(out, "sn", u.last);
		snprintf(text, sizeof text, "%s %s", u.first, u.last);
		write_attribute(out, "cn", text);
		write_attribute(out, "displayName", text);
		fprintf(out, "mail: %s@%sexample.org\ndepartmentNumber: %s\ntitle: %s\nl: %s\nemployeeNumber: E%09" PRIu32 "\n\n", u.username,
			u.is_changed ? "new." : "", u.department, u.title, u.site, i);
	}
	turn_round(groups, &start, &members);
	for (uint32_t g = 0; g < option.groups; g++) {
		group_name(g, name);
		fprintf(out, "dn: cn=%s,ou=groups,%s\nobjectClass: groupOfNames\nentryUUID: ffffffff-0000-4000-8000-%012" PRIx32 "\ncn: %s\n", name,
			base, g, name);
		for (uint64_t k = start[g]; k < start[g + 1]; k++) {
			make_user(members[k], &u);
			fprintf(out, "member: uid=%s,ou=people,%s\n", u.username, base);
		}
		fputc('\n', out);
	}
	finish(out);
	free(start);
	free(members);
}

int main(int argc, char **argv)
{
	static const struct option names[] = {
		{ "users", 1, NULL, 'u' }, { "groups", 1, NULL, 'g' }, { "memberships", 1, NULL, 'm' }, { "seed", 1, NULL, 's' },
		{ "changed", 1, NULL, 'c' }, { "shape", 1, NULL, 'f' }, { "base", 1, NULL, 'b' }, { "out", 1, NULL, 'o' }, { NULL, 0, NULL, 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "", names, NULL)) != -1)
		switch (c) {
		case 'u': option.users = (uint32_t) strtoul(optarg, NULL, 10); break;
		case 'g': option.groups = (uint32_t) strtoul(optarg, NULL, 10); break;
		case 'm': option.memberships = strtoull(optarg, NULL, 10); break;
		case 's': option.seed = strtoull(optarg, NULL, 10); break;
		case 'c': option.changed = (uint32_t) strtoul(optarg, NULL, 10); break;
		case 'f': option.shape = !strcmp(optarg, "ldif") ? SHAPE_LDIF : !strcmp(optarg, "files") ? SHAPE_FILES : SHAPE_COLUMN; break;
		case 'b': option.base = optarg; break;
		case 'o': option.out = optarg; break;
		default: return 2;
		}
	if (!option.users || !option.groups || option.groups > option.users || option.changed > option.users) {
		fputs("generate: there must be users, groups, no more groups than users, and no more changed users than users\n", stderr);
		return 2;
	}
	uint32_t *groups = malloc((size_t) option.groups * sizeof *groups + 64);
	if (option.shape == SHAPE_LDIF) {
		write_ldif(groups);
	} else {
		write_users(groups);
		if (option.shape == SHAPE_FILES)
			write_groups(groups);
	}
	free(groups);
	return 0;
}
