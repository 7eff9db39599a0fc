#include "unit.h"

#include "model/record.h"

#define BIG "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define BIGGER BIG BIG BIG BIG BIG BIG BIG BIG
#define BIGGEST BIGGER BIGGER BIGGER BIGGER BIGGER BIGGER /* more than is hashed without an allocation */

static const struct us_slice sales[] = { { "Sales", 5 } }, mails[] = { { "a", 1 }, { "", 0 } }, notes[] = { { BIGGEST, sizeof BIGGEST - 1 } };
static const struct us_field several[] = { { { "department", 10 }, sales, 1 }, { { "mail", 4 }, mails, 2 }, { { "none", 4 }, NULL, 0 } };
static const struct us_field lengthy[] = { { { "note", 4 }, notes, 1 }, { { "department", 10 }, sales, 1 } };

static void assert_hash(size_t i, struct us_hash h, const char *hex)
{
	char is[33];

	snprintf(is, sizeof is, "%016llx%016llx", (unsigned long long) h.hi, (unsigned long long) h.lo);
	if (strcmp(is, hex) != 0)
		fail_msg("row %zu: %s", i, is);
}

/* Stored in databases: were one to change, the next sync would update everybody. */
static void content_hashes_are_those_of_every_version(void **state)
{
	static const struct {
		struct us_user user;
		const char *hex;
	} users[] = {
		{ { .id = { "1", 1 } }, "6dbb1c9d9945b14d461991e0a66b43f0" },
		{ { .id = { "1", 1 }, .name = { "", 0 }, .active = true }, "cba3930004fea7892e33898ba546ebe8" },
		{ { .id = { "4f", 2 }, .name = { "anna", 4 }, .full_name = { "Anna Berg", 9 }, .first_name = { "Anna", 4 }, .last_name = { "Berg", 4 },
			  .email = { "anna@example.com", 16 }, .active = true, .attributes = several, .n_attributes = 3 }, "7b157e9dd7bfe259592c4292b10d2870" },
		{ { .id = { "4f", 2 }, .name = { "anna", 4 }, .attributes = lengthy, .n_attributes = 2 }, "d4daeb6dbc007abf2e99839a70c80c67" },
	};
	static const struct {
		struct us_group group;
		const char *hex;
	} groups[] = {
		{ { .id = { "g", 1 } }, "56ad0449fc62981ac56009608b1d9f73" },
		{ { .id = { "g", 1 }, .name = { "admins", 6 }, .description = { "all", 3 }, .attributes = several, .n_attributes = 3 }, "f79791f6b0a7cd8b1b9f3ece7da7175c" },
	};

	for (size_t i = 0; i < countof(users); i++)
		assert_hash(i, us_user_hash(&users[i].user), users[i].hex);
	for (size_t i = 0; i < countof(groups); i++)
		assert_hash(i, us_group_hash(&groups[i].group), groups[i].hex);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(content_hashes_are_those_of_every_version) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
