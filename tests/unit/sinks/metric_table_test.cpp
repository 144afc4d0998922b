// SPDX-License-Identifier: MIT
#include "sinks/metric_table.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <regex>
#include <set>
#include <string>

namespace forkmon {
namespace {

const char* const reference = FORKMON_SOURCE_DIR "/docs/metrics.md";

std::string to_string(prometheus::MetricType type) {
  switch (type) {
  case prometheus::MetricType::Counter:
    return "counter";
  case prometheus::MetricType::Gauge:
    return "gauge";
  default:
    return "histogram";
  }
}

std::string to_string(MetricGroup group) {
  constexpr std::array names{"children", "deadlocks", "kernel", "probes", "agent"};
  return names.at(static_cast<std::size_t>(group));
}

std::string to_string(const MetricLabel& label) {
  const bool has_values = *label.values != '\0';
  return fmt::format("`{}`{}{}", label.name, has_values ? ": " : "", label.values);
}

std::string row(const MetricInfo& info) {
  std::string labels;
  for (const MetricLabel& label : info.labels)
    labels += (labels.empty() ? "" : "; ") + to_string(label);
  const std::string bound = info.series_per_value == 0 ? ""
                            : info.series_per_value == 1
                                ? "N"
                                : fmt::format("{} N", info.series_per_value);
  return fmt::format("| `{}` | {} | {} | {} | {} |\n", info.name, to_string(info.type), labels,
                     bound, info.help);
}

std::string table(MetricGroup group) {
  std::string text = "| metric | type | labels | series | meaning |\n"
                     "| --- | --- | --- | --- | --- |\n";
  for (const MetricInfo* info : all_metrics())
    if (info->group == group)
      text += row(*info);
  return text;
}

/// The page with the tables between its marks replaced by those of the code.
std::string generated(std::string page) {
  for (MetricGroup group : {MetricGroup::children, MetricGroup::deadlocks, MetricGroup::kernel,
                            MetricGroup::probes, MetricGroup::agent}) {
    const std::string mark = fmt::format("<!-- from the code: {} -->\n", to_string(group));
    const std::size_t start = page.find(mark);
    const std::size_t end = page.find("<!-- end -->", start);
    if (start == std::string::npos || end == std::string::npos)
      return "docs/metrics.md lacks the marks of " + to_string(group);
    page.replace(start + mark.size(), end - start - mark.size(), table(group));
  }
  return page;
}

std::string read(const char* path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

TEST(MetricTable, IsTheReferenceInTheDocuments) {
  const std::string page = read(reference);
  const std::string wanted = generated(page);
  if (std::getenv("FORKMON_WRITE_REFERENCE") != nullptr)
    std::ofstream(reference) << wanted;
  else
    EXPECT_EQ(page, wanted) << "FORKMON_WRITE_REFERENCE=1 build/tests/unit/sinks_test "
                               "--gtest_filter='MetricTable.*' writes it anew";
}

TEST(MetricTable, FollowsTheConventionsOfNames) {
  const std::regex form("(forkmon|process)_[a-z_]+");
  std::set<std::string> names;
  for (const MetricInfo* info : all_metrics()) {
    const std::string name = info->name;
    EXPECT_TRUE(std::regex_match(name, form)) << name;
    EXPECT_TRUE(names.insert(name).second) << name << " is there twice";
    EXPECT_EQ(info->type == prometheus::MetricType::Counter, name.ends_with("_total")) << name;
    EXPECT_EQ(std::string(info->help).find_first_of("\n|"), std::string::npos) << name;
    for (const MetricLabel& label : info->labels)
      EXPECT_STRNE(label.name, "pid") << name;
  }
}

TEST(MetricTable, BoundsEveryMetricWithForeignLabels) {
  for (const MetricInfo* info : all_metrics()) {
    const bool has_foreign = std::ranges::any_of(
        info->labels, [](const MetricLabel& l) { return l.kind == LabelKind::foreign; });
    EXPECT_EQ(has_foreign, info->series_per_value > 0) << info->name;
  }
}

TEST(MetricTable, FoldsForeignLabelsAlone) {
  EXPECT_THAT(folded(metric::unsafe_calls, {"/a", "malloc", "allocator", "high", "docker://1"}),
              testing::ElementsAre("other", "other", "other", "high", "other"));
  EXPECT_THAT(folded(metric::forks, {"vfork"}), testing::ElementsAre("vfork"));
}

} // namespace
} // namespace forkmon
