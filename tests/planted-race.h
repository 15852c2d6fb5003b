/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A data race, for scripts/check-sanitize to see that KCSAN reports one: included
 * before kernel/dma/charge.c, it has every charge that is returned count in a
 * variable that nothing protects, often enough to be met.
 */
#include <linux/cgroup_dmem.h>

extern unsigned long planted_race;
unsigned long planted_race;

#define dmem_cgroup_uncharge(pool, size)				\
	do {								\
		for (int __i = 0; __i < 1000; __i++) {			\
			planted_race++;					\
			barrier();					\
		}							\
		dmem_cgroup_uncharge(pool, size);			\
	} while (0)
