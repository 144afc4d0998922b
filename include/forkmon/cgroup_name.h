/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/* The `cgroup_names` map (bpf/cgroup_names.bpf.h): C that the BPF programs and the agent share. */
#ifndef FORKMON_CGROUP_NAME_H
#define FORKMON_CGROUP_NAME_H

/* Longest name that is kept, with its zero: "kubepods-burstable-podUID.slice:cri-containerd:ID". */
#define FM_CGROUP_NAME_LEN 192

/* Set in the id of a group of a v1 hierarchy: each hierarchy has ids of its own. */
#define FM_CGROUP_V1 (1ULL << 63)

#endif /* FORKMON_CGROUP_NAME_H */
