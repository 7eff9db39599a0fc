#include "model/closure.h"

#include <stdlib.h>

#include <stdbool.h>

#include "base/arena.h"

static int by_parent(const void *a, const void *b)
{
	const struct us_edge *x = a, *y = b;

	return x->parent != y->parent ? (x->parent > y->parent) - (x->parent < y->parent)
	                              : (x->child > y->child) - (x->child < y->child);
}

/* first[i] … first[i+1]: edges of parent i */
static uint32_t *offsets(uint32_t n, const struct us_edge *edges, size_t n_edges)
{
	uint32_t *first = us_calloc((size_t) n + 1, sizeof *first);

	for (size_t i = 0; i < n_edges; i++)
		first[edges[i].parent + 1]++;
	for (uint32_t i = 0; i < n; i++)
		first[i + 1] += first[i];
	return first;
}

/* Tarjan's algorithm with a stack of its own: a chain of any length costs memory on the heap, not frames. */
uint32_t us_closure_components(uint32_t n, struct us_edge *edges, size_t n_edges, uint32_t *component, uint32_t *ret_in_cycle)
{
	enum { NONE = UINT32_MAX };
	if (n_edges)
		qsort(edges, n_edges, sizeof *edges, by_parent);
	uint32_t *first = offsets(n, edges, n_edges);
	uint32_t *index = us_malloc(n * sizeof *index), *low = us_malloc(n * sizeof *low);
	uint32_t *next_edge = us_malloc(n * sizeof *next_edge);
	uint32_t *path = us_malloc(n * sizeof *path), *stack = us_malloc(n * sizeof *stack);
	uint32_t counter = 0, n_components = 0, n_stack = 0, in_cycle = 0;

	for (uint32_t i = 0; i < n; i++)
		index[i] = component[i] = NONE;
	for (uint32_t root = 0; root < n; root++) {
		if (index[root] != NONE)
			continue;
		uint32_t depth = 0;
		path[depth++] = root;
		index[root] = low[root] = counter++;
		next_edge[root] = first[root];
		stack[n_stack++] = root;
		/* path[0 … depth-1] is the walk from root; whatever is on stack has no component yet. */
		while (depth) {
			uint32_t v = path[depth - 1];
			if (next_edge[v] < first[v + 1]) {
				uint32_t w = edges[next_edge[v]++].child;
				if (index[w] == NONE) {
					index[w] = low[w] = counter++;
					next_edge[w] = first[w];
					stack[n_stack++] = w;
					path[depth++] = w;
				} else if (component[w] == NONE && index[w] < low[v]) {
					low[v] = index[w];
				}
				continue;
			}
			depth--;
			if (depth && low[v] < low[path[depth - 1]])
				low[path[depth - 1]] = low[v];
			if (low[v] != index[v])
				continue;
			uint32_t size = 0, w;
			do {
				w = stack[--n_stack];
				component[w] = n_components;
				size++;
			} while (w != v);
			if (size > 1)
				in_cycle += size;
			n_components++;
		}
	}
	for (size_t i = 0; i < n_edges; i++) {
		bool again = i && by_parent(&edges[i], &edges[i - 1]) == 0;
		if (edges[i].parent != edges[i].child || again)
			continue;
		/* A self-member is a cycle of its own unless it was counted as part of a greater one. */
		uint32_t v = edges[i].parent;
		bool alone = true;
		for (uint32_t k = first[v]; k < first[v + 1] && alone; k++)
			alone = edges[k].child == v || component[edges[k].child] != component[v];
		in_cycle += alone;
	}
	free(first);
	free(index);
	free(low);
	free(next_edge);
	free(path);
	free(stack);
	if (ret_in_cycle)
		*ret_in_cycle = in_cycle;
	return n_components;
}

size_t us_closure_reach(uint32_t n, const struct us_edge *sorted, size_t n_edges, uint32_t start, uint32_t *reached)
{
	uint32_t *first = offsets(n, sorted, n_edges);
	bool *seen = us_calloc(n, sizeof *seen);
	size_t n_reached = 0, at = 0;
	uint32_t v = start;

	/* reached[at …] are still to be walked from; each group enters it once. */
	for (;;) {
		for (uint32_t k = first[v]; k < first[v + 1]; k++) {
			uint32_t w = sorted[k].child;
			if (!seen[w]) {
				seen[w] = true;
				reached[n_reached++] = w;
			}
		}
		if (at == n_reached)
			break;
		v = reached[at++];
	}
	free(first);
	free(seen);
	return n_reached;
}
