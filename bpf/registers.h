/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/*
 * The registers that unwinding needs, under their DWARF numbers: those that a function gives back
 * unchanged, the stack pointer and the instruction pointer. Sources: the System V psABI for x86-64,
 * table 3.36; "DWARF for the Arm 64-bit Architecture", table 3.
 */
#ifndef FORKMON_REGISTERS_H
#define FORKMON_REGISTERS_H

#include <linux/ptrace.h>
#include <linux/types.h>

#if defined(__TARGET_ARCH_x86)

/* Returns the bits of the registers that were saved. */
static __always_inline __u64 save_registers(struct pt_regs* ctx, __u64* registers) {
  registers[3] = ctx->rbx;
  registers[6] = ctx->rbp;
  registers[7] = ctx->rsp;
  registers[12] = ctx->r12;
  registers[13] = ctx->r13;
  registers[14] = ctx->r14;
  registers[15] = ctx->r15;
  registers[16] = ctx->rip;
  return 1 << 3 | 1 << 6 | 1 << 7 | 1 << 12 | 1 << 13 | 1 << 14 | 1 << 15 | 1 << 16;
}

#elif defined(__TARGET_ARCH_arm64)

/* Returns the bits of the registers that were saved. A program of a probe is given a user_pt_regs
 * there (bpf_user_pt_regs_t), whatever its type is called. */
static __always_inline __u64 save_registers(struct pt_regs* ctx, __u64* registers) {
  const struct user_pt_regs* saved = (const struct user_pt_regs*)ctx;
  __u64 known = 0;
  int i;

  for (i = 19; i <= 30; i++) { /* x19 to x28, the frame pointer, the link register */
    registers[i] = saved->regs[i];
    known |= (__u64)1 << i;
  }
  registers[31] = saved->sp;
  registers[32] = saved->pc;
  return known | (__u64)1 << 31 | (__u64)1 << 32;
}

#else
#error "which registers does this architecture need?"
#endif

#endif /* FORKMON_REGISTERS_H */
