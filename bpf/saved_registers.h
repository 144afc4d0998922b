/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/*
 * User registers that the kernel saved at a system call, as its own struct pt_regs has them. The
 * flavour suffix is dropped by CO-RE; <linux/ptrace.h> declares another struct pt_regs.
 */
#ifndef FORKMON_SAVED_REGISTERS_H
#define FORKMON_SAVED_REGISTERS_H

#include <bpf/bpf_core_read.h>
#include <linux/types.h>

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

#if defined(__TARGET_ARCH_x86)

struct pt_regs___kernel {
  unsigned long ip;
  unsigned long sp;
};
#define saved_registers pt_regs___kernel
#define saved_ip(registers) BPF_CORE_READ(registers, ip)
#define saved_sp(registers) BPF_CORE_READ(registers, sp)

#elif defined(__TARGET_ARCH_arm64)

struct user_pt_regs___kernel {
  __u64 sp;
  __u64 pc;
};
#define saved_registers user_pt_regs___kernel
#define saved_ip(registers) BPF_CORE_READ(registers, pc)
#define saved_sp(registers) BPF_CORE_READ(registers, sp)

#else
#error "where does this architecture save its registers?"
#endif

#pragma clang attribute pop

#endif /* FORKMON_SAVED_REGISTERS_H */
