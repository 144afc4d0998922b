// SPDX-License-Identifier: MIT
#include "process/cgroup_id.h"

#include <gtest/gtest.h>

namespace forkmon {
namespace {

TEST(CgroupHierarchy, KnowsNoPathOfNoCgroup) {
  const CgroupHierarchy cgroups;
  for (const std::uint64_t id : {std::uint64_t{0}, ~std::uint64_t{0}, std::uint64_t{1} << 60U})
    EXPECT_EQ(cgroups.path_of(id), std::nullopt);
}

} // namespace
} // namespace forkmon
