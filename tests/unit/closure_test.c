#include "unit.h"

#include "model/closure.h"

static uint32_t cycles(uint32_t n, struct us_edge *edges, size_t n_edges, uint32_t *ret_components)
{
	uint32_t *component = us_malloc((n + 1) * sizeof *component), in_cycle;

	*ret_components = us_closure_components(n, edges, n_edges, component, &in_cycle);
	for (size_t i = 0; i < n_edges; i++)
		assert_true(component[edges[i].child] <= component[edges[i].parent]);
	free(component);
	return in_cycle;
}

static void cycles_are_counted_once(void **state)
{
	static const struct {
		struct us_edge edges[8];
		size_t n_edges;
		uint32_t n, in_cycle, components;
	} rows[] = {
		{ { { 0, 0 } }, 0, 0, 0, 0 },
		{ { { 0, 0 } }, 1, 1, 1, 1 },                                   /* a member of itself */
		{ { { 0, 0 }, { 0, 0 } }, 2, 1, 1, 1 },                         /* said twice */
		{ { { 0, 1 }, { 1, 0 } }, 2, 2, 2, 1 },                         /* two of each other */
		{ { { 0, 1 }, { 1, 0 }, { 0, 0 } }, 3, 2, 2, 1 },               /* and of itself */
		{ { { 0, 1 }, { 1, 2 }, { 2, 0 } }, 3, 3, 3, 1 },               /* three in a circle */
		{ { { 0, 1 }, { 1, 2 }, { 0, 2 } }, 3, 3, 0, 3 },               /* a diamond is none */
		{ { { 0, 1 }, { 1, 0 }, { 1, 2 }, { 2, 3 }, { 3, 2 } }, 5, 4, 4, 2 }, /* two circles, one below the other */
		{ { { 2, 1 }, { 1, 0 }, { 0, 1 } }, 3, 4, 2, 3 },               /* one outside, one alone */
	};

	for (size_t i = 0; i < countof(rows); i++) {
		struct us_edge edges[8];
		uint32_t components;
		memcpy(edges, rows[i].edges, sizeof edges);
		assert_row(i, cycles(rows[i].n, edges, rows[i].n_edges, &components) == rows[i].in_cycle);
		assert_row(i, components == rows[i].components);
	}
}

static void a_long_chain_needs_no_stack(void **state)
{
	enum { N = 1000000 };
	struct us_edge *edges = us_malloc(N * sizeof *edges);
	uint32_t *reached = us_malloc(N * sizeof *reached), components;

	for (uint32_t i = 0; i < N; i++)
		edges[i] = (struct us_edge) { i, (i + 1) % N };
	assert_int_equal(us_closure_reach(N, edges, N - 1, 0, reached), N - 1);
	assert_int_equal(cycles(N, edges, N - 1, &components), 0);
	assert_int_equal(components, N);
	/* The last edge closes the circle. */
	assert_int_equal(cycles(N, edges, N, &components), N);
	assert_int_equal(components, 1);
	assert_int_equal(us_closure_reach(N, edges, N, 5, reached), N);
	free(edges);
	free(reached);
}

/* Each floor has two groups and each group both of the floor below: 2^FLOORS paths, and each group met once. */
static void paths_without_number_are_not_walked(void **state)
{
	enum { FLOORS = 100000, N = 2 * FLOORS };
	size_t n_edges = 0;
	struct us_edge *edges = us_malloc((size_t) FLOORS * 4 * sizeof *edges);
	uint32_t *reached = us_malloc(N * sizeof *reached), components;

	for (uint32_t floor = 0; floor + 1 < FLOORS; floor++)
		for (uint32_t i = 0; i < 4; i++)
			edges[n_edges++] = (struct us_edge) { 2 * floor + i / 2, 2 * floor + 2 + i % 2 };
	assert_int_equal(us_closure_reach(N, edges, n_edges, 0, reached), N - 2);
	assert_int_equal(cycles(N, edges, n_edges, &components), 0);
	assert_int_equal(components, N);
	free(edges);
	free(reached);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cycles_are_counted_once),
		cmocka_unit_test(a_long_chain_needs_no_stack),
		cmocka_unit_test(paths_without_number_are_not_walked),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
