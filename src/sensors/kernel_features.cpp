// SPDX-License-Identifier: MIT
#include "sensors/kernel_features.h"

#include <bpf/btf.h>

#include <algorithm>
#include <memory>
#include <span>
#include <string_view>

namespace forkmon {
namespace {

struct BtfDeleter {
  void operator()(btf* types) const { btf__free(types); }
};
using Btf = std::unique_ptr<btf, BtfDeleter>;

/// The type of that name; null where the kernel has none.
const btf_type* find_type(const btf& kernel, const char* name, unsigned kind) {
  const int id = btf__find_by_name_kind(&kernel, name, kind);
  return id > 0 ? btf__type_by_id(&kernel, static_cast<std::uint32_t>(id)) : nullptr;
}

bool has_member(const btf& kernel, const char* type_name, std::string_view member_name) {
  const btf_type* type = find_type(kernel, type_name, BTF_KIND_STRUCT);
  if (type == nullptr)
    return false;
  return std::ranges::any_of(std::span(btf_members(type), btf_vlen(type)),
                             [&](const btf_member& member) {
                               return btf__name_by_offset(&kernel, member.name_off) == member_name;
                             });
}

/// `helpers`: enum bpf_func_id, or null.
bool has_helper(const btf& kernel, const btf_type* helpers, std::string_view name) {
  if (helpers == nullptr)
    return false;
  return std::ranges::any_of(std::span(btf_enum(helpers), btf_vlen(helpers)),
                             [&](const struct btf_enum& helper) {
                               return btf__name_by_offset(&kernel, helper.name_off) == name;
                             });
}

} // namespace

std::optional<std::string> KernelFeatures::why_no_calls() const {
  if (!task_storage)
    return "the kernel has no task storage for tracing programs, which came with Linux 5.13";
  if (!finds_mappings)
    return "the kernel has no bpf_find_vma, which came with Linux 5.17";
  return std::nullopt;
}

KernelFeatures KernelFeatures::of_running_kernel() {
  const Btf owner(btf__load_vmlinux_btf());
  if (!owner)
    return {};
  const btf& kernel = *owner;
  const btf_type* helpers = find_type(kernel, "bpf_func_id", BTF_KIND_ENUM);
  return {
      .task_storage = has_helper(kernel, helpers, "BPF_FUNC_task_storage_get") &&
                      has_member(kernel, "task_struct", "bpf_storage"),
      .loops = has_helper(kernel, helpers, "BPF_FUNC_loop"),
      .finds_mappings = has_helper(kernel, helpers, "BPF_FUNC_find_vma"),
      .iterates_tasks = find_type(kernel, "bpf_iter_task", BTF_KIND_FUNC) != nullptr,
      .iterates_one_task = has_member(kernel, "bpf_iter_aux_info", "task"),
      .traces_page_faults =
          find_type(kernel, "btf_trace_page_fault_user", BTF_KIND_TYPEDEF) != nullptr,
  };
}

} // namespace forkmon
