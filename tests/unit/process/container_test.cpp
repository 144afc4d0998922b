// SPDX-License-Identifier: MIT
#include "process/container.h"

#include <gtest/gtest.h>

namespace forkmon {
namespace {

const std::string id = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
const std::string other_id(64, 'a');
const std::string pod = "kubepods-burstable-pod3c2b6b8e_4a0e_4d5b_9a59_1f0e6c1f9a11.slice";
const std::string pods = "/kubepods.slice/kubepods-burstable.slice/" + pod;

struct Case {
  std::string cgroup;
  std::string uri;
};

void PrintTo(const Case& c, std::ostream* out) {
  *out << c.cgroup;
}

class ContainerOf : public testing::TestWithParam<Case> {};

TEST_P(ContainerOf, FindsRuntimeAndId) {
  const auto container = container_of(GetParam().cgroup);
  ASSERT_TRUE(container);
  EXPECT_EQ(container->uri(), GetParam().uri);
  EXPECT_EQ(container->id, id);
}

INSTANTIATE_TEST_SUITE_P(
    Docker, ContainerOf,
    testing::Values(Case{"/system.slice/docker-" + id + ".scope", "docker://" + id},
                    Case{"/docker/" + id, "docker://" + id},
                    Case{"/docker/" + id + "/init", "docker://" + id},
                    Case{"/user.slice/user-1000.slice/user@1000.service/user.slice/docker-" + id +
                             ".scope",
                         "docker://" + id},
                    Case{"/docker/" + other_id + "/docker/" + id, "docker://" + id}));

INSTANTIATE_TEST_SUITE_P(
    Containerd, ContainerOf,
    testing::Values(
        Case{pods + "/cri-containerd-" + id + ".scope", "containerd://" + id},
        Case{"/kubepods/besteffort/pod3c2b6b8e-4a0e-4d5b-9a59-1f0e6c1f9a11/" + id,
             "containerd://" + id},
        Case{"/system.slice/containerd.service/" + pod + ":cri-containerd:" + id,
             "containerd://" + id},
        Case{"/system.slice/docker-" + other_id + ".scope/kubelet.slice/kubelet-kubepods.slice/" +
                 pod + "/cri-containerd-" + id + ".scope",
             "containerd://" + id},
        Case{"/../../" + pod + "/cri-containerd-" + id + ".scope", "containerd://" + id},
        Case{"/system.slice/nerdctl-" + id + ".scope", "containerd://" + id}));

INSTANTIATE_TEST_SUITE_P(
    CriO, ContainerOf,
    testing::Values(Case{pods + "/crio-" + id + ".scope", "cri-o://" + id},
                    Case{pods + "/crio-" + id + ".scope/container", "cri-o://" + id},
                    Case{"/kubepods/besteffort/pod1/crio-" + id, "cri-o://" + id}));

INSTANTIATE_TEST_SUITE_P(
    Podman, ContainerOf,
    testing::Values(Case{"/machine.slice/libpod-" + id + ".scope/container", "podman://" + id},
                    Case{"/machine.slice/libpod-" + id + ".scope", "podman://" + id},
                    Case{"/libpod_parent/libpod-" + id, "podman://" + id},
                    Case{"/machine.slice/machine-libpod_pod_" + other_id + ".slice/libpod-" + id +
                             ".scope",
                         "podman://" + id},
                    Case{"/system.slice/app.service/libpod-payload-" + id, "podman://" + id},
                    Case{"/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-" + id +
                             ".scope/container",
                         "podman://" + id}));

INSTANTIATE_TEST_SUITE_P(UnknownRuntime, ContainerOf,
                         testing::Values(Case{"/default/" + id, "unknown://" + id},
                                         Case{"/a.slice/other-" + id + ".scope",
                                              "unknown://" + id}));

class NoContainer : public testing::TestWithParam<std::string> {};

TEST_P(NoContainer, IsFound) {
  EXPECT_EQ(container_of(GetParam()), std::nullopt);
}

INSTANTIATE_TEST_SUITE_P(Paths, NoContainer,
                         testing::Values("", "/", "//", "/user.slice/user-0.slice/session-1.scope",
                                         "/system.slice/nginx.service",
                                         "/machine.slice/systemd-nspawn@web.service",
                                         "/machine.slice/machine-web.scope/payload",
                                         "/lxc.payload.web/init.scope", pods,
                                         "/machine.slice/libpod-conmon-" + id + ".scope",
                                         pods + "/crio-conmon-" + id + ".scope",
                                         "/machine.slice/machine-libpod_pod_" + id + ".slice"));

INSTANTIATE_TEST_SUITE_P(Forged, NoContainer,
                         testing::Values("/x" + id, "/" + id.substr(1), "/a" + id + "a",
                                         "/docker-" + id.substr(1) + "G.scope",
                                         "/docker-" + std::string(63, 'a') + "A.scope",
                                         "/docker-" + id + ".scope\n", std::string(100000, '/'),
                                         "docker\xff" + id, "/docker-" + id + "\"} 1"));

} // namespace
} // namespace forkmon
