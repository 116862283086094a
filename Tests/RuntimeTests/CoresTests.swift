// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import Runtime

struct CoresTests {
    @Test(arguments: [
        ("max 100000\n", nil), ("150000 100000\n", 2), ("50000 100000", 1), ("-1 100000", nil),
        ("x y", nil),
    ])
    func `a cgroup quota is read as cores`(text: String, cores: Int?) {
        #expect(Cores.parseQuota(text) == cores)
    }

    @Test func `the least quota of a group and its ancestors binds`() {
        let files = [
            "/sys/fs/cgroup/cpu.max": "300000 100000\n",
            "/sys/fs/cgroup/a/cpu.max": "200000 100000\n",
            "/sys/fs/cgroup/a/b/cpu.max": "max 100000\n",
        ]
        #expect(Cores.quota(groups: "0::/a/b\n") { files[$0] } == 2)
        #expect(Cores.quota(groups: "0::/c\n") { files[$0] } == 3)
        #expect(Cores.quota(groups: "0::/\n") { files[$0] } == 3)
        #expect(Cores.quota(groups: "1:name=systemd:/a/b\n") { files[$0] } == nil)
    }

    @Test func `quotas of version 1 have two files`() {
        let files = [
            "/sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1\n",
            "/sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
            "/sys/fs/cgroup/cpu/a/cpu.cfs_quota_us": "150000\n",
            "/sys/fs/cgroup/cpu/a/cpu.cfs_period_us": "100000\n",
        ]
        #expect(Cores.quota(groups: "3:cpu,cpuacct:/a\n0::/\n") { files[$0] } == 2)
        #expect(Cores.quota(groups: "3:cpuset:/a\n1:cpu:/\n") { files[$0] } == nil)
    }
}
