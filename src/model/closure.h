/* Closure: nested groups without recursion. Edges lead from a group to its direct sub-groups; the graph may hold cycles, chains of any
 * length and diamonds. Linear in groups and edges.
 */
#ifndef US_MODEL_CLOSURE_H
#define US_MODEL_CLOSURE_H

#include <stddef.h>
#include <stdint.h>

struct us_edge {
	uint32_t parent, child; /* 0 … n_groups-1 */
};

/* Strongly connected components: component[i] is the same for two groups that are below each other. Components are numbered so that a child's
 * is never greater than its parent's. ret_in_cycle counts the groups that are in a cycle, a direct self-membership included.
 * component: n_groups numbers of the caller. Edges are sorted in place. Returns the number of components. */
uint32_t us_closure_components(uint32_t n_groups, struct us_edge *edges, size_t n_edges, uint32_t *component, uint32_t *ret_in_cycle);

/* All groups below (or, with edges turned round, above) start, start itself not included unless a cycle leads back to it. sorted: edges by parent.
 * reached: room for n_groups numbers. Returns how many. */
size_t us_closure_reach(uint32_t n_groups, const struct us_edge *sorted, size_t n_edges, uint32_t start, uint32_t *reached);

#endif
