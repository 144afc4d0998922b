// SPDX-License-Identifier: MIT
#include "process/overlay_layers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace forkmon {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(LayersOf, AreInTheOrderInWhichOverlayfsLooks) {
  EXPECT_THAT(layers_of("rw,lowerdir=/a:/b,upperdir=/u,workdir=/w,xino=off"),
              ElementsAre("/u", "/a", "/b"));
  EXPECT_THAT(layers_of("ro,lowerdir=/a"), ElementsAre("/a"));
  EXPECT_THAT(layers_of("rw,lowerdir+=/a,lowerdir+=/b,datadir+=/d,upperdir=/u"),
              ElementsAre("/u", "/a", "/b", "/d"));
  EXPECT_THAT(layers_of("ro,lowerdir=/a::/data1::/data2"), ElementsAre("/a", "/data1", "/data2"));
}

TEST(LayersOf, MayHaveAnyNames) {
  EXPECT_THAT(layers_of("rw,lowerdir=/a\\134:b\\054c\\040d:e,upperdir=/u=v"),
              ElementsAre("/u=v", "/a:b,c d", "e"));
  EXPECT_THAT(layers_of("rw,lowerdir+=/a:b"), ElementsAre("/a:b"));
}

TEST(LayersOf, AreNoneWhereTheOptionsMakeNoSense) {
  EXPECT_THAT(layers_of(""), IsEmpty());
  EXPECT_THAT(layers_of(",=,lowerdir,lowerdir=,lowerdir=:::,upper=/u"), ElementsAre());
  std::string many = "lowerdir=/0";
  for (int i = 0; i < 2000; i++)
    many += ":/x";
  EXPECT_EQ(layers_of(many).size(), 500U);
}

Mount overlay(std::string place, std::string root = "/") {
  return {"overlay", std::move(root), std::move(place), "rw,lowerdir=/l,upperdir=/u"};
}

TEST(PathsInLayers, AreBelowEachLayer) {
  EXPECT_THAT(paths_in_layers(overlay("/merged"), "/merged/lib/libc.so.6"),
              ElementsAre("/u/lib/libc.so.6", "/l/lib/libc.so.6"));
  EXPECT_THAT(paths_in_layers(overlay("/"), "/lib/libc.so.6"),
              ElementsAre("/u/lib/libc.so.6", "/l/lib/libc.so.6"));
  EXPECT_THAT(paths_in_layers(overlay("/lib", "/usr/lib"), "/lib/libc.so.6"),
              ElementsAre("/u/usr/lib/libc.so.6", "/l/usr/lib/libc.so.6"));
  EXPECT_THAT(paths_in_layers(overlay("/m"), "/m/a (deleted)"), ElementsAre("/u/a", "/l/a"));
}

TEST(PathsInLayers, AreNoneOfAFileBesideTheMountOrOfAnotherOne) {
  EXPECT_THAT(paths_in_layers(overlay("/merged"), "/other/lib"), IsEmpty());
  EXPECT_THAT(paths_in_layers(overlay("/merged"), "/merged2/lib"), IsEmpty());
  EXPECT_THAT(paths_in_layers(overlay("/merged"), "/merged"), IsEmpty());
  EXPECT_THAT(paths_in_layers(overlay("/merged"), ""), IsEmpty());
  EXPECT_THAT(paths_in_layers({"ext4", "/", "/", "rw,lowerdir=/l"}, "/lib"), IsEmpty());
}

TEST(UnescapeMount, TakesOctalDigitsAlone) {
  EXPECT_EQ(unescape_mount("/a\\040b\\134c\\011"), "/a b\\c\t");
  EXPECT_EQ(unescape_mount("\\04"), "\\04");
  EXPECT_EQ(unescape_mount("\\09x\\"), "\\09x\\");
  EXPECT_EQ(unescape_mount(""), "");
}

} // namespace
} // namespace forkmon
