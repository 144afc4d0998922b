// SPDX-License-Identifier: MIT
#include "process/system_calls.h"

#include <sys/syscall.h>

namespace forkmon {
namespace {

// Younger than Debian 12's headers, or equal on all architectures.
constexpr long futex_waitv_call = 449; // Linux 5.16
constexpr long futex_wait_call = 455;  // Linux 6.7
constexpr long io_uring_enter_call = 426;
constexpr long epoll_pwait2_call = 441;

constexpr long native_input[] = {
    SYS_read,        SYS_readv,   SYS_recvfrom,      SYS_recvmsg,         SYS_recvmmsg,
    SYS_accept,      SYS_accept4, SYS_ppoll,         SYS_pselect6,
#ifdef SYS_poll
    SYS_poll,        SYS_select,  SYS_epoll_wait,
#endif
    SYS_epoll_pwait, SYS_pread64, epoll_pwait2_call, io_uring_enter_call,
};

#ifdef SYS_poll
constexpr long native_polls[] = {SYS_poll, SYS_ppoll};
constexpr long native_selects[] = {SYS_select, SYS_pselect6};
#else
constexpr long native_polls[] = {SYS_ppoll};
constexpr long native_selects[] = {SYS_pselect6};
#endif
constexpr long native_naps[] = {SYS_sched_yield, SYS_nanosleep, SYS_clock_nanosleep};

constexpr SystemCalls native{SYS_futex,      -1,         futex_waitv_call, futex_wait_call,
                             SYS_read,       SYS_readv,  native_input,     native_polls,
                             native_selects, native_naps};

// arch/x86/entry/syscalls/syscall_32.tbl; arch/arm/tools/syscall.tbl.
#if defined(__x86_64__)
constexpr long compat_input[] = {
    3 /* read */,         145 /* readv */,       180 /* pread64 */,  102 /* socketcall */,
    371 /* recvfrom */,   372 /* recvmsg */,     337 /* recvmmsg */, 417 /* recvmmsg_time64 */,
    364 /* accept4 */,    168 /* poll */,        309 /* ppoll */,    414 /* ppoll_time64 */,
    82 /* select */,      142 /* _newselect */,  308 /* pselect6 */, 413 /* pselect6_time64 */,
    256 /* epoll_wait */, 319 /* epoll_pwait */, epoll_pwait2_call,  io_uring_enter_call,
};
#else
constexpr long compat_input[] = {
    3 /* read */,          145 /* readv */,    180 /* pread64 */,         292 /* recvfrom */,
    297 /* recvmsg */,     365 /* recvmmsg */, 417 /* recvmmsg_time64 */, 285 /* accept */,
    366 /* accept4 */,     168 /* poll */,     336 /* ppoll */,           414 /* ppoll_time64 */,
    142 /* _newselect */,  335 /* pselect6 */, 413 /* pselect6_time64 */, 252 /* epoll_wait */,
    346 /* epoll_pwait */, epoll_pwait2_call,  io_uring_enter_call,
};
#endif
#if defined(__x86_64__)
constexpr long compat_polls[] = {168, 309, 414};
constexpr long compat_selects[] = {142, 308, 413}; // 82 has a pointer to its arguments
#else
constexpr long compat_polls[] = {168, 336, 414};
constexpr long compat_selects[] = {142, 335, 413};
#endif
constexpr long compat_naps[] = {
    158 /* sched_yield */,
    162 /* nanosleep */,
#if defined(__x86_64__)
    267 /* clock_nanosleep */,
#else
    265 /* clock_nanosleep */,
#endif
    407 /* clock_nanosleep_time64 */,
};

constexpr SystemCalls compat{240, 422,          futex_waitv_call, futex_wait_call, 3,
                             145, compat_input, compat_polls,     compat_selects,  compat_naps};

} // namespace

const SystemCalls& system_calls(Abi abi) {
  return abi == Abi::compat ? compat : native;
}

long plain_number(long number) {
#if defined(__x86_64__)
  constexpr long x32_bit = 0x40000000; // __X32_SYSCALL_BIT
  return number >= 0 ? number & ~x32_bit : number;
#else
  return number;
#endif
}

} // namespace forkmon
