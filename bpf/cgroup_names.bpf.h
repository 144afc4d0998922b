/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/*
 * Names of the control groups in which children were forked. A process may have ended before the
 * agent can read /proc/PID/cgroup, and a container's group is removed at its end.
 */
#ifndef FORKMON_CGROUP_NAMES_BPF_H
#define FORKMON_CGROUP_NAMES_BPF_H

#include "common.bpf.h"
#include "forkmon/cgroup_name.h"

struct cgroup_name {
  char text[FM_CGROUP_NAME_LEN];
};

/* Key: the group's id, with FM_CGROUP_V1. */
struct {
  __uint(type, BPF_MAP_TYPE_LRU_HASH);
  __uint(max_entries, 4096);
  __type(key, __u64);
  __type(value, struct cgroup_name);
} cgroup_names SEC(".maps");

/* Containers have ids of 64 digits: that name is looked for upwards, from groups made inside. */
#define CONTAINER_ID_LEN 64
#define MAX_CGROUP_LEVELS 8

/* The group that the parent `self` of css_set has in the hierarchy of the v1 controller "pids",
 * which container runtimes use; null where it is a v2 controller, or there is none. */
static __always_inline struct cgroup* v1_cgroup_of(struct css_set* set) {
  struct cgroup_subsys_state* state = 0;
  const char* states = (const char*)&set->subsys;

  if (!bpf_core_enum_value_exists(enum cgroup_subsys_id, pids_cgrp_id))
    return 0;
  bpf_core_read(&state, sizeof(state),
                states + sizeof(state) * bpf_core_enum_value(enum cgroup_subsys_id, pids_cgrp_id));
  return BPF_CORE_READ(state, cgroup);
}

static __always_inline struct cgroup* parent_of(struct cgroup* group) {
  return BPF_CORE_READ(group, self.parent, cgroup);
}

static __always_inline void keep_name(struct cgroup* group, __u64 id) {
  struct cgroup_name name = {};
  int i;

  if (bpf_map_lookup_elem(&cgroup_names, &id))
    return;
  for (i = 0; i < MAX_CGROUP_LEVELS && group; i++) {
    const char* text = BPF_CORE_READ(group, kn, name);

    if (bpf_probe_read_kernel_str(name.text, sizeof(name.text), text) > CONTAINER_ID_LEN)
      break;
    group = parent_of(group);
  }
  bpf_map_update_elem(&cgroup_names, &id, &name, BPF_ANY);
}

/* The id of a task's group, whose name is kept: of v2, but of v1 where the task is in v2's root, as
 * all are on a host that uses v1. */
static __always_inline __u64 remember_cgroup(struct task_struct* task) {
  struct css_set* set = task->cgroups;
  struct cgroup* group = BPF_CORE_READ(set, dfl_cgrp);
  __u64 version = 0;
  __u64 id;

  if (!parent_of(group)) {
    struct cgroup* v1 = v1_cgroup_of(set);

    version = v1 && v1 != group ? FM_CGROUP_V1 : 0;
    group = version ? v1 : group;
  }
  id = BPF_CORE_READ(group, kn, id) | version;
  keep_name(group, id);
  return id;
}

#endif /* FORKMON_CGROUP_NAMES_BPF_H */
