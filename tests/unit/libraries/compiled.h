// SPDX-License-Identifier: MIT
/// Programs and libraries made by a compiler in a directory that is removed afterwards.
#pragma once

#include "elf/elf_file.h"
#include "libraries/library_scan.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>

namespace forkmon {

class Compiled : public testing::Test {
protected:
  void SetUp() override {
    std::string pattern = std::filesystem::temp_directory_path() / "forkmon-test-XXXXXX";
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    directory_ = pattern;
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  std::string path_of(const std::string& name) const { return directory_ / name; }

  /// The path of what `command -o PATH SOURCE` made.
  std::string compile(const std::string& name, const std::string& source,
                      const std::string& command) const {
    std::ofstream(path_of(name + ".src")) << source;
    const std::string language = command.starts_with("g++") ? "c++" : "c";
    const std::string line = command + " -O1 -w -o " + path_of(name) + " -x " + language + " " +
                             path_of(name + ".src") + " -x none";
    EXPECT_EQ(std::system(line.c_str()), 0) << line;
    return path_of(name);
  }

  std::string compile_library(const std::string& soname, const std::string& source,
                              const std::string& compiler = "gcc") const {
    return compile(soname, source, compiler + " -fno-builtin -shared -fPIC -Wl,-soname," + soname);
  }

  std::filesystem::path directory_;
};

inline LibraryScan scan(const std::string& path,
                        const std::vector<UserFunction>& user_functions = {}) {
  auto file = ElfFile::open(path);
  EXPECT_TRUE(file) << (file ? "" : file.error().message);
  return file ? scan_library(*file, path, user_functions) : LibraryScan{};
}

/// How many sites each name has.
inline std::map<std::string, int> names(const LibraryScan& scan) {
  std::map<std::string, int> found;
  for (const FoundFunction& function : scan.functions)
    found[function.function.function]++;
  return found;
}

inline ProbedFunction function(const LibraryScan& scan, const std::string& name) {
  auto found = std::ranges::find(scan.functions, name,
                                 [](const FoundFunction& f) { return f.function.function; });
  EXPECT_NE(found, scan.functions.end()) << name;
  return found == scan.functions.end() ? ProbedFunction{} : found->function;
}

inline std::vector<std::string> provider_names_of(const LibraryScan& scan) {
  std::vector<std::string> found;
  for (const FoundProvider& provider : scan.providers)
    found.emplace_back(provider.name);
  return found;
}

} // namespace forkmon
