// SPDX-License-Identifier: MIT
// The first code of the portable program: it does what the kernel does for a program that names its
// dynamic linker, with the linker that lies beside the program. PT_INTERP cannot do that, because
// the kernel takes a relative path there as relative to the working directory.
//
// It runs before anything is relocated, so it uses no library, no data with addresses in it, and no
// stack protector.
#include <elf.h>
#include <fcntl.h>
#include <limits.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>

enum { max_segments = 16 };

// Enters find_linker with the stack as the kernel made it, and then the dynamic linker with the
// same stack.
#if defined(__x86_64__)
__asm__(".globl forkmon_start\n"
        ".type forkmon_start, @function\n"
        "forkmon_start:\n"
        "  xor %ebp, %ebp\n"
        "  mov %rsp, %rdi\n"
        "  mov %rsp, %rbx\n"
        "  and $-16, %rsp\n"
        "  call find_linker\n"
        "  mov %rbx, %rsp\n"
        "  xor %edx, %edx\n"
        "  jmp *%rax\n");

static long system_call(long number, long a, long b, long c, long d, long e, long f) {
  long result;
  register long r10 __asm__("r10") = d;
  register long r8 __asm__("r8") = e;
  register long r9 __asm__("r9") = f;
  __asm__ volatile("syscall"
                   : "=a"(result)
                   : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                   : "rcx", "r11", "memory");
  return result;
}
#elif defined(__aarch64__)
__asm__(".globl forkmon_start\n"
        ".type forkmon_start, %function\n"
        "forkmon_start:\n"
        "  mov x29, #0\n"
        "  mov x30, #0\n"
        "  mov x0, sp\n"
        "  bl find_linker\n"
        "  mov x16, x0\n"
        "  mov x0, #0\n"
        "  br x16\n");

static long system_call(long number, long a, long b, long c, long d, long e, long f) {
  register long x8 __asm__("x8") = number;
  register long x0 __asm__("x0") = a;
  register long x1 __asm__("x1") = b;
  register long x2 __asm__("x2") = c;
  register long x3 __asm__("x3") = d;
  register long x4 __asm__("x4") = e;
  register long x5 __asm__("x5") = f;
  __asm__ volatile("svc 0"
                   : "+r"(x0)
                   : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
                   : "memory");
  return x0;
}
#else
#error "no start code for this architecture"
#endif

// Where crt1.o begins. Hidden, so that its address needs no relocation.
extern void _start(void) __attribute__((visibility("hidden")));

_Noreturn static void fail(const char* why, size_t length) {
  system_call(SYS_write, 2, (long)why, (long)length, 0, 0, 0);
  for (;;)
    system_call(SYS_exit_group, 127, 0, 0, 0, 0, 0);
}
#define FAIL(why) fail("forkmon: " why "\n", sizeof("forkmon: " why "\n") - 1)

static int failed(long result) {
  return result < 0 && result > -4096;
}

// The path of the dynamic linker: lib/FORKMON_LINKER beside the program.
static void path_of_linker(char* path, size_t size) {
  static const char name[] = "/lib/" FORKMON_LINKER;
  long length =
      system_call(SYS_readlinkat, AT_FDCWD, (long)"/proc/self/exe", (long)path, (long)size, 0, 0);
  if (failed(length))
    FAIL("cannot read /proc/self/exe: mount proc on /proc");
  while (length > 0 && path[length - 1] != '/')
    length--;
  if (length == 0 || (size_t)length + sizeof(name) > size)
    FAIL("the path of the program is too long");
  for (size_t i = 0; i < sizeof(name); i++)
    path[(size_t)length - 1 + i] = name[i];
}

static uintptr_t down(uintptr_t address, uintptr_t page) {
  return address & ~(page - 1);
}

static uintptr_t up(uintptr_t address, uintptr_t page) {
  return down(address + page - 1, page);
}

static uintptr_t map(uintptr_t address, uintptr_t size, int protection, int flags, int file,
                     uintptr_t offset) {
  long result = system_call(SYS_mmap, (long)address, (long)size, protection, MAP_PRIVATE | flags,
                            file, (long)offset);
  if (failed(result))
    FAIL("cannot map lib/" FORKMON_LINKER);
  return (uintptr_t)result;
}

static void map_segment(uintptr_t base, const Elf64_Phdr* segment, int file, uintptr_t page) {
  const int protection = (segment->p_flags & PF_R ? PROT_READ : 0) |
                         (segment->p_flags & PF_W ? PROT_WRITE : 0) |
                         (segment->p_flags & PF_X ? PROT_EXEC : 0);
  const uintptr_t start = base + segment->p_vaddr;
  const uintptr_t file_end = start + segment->p_filesz;
  const uintptr_t end = start + segment->p_memsz;
  map(down(start, page), file_end - down(start, page), protection, MAP_FIXED, file,
      down(segment->p_offset, page));
  if (end == file_end)
    return;
  // Zeros behind what the file has: the rest of its last page, and pages of their own.
  for (uintptr_t at = file_end; at < up(file_end, page); at++)
    *(char*)at = 0;
  if (up(end, page) > up(file_end, page))
    map(up(file_end, page), up(end, page) - up(file_end, page), protection,
        MAP_FIXED | MAP_ANONYMOUS, -1, 0);
}

struct linker {
  uintptr_t base;
  uintptr_t entry;
};

static struct linker map_linker(const char* path, uintptr_t page) {
  Elf64_Ehdr header;
  Elf64_Phdr segments[max_segments];
  const int file =
      (int)system_call(SYS_openat, AT_FDCWD, (long)path, O_RDONLY | O_CLOEXEC, 0, 0, 0);
  if (failed(file))
    FAIL("cannot open lib/" FORKMON_LINKER ", which must lie beside the program");
  if (system_call(SYS_read, file, (long)&header, sizeof(header), 0, 0, 0) != (long)sizeof(header) ||
      header.e_phnum > max_segments || header.e_phentsize != sizeof(Elf64_Phdr))
    FAIL("lib/" FORKMON_LINKER " is no dynamic linker");
  const long size = (long)(header.e_phnum * sizeof(Elf64_Phdr));
  if (system_call(SYS_pread64, file, (long)segments, size, (long)header.e_phoff, 0, 0) != size)
    FAIL("lib/" FORKMON_LINKER " is cut off");
  uintptr_t end = 0;
  for (int i = 0; i < header.e_phnum; i++)
    if (segments[i].p_type == PT_LOAD && segments[i].p_vaddr + segments[i].p_memsz > end)
      end = segments[i].p_vaddr + segments[i].p_memsz;
  const uintptr_t base = map(0, up(end, page), PROT_NONE, MAP_ANONYMOUS, -1, 0); // room for all
  for (int i = 0; i < header.e_phnum; i++)
    if (segments[i].p_type == PT_LOAD)
      map_segment(base, &segments[i], file, page);
  system_call(SYS_close, file, 0, 0, 0, 0, 0);
  return (struct linker){base, base + header.e_entry};
}

// The auxiliary vector lies behind the arguments and the environment.
static Elf64_auxv_t* auxiliary_vector(uintptr_t* stack) {
  uintptr_t* at = stack + 1 + stack[0] + 1;
  while (*at != 0)
    at++;
  return (Elf64_auxv_t*)(at + 1);
}

// The program's headers, and before them two that the link editor leaves out where there is no
// PT_INTERP: by PT_PHDR the dynamic linker learns where the program is mapped, by PT_INTERP its own
// name.
static Elf64_Phdr headers[max_segments];
static const char linker_name[] = FORKMON_LINKER;

// Where the program is mapped: its first byte.
extern const char __ehdr_start[] __attribute__((visibility("hidden")));

static uintptr_t copy_headers(const Elf64_Phdr* program, uintptr_t count) {
  if (count + 2 > max_segments)
    FAIL("the program has too many segments");
  headers[0].p_type = PT_PHDR;
  headers[0].p_vaddr = (uintptr_t)headers - (uintptr_t)__ehdr_start;
  headers[1].p_type = PT_INTERP;
  headers[1].p_vaddr = (uintptr_t)linker_name - (uintptr_t)__ehdr_start;
  headers[1].p_memsz = sizeof(linker_name);
  for (uintptr_t i = 0; i < count; i++)
    headers[i + 2] = program[i];
  return count + 2;
}

static uintptr_t* value_of(Elf64_auxv_t* vector, uint64_t type) {
  while (vector->a_type != type && vector->a_type != AT_NULL)
    vector++;
  return &vector->a_un.a_val;
}

// Maps the dynamic linker and returns its entry. The auxiliary vector then says what it would say
// had the kernel mapped it: where the linker is, where the program begins, and where its headers
// are.
__attribute__((used)) static uintptr_t find_linker(uintptr_t* stack) {
  char path[PATH_MAX];
  Elf64_auxv_t* const vector = auxiliary_vector(stack);
  path_of_linker(path, sizeof(path));
  const struct linker linker = map_linker(path, *value_of(vector, AT_PAGESZ));
  uintptr_t* const count = value_of(vector, AT_PHNUM);
  uintptr_t* const program = value_of(vector, AT_PHDR);
  *count = copy_headers((const Elf64_Phdr*)*program, *count);
  *program = (uintptr_t)headers;
  *value_of(vector, AT_BASE) = linker.base;
  *value_of(vector, AT_ENTRY) = (uintptr_t)&_start;
  return linker.entry;
}
