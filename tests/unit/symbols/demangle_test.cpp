// SPDX-License-Identifier: MIT
#include "symbols/demangle.h"

#include <gtest/gtest.h>

#include <chrono>
#include <string>

namespace forkmon {
namespace {

struct Name {
  const char* mangled;
  const char* text;
};

TEST(Demangle, TurnsNamesOfCppIntoSource) {
  EXPECT_EQ(demangle("_ZN7forkmon8demangleERKi"), "forkmon::demangle(int const&)");
  EXPECT_EQ(demangle("_ZZN6Logger8instanceEvE6logger"), "Logger::instance()::logger");
  EXPECT_EQ(demangle("main"), "main");
  EXPECT_EQ(demangle("_Znonsense"), "_Znonsense");
  EXPECT_EQ(demangle(""), "");
}

// Names of a program that rustc 1.95 compiled; the texts are those of rustc-demangle.
TEST(Demangle, TurnsNamesOfRustIntoSource) {
  constexpr Name names[] = {
      {"_RNvCs6GmmlP4bgsG_1r1M", "r::M"},
      {"_RNvMNtNtNtNtCsjrHSEGnQ3l9_3std3sys4sync5mutex5futexNtB2_5Mutex14lock_contended",
       "<std::sys::sync::mutex::futex::Mutex>::lock_contended"},
      {"_RINvNtCsgEmfK2I1SDS_4core3ptr13drop_in_placeINtNtNtNtCsjrHSEGnQ3l9_3std4sync6poison5"
       "mutex10MutexGuardINtNtCslNYArtu3iFV_5alloc3vec3VechEEEBP_",
       "core::ptr::drop_in_place::<std::sync::poison::mutex::MutexGuard<alloc::vec::Vec<u8>>>"},
      {"_RNSNvYNCNvNtNtNtCsjrHSEGnQ3l9_3std3sys11personality3gcc14find_eh_actions_0INtNtNtCsgEmfK2"
       "I1SDS_4core3ops8function6FnOnceuE9call_once6vtableBe_",
       "<std::sys::personality::gcc::find_eh_action::{closure#1} as "
       "core::ops::function::FnOnce<()>>::call_once::{shim:vtable#0}"},
      {"_RNvXs1g_NtCsgEmfK2I1SDS_4core3fmtRINtNtCslNYArtu3iFV_5alloc5boxed3BoxDNtNtB8_5error5"
       "ErrorNtNtB8_6marker4SyncNtB1r_4SendEL_ENtB6_5Debug3fmtCsjrHSEGnQ3l9_3std",
       "<&alloc::boxed::Box<dyn core::error::Error + core::marker::Sync + core::marker::Send> as "
       "core::fmt::Debug>::fmt"},
      {"_RNvNCNKNvNtNtCsjrHSEGnQ3l9_3std6thread9spawnhook11SPAWN_HOOKS0023___RUST_STD_INTERNAL_VAL",
       "std::thread::spawnhook::SPAWN_HOOKS::{K#0}::{closure#0}::__RUST_STD_INTERNAL_VAL"},
      {"_RNvMCs6GmmlP4bgsG_1rINtB2_1CKc41_Kb1_Kan5_E4show", "<r::C<'A', true, -5>>::show"},
      {"_RNvNtCs6GmmlP4bgsG_1ru8gdel_5qa4zahl", "r::punycode{gdel-5qa}::zahl"},
      {"_RNvCs6GmmlP4bgsG_1r1M.llvm.1234567", "r::M"},
      {"_RMC0FUKCRL_hPaEu", "<unsafe extern \"C\" fn(&u8, *const i8)>"},
      {"_RIC0TmEASjj4_QeOyFG_RL0_eEzE", "::<(u32,), [[usize]; 4], &mut str, *mut u64, "
                                        "for<'a> fn(&'a str) -> !>"},
      {"_RIC0DG_INtC1a1FReEp6OutputBd_EL_E", "::<dyn for<'a> a::F<&str, Output = &str>>"},
  };
  for (const Name& name : names)
    EXPECT_EQ(demangle(name.mangled), name.text);
}

TEST(Demangle, LeavesOutTheHashOfOldRust) {
  EXPECT_EQ(
      demangle("_ZN3std3sys4unix5locks11futex_mutex5Mutex14lock_contended17h0123456789abcdefE"),
      "std::sys::unix::locks::futex_mutex::Mutex::lock_contended");
  EXPECT_EQ(demangle("_ZN58_$LT$std..io..Lines$LT$B$GT$$u20$as$u20$core..Iterator$GT$4next"
                     "17h8a1b2c3d4e5f6071E"),
            "<std::io::Lines<B> as core::Iterator>::next");
}

TEST(Demangle, LeavesWhatIsNoNameAsItIs) {
  for (const char* name :
       {"_R", "_RN", "_Rnonsense", "_RNvC", "_RNvC3foo3b", "_RB_", "_RNvB1_1a",
        "_RNvC99999999999999999999999a1b", "_RIC1aRL0_eE", "_RIC1aTE", "_RC1aQ", "_RMC1aFG99_uEu",
        "_RIC1aKh1", "_RIC1aKe1_E", "_RNvC1a1b junk", "_R1C1a"})
    EXPECT_EQ(demangle(name), name);
}

TEST(Demangle, CutsLongNames) {
  EXPECT_EQ(demangle(std::string(100000, 'x')).size(), 512U);
  EXPECT_EQ(demangle("_Z" + std::string(100000, 'P')).size(), 512U);
  EXPECT_EQ(demangle("_RC" + std::string(100000, '9')).size(), 512U);
  EXPECT_EQ(demangle("_ZN3foo800" + std::string(800, 'a') + "E"),
            "foo::" + std::string(504, 'a') + "...");
}

/// _Z1f1AIiiES_IS0_S0_E…: each type has the one before it twice.
std::string doubling_cpp_name(int levels) {
  constexpr const char* digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
  std::string name = "_Z1f1AIiiE";
  for (int i = 0; i < levels; i++) {
    const std::string number =
        i < 36 ? std::string(1, digits[i]) : std::string("1") + digits[i - 36];
    name.append("S_IS").append(number).append("_S").append(number).append("_E");
  }
  return name;
}

/// _RIC1fTaaETB2_B2_E…: the same by back references.
std::string doubling_rust_name(int levels) {
  constexpr const char* digits = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
  const auto base62 = [&](std::size_t number) {
    return std::string{digits[(number - 1) / 62], digits[(number - 1) % 62]};
  };
  std::string name = "IC1f";
  std::size_t last = name.size();
  name += "TaaE";
  for (int i = 0; i < levels; i++) {
    const std::size_t here = name.size();
    name += "TB" + base62(last) + "_B" + base62(last) + "_E";
    last = here;
  }
  return "_R" + name + "E";
}

TEST(Demangle, ReturnsSoonWhateverTheName) {
  const auto start = std::chrono::steady_clock::now();
  for (int levels : {20, 41, 60, 70}) {
    EXPECT_LE(demangle(doubling_cpp_name(levels)).size(), 512U);
    EXPECT_EQ(demangle(doubling_rust_name(levels)).substr(0, 20), "f::<(i8, i8), ((i8, ");
  }
  // No part of this one has a name, so that the text does not grow.
  std::string silent = "_RIC1f";
  for (int i = 0; i < 100; i++)
    silent += "NvB3_0";
  demangle(silent + "E");
  demangle("_R" + std::string(1000, 'M'));
  demangle("_RIC1f" + std::string(1000, 'R') + "aE");
  demangle("_Z1f" + std::string(1000, 'P'));
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(1));
}

} // namespace
} // namespace forkmon
